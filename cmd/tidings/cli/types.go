package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func (a *App) typesListCommand() *cobra.Command {
	return a.List(call.Listing{
		Use: "list", Short: "List the event types as the tenant knows them, its own too",
		Path:    call.Within("types"),
		Columns: []show.Column{{"TYPE", "type"}, {"ORIGIN", "origin"}, {"DOMAIN", "domain"}, {"MEANING", "meaning"}},
	})
}

func (a *App) typesGetCommand() *cobra.Command {
	c := a.Get(&cobra.Command{Use: "get TYPE", Short: "Show an event type as the tenant knows it, in JSON"}, "types")
	c.ValidArgsFunction = a.Complete("types", "type", "meaning")
	show := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if a.Output == "table" { // a schema is read as what it is
			a.Output = "json"
		}
		return show(c, args)
	}
	return c
}

func (a *App) typesPutCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "put FILE",
		Short: "Make an event type of the tenant's own, or replace it; FILE may be - for the standard input",
		Long: `Make an event type of the tenant's own, or replace it. FILE is like those of the
catalogue (tidings types lobby.booked shows one), and says which type it is.`,
		Example: "  tidings types put events/parcel.sent.json",
		Args:    usage.Arguments(1, 1, "the file"),
	}
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		content, err := s.Read(s.Args[0])
		if err != nil {
			return err
		}
		var definition map[string]json.RawMessage
		if json.Unmarshal(content, &definition) != nil {
			return usage.Errorf("%s: is no JSON object: see tidings types put --help", s.Args[0])
		}
		name := show.Text(content, "type")
		if name == "" {
			return usage.Errorf("%s: has no member \"type\"", s.Args[0])
		}
		delete(definition, "origin") // of one that was got from the API
		path, err := s.Of(ctx, "types", name)
		if err != nil {
			return err
		}
		answer, err := s.API.Put(ctx, path, definition)
		if err != nil {
			return err
		}
		if s.Output == "json" {
			return s.Printer(c).Object(answer)
		}
		s.Tell("The tenant %s has the type %s.", s.Place.Tenant, show.Clean(name))
		return nil
	})
	return c
}

func (a *App) typesDeleteCommand() *cobra.Command {
	c := a.Delete(&cobra.Command{Use: "delete TYPE", Short: "Remove an event type of the tenant's own"}, "types", func(_ context.Context, s *call.Session, id string) string {
		return fmt.Sprintf("Delete the event type %s of the tenant %s? Its events are checked and worded no more.", show.Clean(id), s.Place.Tenant)
	})
	c.ValidArgsFunction = a.Complete("types", "type", "meaning")
	return c
}
