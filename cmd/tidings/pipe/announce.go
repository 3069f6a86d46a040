package pipe

import (
	"context"
	"encoding/json"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/config/announce"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/dispatcher/failing"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

// ownSource is the source of the events that the pipe itself publishes.
const ownSource = "/tidings"

// announcer publishes what the pipe has to say to a tenant, as an event like any
// other.
type announcer struct{ *producers.Publisher }

func newAnnouncer(nc *nats.Conn, tracers trace.TracerProvider) (announcer, error) {
	// A tenant that has given the type a schema of its own is not asked here.
	pub, err := producers.New(nc, producers.Options{Tenant: anyTenant, Source: ownSource, Validation: schemas.ValidationQuarantine, Tracers: tracers})
	return announcer{pub}, err
}

// announce returns once the event is stored.
func (p announcer) announce(ctx context.Context, a announce.Announcement) error {
	e, err := announced(a)
	if err != nil {
		return err
	}
	of, err := p.For(a.Tenant)
	if err != nil {
		return err
	}
	_, err = of.Publish(ctx, e)
	return err
}

func announced(a announce.Announcement) (schemas.Event, error) {
	e, err := producers.NewEvent(a.Type, a.Subject, a.Data)
	if err != nil {
		return e, err
	}
	e.SetID(a.ID)
	e.SetSource(ownSource)
	e.SetTime(a.At)
	return e, nil
}

// notice publishes what a dispatcher has to say of an endpoint.
func (p announcer) notice(ctx context.Context, n failing.Notice) error {
	return p.announce(ctx, announce.Announcement{
		Tenant: n.Tenant, Type: string(n.Kind), Subject: string(n.Data.Endpoint), ID: n.ID(), At: n.At, Data: n.Data,
	})
}

// wanted reports whether anybody would get an announcement. Nobody hears of what died
// of an earlier tenant of the same id.
func (p *Process) wanted(about announce.Announcement) bool {
	if about.Type == announce.TypeDead && p.own(about.Tenant, schemas.DeliveryID(about.Subject)) != nil {
		return false
	}
	e, err := announced(about)
	if err != nil {
		return false
	}
	header, data, err := schemas.EncodeEvent(&e)
	return err == nil && len(p.Index.Match(nil, fanout.Event{
		Tenant: about.Tenant, Type: e.Type(), Known: p.Types.Find(about.Tenant, e.Type()), Header: header, Data: data,
	})) > 0
}

// startAnnouncing tells tenants of what died, and of quotas they have reached.
func (p *Process) startAnnouncing(ctx context.Context, nc *nats.Conn) (*announce.Quotas, error) {
	own, err := newAnnouncer(nc, p.Tracers)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	consumer, err := js.Consumer(ctx, schemas.StreamDead, schemas.AnnounceConsumer)
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeUnavailable, "consumer %s of %s: %w", schemas.AnnounceConsumer, schemas.StreamDead, err)
	}
	letters := &announce.Letters{Consumer: consumer, Wanted: p.wanted, Publish: own.announce, Log: p.log}
	p.background(ctx, "announcements", func(ctx context.Context) error {
		p.again(ctx, "announcements", letters.Run)
		return nil
	})
	quotas := &announce.Quotas{Wanted: p.wanted, Publish: own.announce, Log: p.log}
	p.onStop("announced quotas", func() error { quotas.Wait(); return nil })
	return quotas, nil
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
