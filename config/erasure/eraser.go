package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/retention"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	// Every is how often what is not done is looked at.
	Every = 10 * time.Minute
	// Watch is for how long what was in a dispatcher's hands is looked for.
	Watch = 24 * time.Hour
	// MaxEvents is how many events one erasure removes.
	MaxEvents = 2000
	// noteEach is how much is removed before the record says so: a process that is killed
	// loses the count of so many messages at most, or lines of the last one.
	noteEach = 100
	// settleWait is how long a request waits for fanout and the log, looking each
	// settlePause.
	settleWait  = 10 * time.Second
	settlePause = 50 * time.Millisecond
	// keptFor is how long a record is kept that is done.
	keptFor = 366 * 24 * time.Hour
)

// Options are what an eraser works with. All but Log are required.
type Options struct {
	NC       *nats.Conn
	JS       jetstream.JetStream
	Layout   schemas.Layout
	Registry *registry.Registry
	// Store is the log's database, if it is open.
	Store func() (*deliverylog.Store, error)
	Log   *slog.Logger
}

// Eraser erases.
type Eraser struct {
	o Options
	// rewritten is called between the storing of lines anew and the removal of what they
	// were in: by tests, to fail there.
	rewritten func() error
}

// New makes an eraser. Without Run it does not go on with what others began.
func New(o Options) *Eraser {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Eraser{o: o}
}

// Run goes on with what is not done, until ctx ends. It returns nil.
func (e *Eraser) Run(ctx context.Context) error {
	for {
		if err := e.Round(ctx, time.Now()); err != nil && ctx.Err() == nil {
			e.o.Log.WarnContext(ctx, "go on with erasures", "error", err)
		}
		select {
		case <-time.After(Every):
		case <-ctx.Done():
			return nil
		}
	}
}

// Round goes on once with what is not done, and forgets records that are old at a time.
func (e *Eraser) Round(ctx context.Context, now time.Time) error {
	all, err := e.List(ctx, "")
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range slices.Backward(all) { // the oldest first
		switch {
		case r.State != Done:
			errs = append(errs, e.goOn(ctx, &r, now))
		case now.Sub(r.Ended) > keptFor:
			errs = append(errs, e.o.Registry.ForgetErasure(ctx, r.Tenant, r.ID))
		}
	}
	return errors.Join(errs...)
}

// Erase removes what is asked for. It returns once all is removed that nobody has in
// hand. With [schemas.CodeConflict] or [schemas.CodeUnavailable] and no record nothing
// was removed; with a record the rest will be, by [Eraser.Run].
func (e *Eraser) Erase(ctx context.Context, tenant schemas.TenantID, q Request) (Record, error) {
	if err := q.validate(); err != nil {
		return Record{}, err
	}
	store, err := e.o.Store()
	if err != nil {
		return Record{}, err
	}
	if err := e.settle(ctx, store, tenant); err != nil {
		return Record{}, err
	}
	r := newRecord(tenant, q)
	if err := e.find(ctx, store, &r, q); err != nil {
		return Record{}, err
	}
	if err := e.write(ctx, &r); err != nil {
		return Record{}, err
	}
	if err := e.goOn(ctx, &r, time.Now()); err != nil {
		return r, schemas.Errorf(schemas.CodeUnavailable, "erasure %s is not at its end; it goes on by itself within %s: %w", r.ID, Every, err)
	}
	return r, nil
}

// settle waits until all that was accepted before is in the log's database.
func (e *Eraser) settle(ctx context.Context, store *deliverylog.Store, tenant schemas.TenantID) error {
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	s, err := e.o.JS.Stream(ctx, schemas.StreamEvents)
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "read stream %s: %w", schemas.StreamEvents, err)
	}
	last := s.CachedInfo().State.LastSeq
	err = await(ctx, func() (bool, error) {
		unseen, err := retention.Unseen(ctx, e.o.JS, e.o.Layout.TenantPartition(tenant))
		return unseen == 0 || unseen > last, err
	})
	if err != nil {
		return schemas.Errorf(schemas.CodeConflict, "events that the tenant has published are still on their way: try again: %w", err)
	}
	projector := deliverylog.NewProjector(e.o.JS, store, deliverylog.Options{})
	var logged uint64
	err = await(ctx, func() (bool, error) {
		p, err := projector.Progress(ctx)
		if logged == 0 {
			logged = p.Last
		}
		return err == nil && p.Applied >= logged, err
	})
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "the delivery log is behind: try again: %w", err)
	}
	return nil
}

