package main

import (
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/spf13/cobra"

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

func publishCommand() *cobra.Command {
	var o publishOptions
	c := &cobra.Command{
		Use:   "publish",
		Short: "Publish one event, and return once it is stored",
		Example: `  tidings publish --tenant demo --type order.created --data '{"current":{"id":"u1"}}'
  tidings publish --tenant demo --type room.joined --data '{"roomId":"lobby"}'
  tidings publish --tenant demo --type file.removed --data @file.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.publish(c) },
	}
	f := c.Flags()
	f.StringVar(&o.tenant, "tenant", "", "tenant the event belongs to (required)")
	f.StringVar(&o.eventType, "type", "", "CloudEvents type, like room.joined (required)")
	f.StringVar(&o.data, "data", "", "the event's data: JSON, @file, or - for standard input")
	f.StringVar(&o.source, "source", "/tidings/publish", "CloudEvents source")
	f.StringVar(&o.id, "id", "", "CloudEvents id; made up if left out. Publishing a source and id again stores nothing")
	f.StringVar(&o.subject, "subject", "", "CloudEvents subject")
	f.StringArrayVar(&o.types, "types", nil, "folder of the tenant's own event types, by which data is checked too")
	f.StringVar(&o.validation, "validation", "reject", "what to do with data that breaks its type's schema: reject it here, or send it and let the tenant's setting decide (quarantine, warn)")
	o.nats.BindRemote(f, "nats://127.0.0.1:4222")
	_ = c.MarkFlagRequired("tenant") // the flags exist
	_ = c.MarkFlagRequired("type")
	return c
}

func (o publishOptions) publish(c *cobra.Command) error {
	data, err := readData(o.data, c.InOrStdin())
	if err != nil {
		return err
	}
	types, err := ownTypes(schemas.TenantID(o.tenant), o.types)
	if err != nil {
		return err
	}
	nc, err := remoteBroker(o.nats).Connect("tidings publish", slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer nc.Close()
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
		return err
	}
	word := "stored"
	if receipt.Duplicate {
		word = "stored before"
	}
	c.Printf("%s: event %s, sequence %d\n", word, receipt.EventID, receipt.Sequence)
	return nil
}

// readData takes the data from the flag itself, a file or standard input.
func readData(data string, in io.Reader) ([]byte, error) {
	if data == "-" {
		return io.ReadAll(in)
	}
	if path, ok := strings.CutPrefix(data, "@"); ok {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, schemas.Errorf(schemas.CodeInvalid, "--data: %w", err)
		}
		return content, nil
	}
	return []byte(data), nil
}
