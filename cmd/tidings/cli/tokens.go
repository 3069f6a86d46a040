package cli

import (
	"context"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func (a *App) tokensCommand() *cobra.Command {
	return usage.Group(&cobra.Command{Use: "tokens", Short: "List, make and end the API's tokens (an administrator's)"},
		a.tokensList(), a.tokensCreate(),
		a.tokensEnd(&cobra.Command{Use: "revoke TOKEN", Short: "End a token, by its id; its record stays"}, func(ctx context.Context, s *call.Session, path string) error {
			_, err := s.API.Post(ctx, path+"/revoke", nil)
			return err
		}),
		a.tokensEnd(&cobra.Command{Use: "delete TOKEN", Short: "End a token, by its id, and remove its record"}, func(ctx context.Context, s *call.Session, path string) error {
			return s.API.Delete(ctx, path)
		}))
}

func (a *App) tokensList() *cobra.Command {
	var limit int
	c := &cobra.Command{Use: "list", Short: "List the tokens, or those of --tenant", Args: usage.NoArguments()}
	c.Flags().IntVar(&limit, "limit", 0, "show at most so many (default: all)")
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		q := url.Values{}
		if a.SaidTenant != "" {
			q.Set("tenant", a.SaidTenant)
		}
		page, err := s.API.List(ctx, "/v1/tokens", q, limit)
		if err != nil {
			return err
		}
		return s.Printer(c).Page(page, []show.Column{{"TOKEN", "id"}, {"SCOPE", "scope"}, {"TENANT", "tenant"}, {"NAME", "name"}, {"EXPIRES", "expires"}, {"REVOKED", "revoked"}, {"LAST USED", "last_used"}})
	})
	return c
}

func (a *App) tokensCreate() *cobra.Command {
	var (
		scope, name, expires string
		user                 []string
	)
	c := &cobra.Command{
		Use:   "create",
		Short: "Make a token, and show it this once",
		Example: `  tidings tokens create --scope publish --tenant acme --name shop
  tidings tokens create --scope personal --tenant acme --user u1,ada@example.com --expires 90d`,
		Args: usage.NoArguments(),
	}
	f := c.Flags()
	f.StringVar(&scope, "scope", "", "what it may: admin, tenant:write, tenant:read, personal or publish (required)")
	f.StringVar(&name, "name", "", "what people call it")
	f.StringSliceVar(&user, "user", nil, "ids of the user, for the scope personal")
	f.StringVar(&expires, "expires", "", "when it ends: a time, or in how long, like 90d")
	_ = c.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{"admin", "tenant:write", "tenant:read", "personal", "publish"}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		if scope == "" {
			return usage.Errorf("say what the token may: --scope admin, tenant:write, tenant:read, personal or publish")
		}
		in := given(c, map[string]any{"name": name, "user": user}, map[string]any{"scope": scope})
		if expires != "" {
			at, err := call.ParseTime(expires, time.Now())
			if d, derr := call.ParseDuration(expires); derr == nil {
				at = time.Now().Add(d)
			}
			if err != nil {
				return usage.Errorf("--expires %q: write a time like 2027-01-31T12:00:00Z, or in how long, like 90d", expires)
			}
			in["expires"] = at.UTC().Format(time.RFC3339)
		}
		if scope != "admin" {
			tenant, err := s.TheTenant(ctx)
			if err != nil {
				return err
			}
			in["tenant"] = tenant
		}
		answer, err := s.API.Post(ctx, "/v1/tokens", in)
		if err != nil {
			return err
		}
		return s.Printer(c).Object(answer)
	})
	return c
}

func (a *App) tokensEnd(c *cobra.Command, end func(ctx context.Context, s *call.Session, path string) error) *cobra.Command {
	c.Args = usage.Arguments(1, 1, "the token's id")
	yes := call.BindYes(c)
	c.ValidArgsFunction = a.CompleteFrom(func(context.Context, *call.Session) (string, error) { return "/v1/tokens", nil }, "id", "name")
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		question := "End the token " + show.Clean(s.Args[0]) + "? Who uses it is refused from then on, and it does not come back."
		if err := a.Confirm(c, *yes, func() string { return question }); err != nil {
			return err
		}
		if err := end(ctx, s, client.Path("v1", "tokens", s.Args[0])); err != nil {
			return err
		}
		s.Tell("Ended %s.", show.Clean(s.Args[0]))
		return nil
	})
	return c
}