func await(ctx context.Context, done func() (bool, error)) error {
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-time.After(settlePause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pageSize is how many rows of the log are read at once.
const pageSize = 200

// find fills in where the events are, and what tells of their deaths.
func (e *Eraser) find(ctx context.Context, store *deliverylog.Store, r *Record, q Request) error {
	r.Work = &Work{}
	filter := deliverylog.EventFilter{EventName: deliverylog.EventName{ID: q.Event, Source: q.Source}, Subject: q.Subject, Accepted: deliverylog.Span{From: q.Since}}
	for page := (deliverylog.Page{Limit: pageSize, Oldest: true}); ; {
		found, next, err := store.Events(ctx, r.Tenant, filter, page)
		if err != nil {
			return err
		}
		for _, event := range found {
			if r.Found >= MaxEvents {
				r.More = true
				return nil
			}
			if err := e.findOne(ctx, store, r, event); err != nil {
				return err
			}
		}
		if page.Cursor = next; next == "" {
			return nil
		}
	}
}

// findOne adds an event, where its deliveries went, and the events that announced
// that these died: they repeat its id.
func (e *Eraser) findOne(ctx context.Context, store *deliverylog.Store, r *Record, event deliverylog.Event) error {
	if !r.found(event.Place, event.ID, event.Source, event.Dead) {
		return nil
	}
	for page := (deliverylog.Page{Limit: pageSize}); ; {
		found, next, err := store.Deliveries(ctx, r.Tenant, deliverylog.DeliveryFilter{Event: deliverylog.EventName{Place: event.Place}}, page)
		if err != nil {
			return err
		}
		for _, d := range found {
			r.Work.sentTo(d.Endpoint)
			about, _, err := store.Events(ctx, r.Tenant, deliverylog.EventFilter{Subject: string(d.ID)}, deliverylog.Page{Limit: pageSize})
			if err != nil {
				return err
			}
			for _, a := range about { // nobody announces the death of an announcement
				if err := e.findOne(ctx, store, r, a); err != nil {
					return err
				}
			}
		}
		if page.Cursor = next; next == "" {
			return nil
		}
	}
}

// goOn removes what there is of an erasure, and notes that.
func (e *Eraser) goOn(ctx context.Context, r *Record, now time.Time) error {
	if r.Work == nil {
		return fmt.Errorf("erasure %s has lost what is left to do", r.ID)
	}
	last := r.State == Watching && now.Sub(r.Created) > Watch
	s := e.newSweep(r)
	err := s.run(ctx)
	if err == nil && len(s.news) > 0 {
		// Once it is noted where else to look, that is removed as well. What is news
		// again is for the next round.
		err = s.note(ctx, func(r *Record) { r.learn(s.news) })
		if err == nil && r.Work != nil {
			s = e.newSweep(r)
			err = s.run(ctx)
		}
	}
	if err != nil {
		told := err.Error()
		return errors.Join(err, s.note(ctx, func(r *Record) { r.Error = told }))
	}
	return s.note(ctx, func(r *Record) {
		r.Error = ""
		switch {
		case r.State == Done: // another was quicker
		case r.Found == 0, last && len(s.news) == 0:
			r.State, r.Work = Done, nil
			r.Ended = now.UTC().Truncate(time.Millisecond)
		default:
			r.State = Watching
			if len(s.news) == 0 {
				r.Work.Log = max(r.Work.Log, s.looked)
			}
		}
	})
}
