package main

import (
	"context"
	"encoding/json"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/dispatcher/failing"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

// ownSource is the source of the events that the pipe itself publishes.
const ownSource = "/tidings"

// announcer publishes what a dispatcher has to say of an endpoint, as an event of
// its tenant like any other.
func announcer(nc *nats.Conn) (func(context.Context, failing.Notice) error, error) {
	// A tenant that has given the type a schema of its own is not asked here.
	pub, err := producers.New(nc, producers.Options{Tenant: anyTenant, Source: ownSource, Validation: schemas.ValidationQuarantine})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, n failing.Notice) error {
		e, err := producers.NewEvent(string(n.Kind), string(n.Data.Endpoint), n.Data)
		if err != nil {
			return err
		}
		e.SetID(n.ID())
		e.SetTime(n.At)
		of, err := pub.For(n.Tenant)
		if err != nil {
			return err
		}
		_, err = of.Publish(ctx, e)
		return err
	}, nil
}

// failingNotes keeps a dispatcher's notes of failing endpoints in the registry.
type failingNotes struct{ *registry.Registry }

// Notes leaves out what does not parse: its endpoint starts anew.
func (r failingNotes) Notes(ctx context.Context) (map[schemas.EndpointID]failing.Note, error) {
	texts, err := r.Failing(ctx)
	if err != nil {
		return nil, err
	}
	notes := make(map[schemas.EndpointID]failing.Note, len(texts))
	for id, text := range texts {
		var n failing.Note
		if json.Unmarshal(text, &n) == nil {
			notes[id] = n
		}
	}
	return notes, nil
}

func (r failingNotes) SetNote(ctx context.Context, id schemas.EndpointID, n failing.Note) error {
	if n.IsZero() {
		return r.SetFailing(ctx, id, nil)
	}
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return r.SetFailing(ctx, id, text)
}
