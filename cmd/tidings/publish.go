package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli"
	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/near"
	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

// publishOptions is one event as the command line words it.
type publishOptions struct {
	nats                         config.NATS
	tenant, source               string
	eventType, id, subject, data string
	types                        []string
	validation                   string
}

func publishCommand(a *cli.App) *cobra.Command {
	var o publishOptions
	c := &cobra.Command{
		Use:   "publish [FILE]",
		Short: "Publish one event, or those of a file, and return once they are stored",
		Long: `Publish one event, or those of a file, and return once they are stored.

With --server, --context or a current context that goes over the API, else over
NATS, at --nats-url. FILE is for the API: CloudEvents in JSON, one, a list, or one a
line, or - for the standard input. All of a file is checked before its first event
is published. If something fails in the middle, the error says how many events are
stored, and --skip leaves them out the next time.

A tenant that does not exist is refused. Over NATS that takes the right to read the
registry, which a user that may only publish does not have: its events are stored,
and are dead letters if there is no such tenant.`,
		Example: `  tidings publish --tenant demo --type order.created --data '{"current":{"id":"u1"}}'
  tidings publish --tenant demo --type room.joined --data '{"roomId":"lobby"}'
  tidings publish --tenant demo --type file.removed --data @file.json
  tidings publish events.ndjson --context prod`,
		Args: usage.Arguments(0, 1, "a file or none"),
	}
	f := c.Flags()
	remote := a.Publishing(c)
	f.StringVar(&o.eventType, "type", "", "CloudEvents type, like room.joined (required without FILE)")
	f.StringVar(&o.data, "data", "", "the event's data: JSON, @file, or - for standard input")
	f.StringVar(&o.source, "source", "/tidings/publish", "CloudEvents source")
	f.StringVar(&o.id, "id", "", "CloudEvents id; made up if left out. Publishing a source and id again stores nothing")
	f.StringVar(&o.subject, "subject", "", "CloudEvents subject")
	f.StringArrayVar(&o.types, "types", nil, "folder of the tenant's own event types, by which data is checked too; over NATS only")
	f.StringVar(&o.validation, "validation", "reject", "what to do with data that breaks its type's schema: reject it here, or send it and let the tenant's setting decide (quarantine, warn); over NATS only")
	o.nats.BindRemote(f, defaultNATS)
	c.RunE = func(c *cobra.Command, args []string) error {
		overAPI, err := overAPI(c, a)
		switch {
		case err != nil:
			return err
		case len(args) == 1 && !overAPI:
			return usage.Errorf("a file is published over the API: say where it is, with --server or a context")
		case len(args) == 1 && o.eventType+o.data+o.id != "":
			return usage.Errorf("both FILE and an event by flags are given: use one of them")
		case len(args) == 1:
			return remote.File(c, args[0])
		case o.eventType == "":
			return usage.Errorf("say what is published: --type and --data, or a file: see tidings publish --help")
		case overAPI:
			return o.publishRemote(c, remote)
		}
		if o.tenant = remote.Tenant(); o.tenant == "" {
			return usage.Errorf("say whose event it is: --tenant, or TIDINGS_TENANT")
		}
		return o.publish(c, remote)
	}
	return c
}

const defaultNATS = "nats://127.0.0.1:4222"

// overAPI reports whether events go over the API. Where --nats-url says otherwise a
// context that is merely the current one does not count.
func overAPI(c *cobra.Command, a *cli.App) (bool, error) {
	said := func(name string) bool { return c.Flag(name).Changed && c.Flag(name).Value.String() != "" }
	if said("nats-url") {
		if said("server") || said("context") {
			return false, usage.Errorf("both --nats-url and the API's --server or --context are given: use one of them")
		}
		return false, nil
	}
	return a.Remote(c)
}

// publishRemote publishes over the API.
func (o publishOptions) publishRemote(c *cobra.Command, remote *cli.Publishing) error {
	data, err := readData(o.data, c.InOrStdin())
	if err != nil {
		return err
	}
	e := map[string]any{
		"specversion": "1.0", "id": cmp.Or(o.id, uuid.NewString()), "source": o.source, "type": o.eventType,
		"time": time.Now().UTC().Format(time.RFC3339Nano),
	}
	if o.subject != "" {
		e["subject"] = o.subject
	}
	if len(data) > 0 {
		e["datacontenttype"], e["data"] = event.ApplicationJSON, json.RawMessage(data)
	}
	content, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return remote.One(c, content)
}

// publish publishes over NATS.
func (o publishOptions) publish(c *cobra.Command, remote *cli.Publishing) error {
	if err := remote.CheckOutput(); err != nil {
		return err
	}
	data, err := readData(o.data, c.InOrStdin())
	if err != nil {
		return err
	}
	types, own, err := ownTypes(schemas.TenantID(o.tenant), o.types)
	if err != nil {
		return err
	}
	nc, err := pipe.Remote(o.nats).Connect("tidings publish", slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer nc.Close()
	told, err := pipe.TenantThere(c.Context(), nc, schemas.TenantID(o.tenant))
	if err != nil {
		return err
	}
	pub, err := producers.New(nc, producers.Options{Tenant: schemas.TenantID(o.tenant), Source: o.source, Catalogue: types, Validation: schemas.Validation(o.validation)})
	if err != nil {
		return err
	}
	e := event.New()
	e.SetType(o.eventType)
	if o.id != "" {
		e.SetID(o.id)
	}
	if o.subject != "" {
		e.SetSubject(o.subject)
	}
	if len(data) > 0 {
		e.SetDataContentType(event.ApplicationJSON)
		e.DataEncoded = data
	}
	receipt, err := pub.Publish(c.Context(), e)
	if err != nil {
		return usage.Failed(err) // as the API's refusal of the same event
	}
	if err := remote.Stored(c, receipt.EventID, receipt.Duplicate, fmt.Sprintf(", sequence %d", receipt.Sequence)); err != nil {
		return err
	}
	known := append(call.BuiltinTypes(), own...)
	for _, hint := range near.Types([]string{o.eventType}, known) {
		fmt.Fprintln(c.ErrOrStderr(), hint)
	}
	if !told {
		fmt.Fprintf(c.ErrOrStderr(), "This NATS user may not see which tenants there are: if %q is none, the event goes to DEAD as tenant_unknown.\n", o.tenant)
	}
	return nil
}

// readData takes the data from the flag itself, a file or standard input. It is JSON.
func readData(data string, in io.Reader) (content []byte, err error) {
	path, file := strings.CutPrefix(data, "@")
	switch {
	case data == "-":
		content, err = io.ReadAll(in)
	case file:
		content, err = os.ReadFile(path)
	default:
		content = []byte(data)
	}
	switch {
	case err != nil:
		return nil, usage.Errorf("--data: %w", err)
	case len(content) > 0 && !json.Valid(content):
		return nil, usage.Errorf("--data is not JSON: write it like '{\"roomId\": \"lobby\"}', @file, or - for the standard input")
	}
	return content, nil
}
