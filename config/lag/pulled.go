package lag

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Pulled looks again and again at the queues from which deliveries are pulled. It is
// safe for concurrent use.
type Pulled struct {
	js       jetstream.JetStream
	log      *slog.Logger
	heads    heads // look's own
	retrying retrying

	mu      sync.Mutex // guards picture
	picture Picture
}

// NewPulled makes one. It needs the rights of the role api.
func NewPulled(nc *nats.Conn, log *slog.Logger) (*Pulled, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	return &Pulled{js: js, log: log, heads: newHeads(nc), retrying: newRetrying()}, nil
}

// Settled tells of the outcome of a hand-out, or of a delivery's death. One that is to
// be retried counts until next: from then on it is in its queue, or on its way there,
// and another process may hear how it ends.
func (p *Pulled) Settled(d *schemas.Delivery, kind schemas.Kind, next time.Time) {
	p.retrying.settled(d, kind, next)
}

// Picture is what the last look found. It has no lanes, and is not changed afterwards.
func (p *Pulled) Picture() Picture {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.picture
}

// Run looks until ctx ends.
func (p *Pulled) Run(ctx context.Context) error {
	return again(ctx, p.log, "age of what waits to be pulled", p.look)
}

func (p *Pulled) look(ctx context.Context) error {
	stream, err := p.js.Stream(ctx, schemas.StreamPull)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(schemas.PullSubjects))
	if err != nil {
		return err
	}
	seen, endpoints := Picture{At: time.Now()}, map[schemas.EndpointID]*Endpoint{}
	if err := p.heads.look(ctx, schemas.StreamPull, info.State.Subjects, endpoints); err != nil {
		return err
	}
	p.heads.forget(endpoints)
	p.retrying.add(endpoints, func(schemas.EndpointID) bool { return true })
	for _, e := range endpoints {
		seen.Endpoints = append(seen.Endpoints, *e)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.picture = seen
	return nil
}
