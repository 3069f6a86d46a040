package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func (a *App) eventsCommand() *cobra.Command {
	return usage.Group(&cobra.Command{Use: "events", Short: "Find events, and where they went"},
		a.List(call.Listing{
			Use: "list", Short: "List events, the newest first",
			Example: `  tidings events list --type order.paid --since 1h
  tidings events list --unmatched`,
			Path:    call.Within("events"),
			Columns: []show.Column{{"PLACE", "place"}, {"TYPE", "type"}, {"ID", "id"}, {"SOURCE", "source"}, {"ENDPOINTS", "matched"}, {"DEAD", "dead"}, {"ACCEPTED", "accepted"}},
			Filters: []call.Filter{
				{Name: "id", Usage: "only those with this id"},
				{Name: "source", Usage: "only those of this source"},
				{Name: "type", Usage: "only those of this type"},
				{Name: "subject", Usage: "only those of this subject"},
				{Name: "unmatched", Usage: "only those that went nowhere", Kind: call.IsSwitch},
				{Name: "dead", Usage: "only those that died before they became deliveries", Kind: call.IsSwitch},
				{Name: "since", Usage: "only those accepted since a time, or so long ago, like 2h", Kind: call.IsTime},
				{Name: "until", Usage: "only those accepted before a time, or so long ago", Kind: call.IsTime},
			},
		}),
		a.eventsGet())
}

func (a *App) eventsGet() *cobra.Command {
	c := &cobra.Command{Use: "get EVENT", Short: "Show an event and its deliveries, by its id or by the place that the list shows", Args: usage.Arguments(1, 1, "its id or its place")}
	c.ValidArgsFunction = a.Complete("events", "place", "type")
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		answer, err := getEvent(ctx, s, s.Args[0])
		if err != nil {
			return err
		}
		if s.Output != "table" {
			return s.Printer(c).Object(answer)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(answer, &members); err != nil {
			return err
		}
		var deliveries client.Page
		if err := json.Unmarshal(members["deliveries"], &deliveries.Items); err != nil {
			return err
		}
		var about [][]string
		for _, row := range show.Members(answer) {
			if row[0] != "deliveries" {
				about = append(about, row)
			}
		}
		if err := s.Printer(s.Cmd).Table(about); err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout())
		return s.Printer(c).Page(deliveries, deliveryColumns())
	})
	return c
}

// getEvent is the event at a place, or the only one with an id.
func getEvent(ctx context.Context, s *call.Session, name string) (json.RawMessage, error) {
	path, err := s.Of(ctx, "events", name)
	if err != nil {
		return nil, err
	}
	answer, err := s.API.Get(ctx, path)
	if e, ok := call.AsError(err); !ok || !e.NotFound() {
		return answer, err
	}
	list, listErr := s.Of(ctx, "events")
	if listErr != nil {
		return nil, listErr
	}
	named, listErr := s.API.List(ctx, list, url.Values{"id": {name}}, 2)
	switch {
	case listErr != nil:
		return nil, listErr
	case len(named.Items) == 0:
		return nil, err
	case len(named.Items) > 1:
		return nil, usage.Errorf("several events have the id %s: name one by its place, see tidings events list --id %s", name, name)
	}
	if path, err = s.Of(ctx, "events", show.Text(named.Items[0], "place")); err != nil {
		return nil, err
	}
	return s.API.Get(ctx, path)
}
