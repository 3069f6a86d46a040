package cli

import (
	"context"
	"encoding/json"
	"fmt"

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
	c := &cobra.Command{Use: "get PLACE", Short: "Show an event, by the place that the list shows, and its deliveries", Args: usage.Arguments(1, 1, "the place")}
	c.ValidArgsFunction = a.Complete("events", "place", "type")
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		path, err := s.Of(ctx, "events", s.Args[0])
		if err != nil {
			return err
		}
		answer, err := s.API.Get(ctx, path)
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
