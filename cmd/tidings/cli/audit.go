package cli

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func (a *App) auditCommand() *cobra.Command {
	return usage.Group(&cobra.Command{Use: "audit", Short: "See who changed what"}, a.List(call.Listing{
		Use: "list", Short: "List who changed what of the tenant's, the newest first",
		Path:    call.Within("audit"),
		Columns: []show.Column{{"AT", "at"}, {"TOKEN", "token"}, {"NAME", "name"}, {"METHOD", "method"}, {"OBJECT", "object"}, {"FIELDS", "fields"}},
	}))
}

func (a *App) linksCommand() *cobra.Command {
	return usage.Group(&cobra.Command{Use: "links", Short: "Open the console for somebody"}, a.linksCreate())
}

func (a *App) linksCreate() *cobra.Command {
	var (
		scope, name, ttl string
		user             []string
	)
	c := &cobra.Command{
		Use:   "create",
		Short: "Make a link that signs in to the console for a while, and show it this once",
		Example: `  tidings links create --ttl 15m
  tidings links create --scope tenant:write --name ada@example.com -o id`,
		Args: usage.NoArguments(),
	}
	f := c.Flags()
	f.StringVar(&scope, "scope", "", "what whoever has it may: tenant:read, tenant:write or personal (default tenant:read)")
	f.StringVar(&name, "name", "", "who it is for, as the audit list shows it")
	f.StringSliceVar(&user, "user", nil, "ids of the user, for the scope personal")
	f.StringVar(&ttl, "ttl", "", "how long it works, from 1m to 24h (default 1h)")
	_ = c.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{"tenant:read", "tenant:write", "personal"}, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		path, err := s.Of(ctx, "links")
		if err != nil {
			return err
		}
		link, err := client.As[map[string]any](s.API.Post(ctx, path, given(c, map[string]any{"scope": scope, "name": name, "user": user, "ttl": ttl}, map[string]any{})))
		if err != nil {
			return err
		}
		whole := maps.Clone(link)
		if below, ok := link["url"].(string); ok {
			whole["url"] = s.API.Server() + below
		}
		whole["id"] = whole["url"] // what -o id prints
		if s.Output != "id" {
			delete(whole, "id")
		}
		answer, err := json.Marshal(whole)
		if err != nil {
			return err
		}
		return s.Printer(c).Object(answer)
	})
	return c
}
