package cli

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/setting"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/client"
	"github.com/tidings-dev/tidings/cmd/tidings/near"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

func (a *App) triggerCommand() *cobra.Command {
	var (
		sets            []string
		source, subject string
	)
	c := &cobra.Command{
		Use:   "trigger TYPE",
		Short: "Publish the catalogue's example of an event type, with changes",
		Long: `Publish the catalogue's example of an event type, one of the tenant's own too.
--set changes its data: a path with dots, in which elements of lists are numbers
from 0, and a value in JSON, else text. A member that the example does not have is
added if the type's schema allows it.`,
		Example: `  tidings trigger room.joined --set roomId=lobby
  tidings trigger lobby.booked --set booking.status=confirmed --subject lobby/42`,
		Args:              usage.Arguments(1, 1, "the type"),
		ValidArgsFunction: a.Complete("types", "type", "meaning"),
	}
	f := c.Flags()
	f.StringArrayVar(&sets, "set", nil, "a change of the data, like booking.status=confirmed")
	f.StringVar(&source, "source", "/tidings/trigger", "CloudEvents source")
	f.StringVar(&subject, "subject", "", "CloudEvents subject")
	c.RunE = a.Run(func(ctx context.Context, s *call.Session) error {
		path, err := s.Of(ctx, "types", s.Args[0])
		if err != nil {
			return err
		}
		answer, err := s.API.Get(ctx, path)
		if err != nil {
			return s.MeantType(ctx, s.Args[0], err)
		}
		data, err := exampleOf(answer, sets)
		if err != nil {
			return err
		}
		e := map[string]any{
			"specversion": "1.0", "id": uuid.NewString(), "source": source, "type": s.Args[0],
			"time": time.Now().UTC().Format(time.RFC3339Nano), "datacontenttype": "application/json", "data": data,
		}
		if subject != "" {
			e["subject"] = subject
		}
		return publishOne(ctx, s, call.AsJSON(e))
	})
	return c
}

// exampleOf is the first example of a type, as the API describes it, with changes.
func exampleOf(definition json.RawMessage, sets []string) (any, error) {
	var file map[string]json.RawMessage
	if err := json.Unmarshal(definition, &file); err != nil {
		return nil, err
	}
	delete(file, "origin") // the API's, and no part of a type's file
	t, err := catalogue.Parse(show.Text(definition, "type")+".json", call.AsJSON(file))
	if err != nil {
		return nil, err
	}
	var data any
	if err := setting.Decode(t.Valid[0], &data); err != nil {
		return nil, err
	}
	for _, set := range sets {
		path, added, err := setting.In(data, set)
		if err != nil {
			return nil, err
		}
		if err := t.Validate(call.AsJSON(data)); err != nil && added {
			there, missing := membersThere(t.Valid[0], path)
			meant := ""
			if w, ok := near.Word(path[missing], there); ok {
				meant = ": did you mean " + w + "?"
			}
			return nil, setting.Wrong(set, path, missing, "the example has no %s, and the schema does not let it have one: %w; it has %s%s", strings.Join(path, "."), err, strings.Join(there, ", "), meant)
		}
	}
	return data, nil
}

// membersThere are the members of the deepest object of an example that a path leads
// to, and the first segment of the path that is not there.
func membersThere(example json.RawMessage, path []string) (there []string, missing int) {
	var members map[string]json.RawMessage
	for i, name := range path {
		var inner map[string]json.RawMessage
		var elements []json.RawMessage
		n, err := strconv.Atoi(name)
		switch {
		case json.Unmarshal(example, &inner) == nil && inner != nil:
			members, example, missing = inner, inner[name], i
		case err == nil && n >= 0 && json.Unmarshal(example, &elements) == nil && n < len(elements):
			example = elements[n]
		default:
			return slices.Sorted(maps.Keys(members)), missing
		}
	}
	return slices.Sorted(maps.Keys(members)), missing
}

// publishOne publishes an event, and says that it is stored.
func publishOne(ctx context.Context, s *call.Session, event json.RawMessage) error {
	path, err := s.Of(ctx, "events")
	if err != nil {
		return err
	}
	answer, err := s.API.Do(ctx, client.Request{Method: "POST", Path: path, Body: event, Media: mediaEvent})
	if err != nil {
		return err
	}
	accepted, err := client.As[client.Accepted](answer, nil)
	if err != nil {
		return err
	}
	if len(accepted.Events) != 1 {
		return errors.New("publish: the server does not say that it has the event")
	}
	if s.Output == "json" {
		return show.JSON(s.Cmd.OutOrStdout(), answer)
	}
	e := accepted.Events[0]
	return (&Publishing{app: &App{s.App}}).Stored(s.Cmd, e.ID, e.Duplicate, "")
}
