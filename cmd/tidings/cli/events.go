package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func (a *App) eventsCommand() *cobra.Command {
	return usage.Group(&cobra.Command{Use: "events", Short: "Find events, and where they went"},
		a.listCommand(listing{
			use: "list", short: "List events, the newest first",
			example: `  tidings events list --type order.paid --since 1h
  tidings events list --unmatched`,
			path:    within("events"),
			columns: []show.Column{{"PLACE", "place"}, {"TYPE", "type"}, {"ID", "id"}, {"SOURCE", "source"}, {"ENDPOINTS", "matched"}, {"DEAD", "dead"}, {"ACCEPTED", "accepted"}},
			filters: []filter{
				{name: "id", usage: "only those with this id"},
				{name: "source", usage: "only those of this source"},
				{name: "type", usage: "only those of this type"},
				{name: "subject", usage: "only those of this subject"},
				{name: "unmatched", usage: "only those that went nowhere", kind: isSwitch},
				{name: "dead", usage: "only those that died before they became deliveries", kind: isSwitch},
				{name: "since", usage: "only those accepted since a time, or so long ago, like 2h", kind: isTime},
				{name: "until", usage: "only those accepted before a time, or so long ago", kind: isTime},
			},
		}),
		a.eventsGet())
}

func (a *App) eventsGet() *cobra.Command {
	c := &cobra.Command{Use: "get PLACE", Short: "Show an event, by the place that the list shows, and its deliveries", Args: usage.Arguments(1, 1, "the place")}
	c.ValidArgsFunction = a.complete("events", "place", "type")
	c.RunE = a.run(func(ctx context.Context, s *session) error {
		path, err := s.of(ctx, "events", s.args[0])
		if err != nil {
			return err
		}
		answer, err := s.api.Get(ctx, path)
		if err != nil {
			return err
		}
		if s.output != "table" {
			return s.printer(c).Object(answer)
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
		if err := s.printer(s.cmd).Table(about); err != nil {
			return err
		}
		fmt.Fprintln(c.OutOrStdout())
		return s.printer(c).Page(deliveries, deliveryColumns())
	})
	return c
}
