package lag

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Options are what a poller needs to know. NC, Layout and Owned are required.
type Options struct {
	NC     *nats.Conn
	Layout schemas.Layout
	// Deliveries has it look at the dispatcher's consumers, not at fanout's.
	Deliveries bool
	// Owned are the partitions of this process now.
	Owned func() []int
	// Every is how often it looks: every 15 s by default.
	Every time.Duration
	Log   *slog.Logger // discarded by default
}

// Picture is what a look has found. It is not changed afterwards.
type Picture struct {
	At        time.Time // of the look; the zero time before the first
	Lanes     []Lane
	Endpoints []Endpoint // of a dispatcher: those for which something waits
}

// Lane is a partition.
type Lane struct {
	Partition int
	Pending   uint64    // messages that were not handed out
	Unacked   int       // messages that were, and are not acknowledged
	Oldest    time.Time // when the oldest of these was stored: a retry when it was due; zero if there is none
}

// Endpoint is what waits for one.
type Endpoint struct {
	ID     schemas.EndpointID
	Tenant schemas.TenantID // empty as long as it is not known
	Held   int              // deliveries in its held queue, or in the one they are pulled from
	Oldest time.Time        // since when its oldest delivery counts, see [schemas.Delivery.Since]; zero as long as it is not known
}

func (e *Endpoint) older(tenant schemas.TenantID, accepted time.Time) {
	e.Tenant = tenant
	if e.Oldest.IsZero() || accepted.Before(e.Oldest) {
		e.Oldest = accepted
	}
}

func at(all map[schemas.EndpointID]*Endpoint, id schemas.EndpointID) *Endpoint {
	e := all[id]
	if e == nil {
		e = &Endpoint{ID: id}
		all[id] = e
	}
	return e
}

// Poller looks again and again. It is safe for concurrent use.
type Poller struct {
	o        Options
	js       jetstream.JetStream
	retrying retrying
	heads    heads // of held queues; look's own

	mu      sync.Mutex // guards picture
	picture Picture
}

// New makes a poller.
func New(o Options) (*Poller, error) {
	if o.Every == 0 {
		o.Every = 15 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	js, err := jetstream.New(o.NC)
	if err != nil {
		return nil, err
	}
	return &Poller{o: o, js: js, retrying: newRetrying(), heads: newHeads(o.NC)}, nil
}

// Settled tells of an attempt's outcome, or of a delivery's death.
func (p *Poller) Settled(d *schemas.Delivery, kind schemas.Kind) {
	p.retrying.settled(d, kind, time.Time{})
}

// Picture is what the last look found.
func (p *Poller) Picture() Picture {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.picture
}

// Run looks until ctx ends.
func (p *Poller) Run(ctx context.Context) error {
	for {
		if err := p.look(ctx); err != nil && ctx.Err() == nil {
			p.o.Log.WarnContext(ctx, "lag not known", "deliveries", p.o.Deliveries, "error", err)
		}
		wait := p.o.Every
		if len(p.Picture().Lanes) == 0 {
			wait = min(wait, unownedEvery)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// unownedEvery is how often it looks while no partition is this process's: as a rule
// it has just begun.
const unownedEvery = time.Second

func (p *Poller) look(ctx context.Context) error {
	owned := p.o.Owned()
	seen := Picture{At: time.Now()}
	endpoints := map[schemas.EndpointID]*Endpoint{}
	for _, partition := range owned {
		l, err := p.lane(ctx, partition, endpoints)
		if err != nil {
			return err
		}
		seen.Lanes = append(seen.Lanes, l)
		if !p.o.Deliveries {
			continue
		}
		if err := p.held(ctx, partition, endpoints); err != nil {
			return err
		}
	}
	p.heads.forget(endpoints)
	p.retrying.add(endpoints, func(id schemas.EndpointID) bool { return slices.Contains(owned, p.o.Layout.Partition(id)) })
	for _, e := range endpoints {
		seen.Endpoints = append(seen.Endpoints, *e)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.picture = seen
	return nil
}

// lane looks at a partition's consumer.
func (p *Poller) lane(ctx context.Context, partition int, endpoints map[schemas.EndpointID]*Endpoint) (Lane, error) {
	l := Lane{Partition: partition}
	stream, consumer, filter := schemas.StreamEvents, schemas.FanoutConsumer(partition), schemas.EventsFilter(partition)
	if p.o.Deliveries {
		stream, consumer, filter = p.o.Layout.DeliveriesStream(partition), schemas.DispatchConsumer(partition), schemas.ReadyFilter(partition)
	}
	c, err := p.js.Consumer(ctx, stream, consumer) // asks for its state
	if err != nil {
		return l, err
	}
	info := c.CachedInfo()
	l.Pending, l.Unacked = info.NumPending, info.NumAckPending
	if l.Pending == 0 && l.Unacked == 0 {
		return l, nil
	}
	first, err := first(ctx, p.o.NC, stream, info.AckFloor.Stream+1, filter)
	if err != nil || first == nil {
		return l, err
	}
	l.Oldest = first.Time
	if !p.o.Deliveries {
		return l, nil
	}
	if d, err := schemas.ReadDelivery(first.Subject, schemas.Header(first.Header), first.Data); err == nil {
		at(endpoints, d.Endpoint).older(d.Tenant, d.Since())
	}
	return l, nil
}

// held looks at a partition's held queues.
func (p *Poller) held(ctx context.Context, partition int, endpoints map[schemas.EndpointID]*Endpoint) error {
	name := p.o.Layout.DeliveriesStream(partition)
	stream, err := p.js.Stream(ctx, name)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(schemas.HeldFilter(partition)))
	if err != nil {
		return err
	}
	return p.heads.look(ctx, name, info.State.Subjects, endpoints)
}
