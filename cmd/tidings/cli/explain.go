package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

const (
	mediaEvent = "application/cloudevents+json"
	mediaBatch = "application/cloudevents-batch+json"
)

func (a *App) explainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "explain FILE",
		Short: "Say which endpoints would get an event, and why the others would not",
		Long: `Say which endpoints would get an event, and why the others would not. FILE has a
CloudEvent in JSON, or is - for the standard input; specversion, id and source may
be left out. Nothing is published.`,
		Example: `  tidings explain event.json
  echo '{"type":"room.joined","data":{"roomId":"lobby"}}' | tidings explain -`,
		Args: usage.Arguments(1, 1, "the file"),
	}
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		content, err := s.Read(s.Args[0])
		if err != nil {
			return err
		}
		event := map[string]json.RawMessage{"specversion": call.AsJSON("1.0"), "id": call.AsJSON("explain"), "source": call.AsJSON("/tidings/explain")}
		if json.Unmarshal(content, &event) != nil || event == nil {
			return usage.Errorf("%s: is no CloudEvent in JSON: write it like {\"type\": \"room.joined\", \"data\": {…}}", s.Args[0])
		}
		path, err := s.Of(ctx, "explain")
		if err != nil {
			return err
		}
		answer, err := s.API.Do(ctx, client.Request{Method: "POST", Path: path, Body: call.AsJSON(event), Media: mediaEvent})
		if err != nil {
			return err
		}
		if s.Output != "table" {
			return show.JSON(c.OutOrStdout(), answer)
		}
		return showExplained(s, answer)
	})
	return c
}

func showExplained(s *call.Session, answer json.RawMessage) error {
	x, err := client.As[client.Explained](answer, nil)
	if err != nil {
		return err
	}
	if len(x.Endpoints) == 0 {
		s.Tell("No endpoint of the tenant has a subscription: nobody would get it.")
		return nil
	}
	rows := [][]string{{"ENDPOINT", "GETS IT", "SUBSCRIPTION", "WHY"}}
	for _, e := range x.Endpoints {
		gets, why := "yes", ""
		if !e.Matches {
			gets, why = "no", strings.TrimPrefix(e.Condition+": "+e.Detail, ": ")
		}
		for _, n := range e.Notes {
			why = strings.TrimPrefix(why+"; "+n.Kind+": "+n.Detail, "; ")
		}
		rows = append(rows, []string{show.Clean(e.Endpoint), gets, show.Clean(e.Subscription), show.Clean(why)})
	}
	return s.Printer(s.Cmd).Table(rows)
}

func (a *App) erasuresCommand() *cobra.Command {
	return usage.Group(&cobra.Command{Use: "erasures", Short: "See what was erased"}, a.List(call.Listing{
		Use: "list", Short: "List the erasures of a year; they have nothing of what was erased",
		Path:    call.Within("erasures"),
		Columns: []show.Column{{"ERASURE", "id"}, {"OF", "of"}, {"STATE", "state"}, {"EVENTS", "removed.events"}, {"DELIVERIES", "removed.deliveries"}, {"DEAD LETTERS", "removed.dead_letters"}, {"CREATED", "created"}, {"ERROR", "error"}},
	}))
}

func (a *App) eraseCommand() *cobra.Command {
	var event, source, subject string
	c := &cobra.Command{
		Use:   "erase",
		Short: "Remove an event, or all events of a subject, with all that is known of them",
		Example: `  tidings erase --subject customer/4711
  tidings erase --event order-17 --source /shop --yes`,
		Args: usage.NoArguments(),
	}
	f := c.Flags()
	f.StringVar(&event, "event", "", "id of the event")
	f.StringVar(&source, "source", "", "source of the event (default: any)")
	f.StringVar(&subject, "subject", "", "subject of the events")
	yes := call.BindYes(c)
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		if (event == "") == (subject == "") || source != "" && event == "" {
			return usage.Errorf("say what is to be erased: either --event, with or without --source, or --subject")
		}
		in, what := map[string]any{"subject": subject}, "all events of the subject "+subject
		if event != "" {
			in, what = map[string]any{"event": event}, "the event "+event
			if source != "" {
				in["source"] = source
			}
		}
		path, err := s.Of(ctx, "erasures")
		if err != nil {
			return err
		}
		if err := a.Confirm(c, *yes, func() string {
			return fmt.Sprintf("Remove %s of the tenant %s for good?", show.Clean(what), s.Place.Tenant)
		}); err != nil {
			return err
		}
		return eraseAll(ctx, s, path, in)
	})
	return c
}

// eraseAll calls until there is nothing left: one call removes a part.
func eraseAll(ctx context.Context, s *call.Session, path string, in map[string]any) error {
	records := client.Page{Items: []json.RawMessage{}}
	for {
		answer, err := s.API.Post(ctx, path, in)
		if err != nil {
			if n := len(records.Items); n > 0 {
				s.Tell("%d calls before this one have removed a part: repeat the command.", n)
			}
			return err
		}
		records.Items = append(records.Items, answer)
		e, err := client.As[client.Erasure](answer, nil)
		if err != nil {
			return err
		}
		if s.Output == "table" {
			fmt.Fprintf(s.Cmd.OutOrStdout(), "%s: removed %s, %s, %s and %s\n", show.Clean(e.ID),
				show.Count(e.Removed.Events, "event", "events"), show.Count(e.Removed.Deliveries, "waiting delivery", "waiting deliveries"),
				show.Count(e.Removed.DeadLetters, "dead letter", "dead letters"), show.Count(e.Removed.LogRecords, "line of the log", "lines of the log"))
		}
		if e.More && e.Found > 0 {
			continue
		}
		if s.Output != "table" {
			return s.Printer(s.Cmd).Page(records, nil)
		}
		return nil
	}
}
