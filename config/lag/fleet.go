package lag

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Standing is how much of a stage's work nobody has taken up, in all partitions. It
// leaves out what is being worked on, and what is held for an endpoint in trouble, so
// it says how many more processes could be of use.
type Standing struct {
	At      time.Time // of the look; the zero time before the first
	Backlog uint64    // events (fanout) or due deliveries (dispatcher)
	Oldest  time.Time // when the oldest of them was stored, a retry when it was due; zero if there is none
}

// Fleet looks again and again how both stages stand, whether any process of them runs
// or not. It is safe for concurrent use.
type Fleet struct {
	js     jetstream.JetStream
	layout schemas.Layout
	log    *slog.Logger

	mu                 sync.Mutex // guards what follows
	fanout, dispatcher Standing
}

// NewFleet makes one. It needs the rights of the role api.
func NewFleet(nc *nats.Conn, l schemas.Layout, log *slog.Logger) (*Fleet, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	return &Fleet{js: js, layout: l, log: log}, nil
}

// Standing is what the last look found of the two stages.
func (f *Fleet) Standing() (fanout, dispatcher Standing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fanout, f.dispatcher
}

// Run looks until ctx ends.
func (f *Fleet) Run(ctx context.Context) error {
	return again(ctx, f.log, "backlog of the fleet", f.look)
}

func (f *Fleet) look(ctx context.Context) error {
	fanout, dispatcher := Standing{At: time.Now()}, Standing{At: time.Now()}
	for p := range f.layout.Partitions {
		if err := f.add(ctx, &fanout, schemas.StreamEvents, schemas.FanoutConsumer(p), schemas.EventsFilter(p)); err != nil {
			return err
		}
		if err := f.add(ctx, &dispatcher, f.layout.DeliveriesStream(p), schemas.DispatchConsumer(p), schemas.ReadyFilter(p)); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fanout, f.dispatcher = fanout, dispatcher
	return nil
}

// add adds what a partition's consumer has not been given.
func (f *Fleet) add(ctx context.Context, s *Standing, stream, consumer, filter string) error {
	c, err := f.js.Consumer(ctx, stream, consumer) // asks for its state
	if err != nil {
		return err
	}
	info := c.CachedInfo()
	if info.NumPending == 0 {
		return nil
	}
	s.Backlog += info.NumPending
	from, err := f.js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	m, err := from.GetMsg(ctx, info.Delivered.Stream+1, jetstream.WithGetMsgSubject(filter))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil // it was taken meanwhile
	case err != nil:
		return err
	}
	if s.Oldest.IsZero() || m.Time.Before(s.Oldest) {
		s.Oldest = m.Time
	}
	return nil
}
