package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func (a *App) tenantsCommand() *cobra.Command {
	return usage.Group(&cobra.Command{Use: "tenants", Short: "List, make, change and remove tenants"},
		a.tenantsList(), a.tenantsLoad(), a.tenantsGet(), a.tenantsCreate(), a.tenantsUpdate(), a.tenantsDelete())
}

func (a *App) tenantsList() *cobra.Command {
	return a.List(call.Listing{
		Use: "list", Short: "List the tenants (an administrator's)",
		Path:    func(context.Context, *call.Session) (string, error) { return "/v1/tenants", nil },
		Columns: []show.Column{{"TENANT", "id"}, {"NAME", "name"}, {"VALIDATION", "validation"}, {"CREATED", "created"}, {"ORIGIN", "origin"}},
	})
}

func (a *App) tenantsGet() *cobra.Command {
	c := &cobra.Command{
		Use:               "get [TENANT]",
		Short:             "Show a tenant, or the one that --tenant or the context says",
		Args:              usage.Arguments(0, 1, "a tenant or none"),
		ValidArgsFunction: a.CompleteTenant,
	}
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		if len(s.Args) == 1 {
			s.Place.Tenant = s.Args[0]
		}
		path, err := s.Of(ctx)
		if err != nil {
			return err
		}
		answer, err := s.API.Get(ctx, path)
		if err != nil {
			return err
		}
		return s.Printer(c).Object(answer)
	})
	return c
}

func (a *App) tenantsCreate() *cobra.Command {
	var (
		b                call.Body
		name, validation string
	)
	c := &cobra.Command{
		Use:   "create TENANT",
		Short: "Make a tenant",
		Example: `  tidings tenants create acme --name "Acme Inc."
  tidings tenants create acme --set quota.events=1000/s --set retention.log=720h`,
		Args: usage.Arguments(1, 1, "the tenant's id"),
	}
	b.Bind(c.Flags())
	c.Flags().StringVar(&name, "name", "", "what people call it")
	c.Flags().StringVar(&validation, "validation", "", "what becomes of data that breaks its type's schema: reject, quarantine or warn")
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		in, err := b.Object(s, given(c, map[string]any{"name": name, "validation": validation}, map[string]any{"id": s.Args[0]}))
		if err != nil {
			return err
		}
		answer, err := s.API.Post(ctx, "/v1/tenants", in)
		if err != nil {
			return err
		}
		return s.Printer(c).Object(answer)
	})
	return c
}

func (a *App) tenantsUpdate() *cobra.Command {
	var (
		b                call.Body
		name, validation string
	)
	c := &cobra.Command{
		Use:   "update TENANT",
		Short: "Change a tenant; what is not named stays",
		Example: `  tidings tenants update acme --set quota.events=100/s
  tidings tenants update acme --set quota.events=null`,
		Args:              usage.Arguments(1, 1, "the tenant's id"),
		ValidArgsFunction: a.CompleteTenant,
	}
	b.Bind(c.Flags())
	c.Flags().StringVar(&name, "name", "", "what people call it")
	c.Flags().StringVar(&validation, "validation", "", "what becomes of data that breaks its type's schema: reject, quarantine or warn")
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		in, err := b.Object(s, given(c, map[string]any{"name": name, "validation": validation}, map[string]any{}))
		if err != nil {
			return err
		}
		if len(in) == 0 {
			return usage.Errorf("there is nothing to change: see %s --help", c.CommandPath())
		}
		answer, err := s.API.Patch(ctx, client.Path("v1", "tenants", s.Args[0]), in)
		if err != nil {
			return call.Pointed(err, in)
		}
		return s.Printer(c).Object(answer)
	})
	return c
}

// given are the flags that were set, by the name of their member, and the others.
func given(c *cobra.Command, flags, always map[string]any) map[string]any {
	for name, value := range flags {
		if c.Flags().Changed(name) {
			always[name] = value
		}
	}
	return always
}

func (a *App) tenantsDelete() *cobra.Command {
	c := &cobra.Command{
		Use:               "delete TENANT",
		Short:             "Remove a tenant with its endpoints, subscriptions, types and tokens",
		Args:              usage.Arguments(1, 1, "the tenant's id"),
		ValidArgsFunction: a.CompleteTenant,
	}
	yes := call.BindYes(c)
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		id := s.Args[0]
		question := "Delete the tenant " + show.Clean(id) + " with its endpoints, subscriptions, types and tokens? There is no way back."
		if err := a.Confirm(c, *yes, func() string { return question }); err != nil {
			return err
		}
		if err := s.API.Delete(ctx, client.Path("v1", "tenants", id)); err != nil {
			return err
		}
		s.Tell("Removed %s.", show.Clean(id))
		return nil
	})
	return c
}
