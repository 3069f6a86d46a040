package retention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/schemas"
)

// Every is how often a janitor goes round.
const Every = 10 * time.Minute

// Options are what a janitor works with. All but what has a default are required.
type Options struct {
	NC     *nats.Conn
	JS     jetstream.JetStream
	Layout schemas.Layout
	// Tenants are all that there are.
	Tenants func() []schemas.Tenant
	// EventsMaxAge and LogMaxAge are the operator's; 0 for those of the streams alone.
	EventsMaxAge, LogMaxAge time.Duration
	// LogMaxBytes bounds LOG; 0 for no bound.
	LogMaxBytes int64
	// Store is the log's database, if it is open.
	Store func() (*deliverylog.Store, error)
	Log   *slog.Logger // discarded by default
}

// Janitor removes what is too old, or too much.
type Janitor struct{ o Options }

// New makes a janitor that does nothing before Run.
func New(o Options) *Janitor {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Janitor{o}
}

// Run goes round until ctx ends. It returns nil.
func (j *Janitor) Run(ctx context.Context) error {
	for {
		if err := j.Round(ctx, time.Now()); err != nil && ctx.Err() == nil {
			j.o.Log.WarnContext(ctx, "remove what has been kept long enough", "error", err)
		}
		select {
		case <-time.After(Every):
		case <-ctx.Done():
			return nil
		}
	}
}

// Round removes once what is too old at a time, or too much. What fails does not keep
// it from the rest.
func (j *Janitor) Round(ctx context.Context, now time.Time) error {
	var errs []error
	ages := map[schemas.TenantID]time.Duration{}
	for _, t := range j.o.Tenants() {
		events, log := t.Retention.Events.Std(), t.Retention.Log.Std()
		ages[t.ID] = schemas.Shorter(log, j.o.LogMaxAge)
		if shortens(events, j.o.EventsMaxAge) {
			errs = append(errs, j.events(ctx, t.ID, now.Add(-events)))
		}
		if events > 0 { // the operator's age of DEAD is another
			errs = append(errs, j.purge(ctx, schemas.StreamDead, schemas.DeadFilter(t.ID), now.Add(-events)))
		}
		if shortens(log, j.o.LogMaxAge) {
			errs = append(errs, j.purge(ctx, schemas.StreamLog, schemas.LogSubject(t.ID), now.Add(-log)))
		}
	}
	kept, err := j.bySize(ctx)
	errs = append(errs, err)
	store, err := j.o.Store()
	if err != nil { // whoever opens it says why it is not
		return errors.Join(errs...)
	}
	_, err = store.TrimAll(ctx, func(tenant schemas.TenantID) time.Duration {
		age, known := ages[tenant]
		if !known { // it has been removed
			age = j.o.LogMaxAge
		}
		if !kept.IsZero() {
			age = schemas.Shorter(age, max(1, now.Sub(kept)))
		}
		return age
	}, now)
	return errors.Join(append(errs, err)...)
}

func shortens(age, operators time.Duration) bool {
	return age > 0 && (operators == 0 || age < operators)
}

// events removes a tenant's that were accepted before a time, and acknowledged.
func (j *Janitor) events(ctx context.Context, tenant schemas.TenantID, before time.Time) error {
	subject := j.o.Layout.TenantFilter(tenant)
	below, err := direct.Before(ctx, j.o.NC, schemas.StreamEvents, subject, before)
	if err != nil || below == 0 {
		return err
	}
	unseen, err := Unseen(ctx, j.o.JS, j.o.Layout.TenantPartition(tenant))
	if err != nil {
		return err
	}
	if unseen > 0 {
		below = min(below, unseen)
	}
	return j.purgeBelow(ctx, schemas.StreamEvents, subject, below)
}

// Unseen is a sequence of EVENTS below which fanout has acknowledged all of a
// partition's events; 0 if it has acknowledged all there are.
func Unseen(ctx context.Context, js jetstream.JetStream, partition int) (uint64, error) {
	name := schemas.FanoutConsumer(partition)
	c, err := js.Consumer(ctx, schemas.StreamEvents, name)
	if err != nil {
		return 0, fmt.Errorf("read consumer %s: %w", name, err)
	}
	info := c.CachedInfo()
	if info.NumPending == 0 && info.NumAckPending == 0 {
		return 0, nil
	}
	return info.AckFloor.Stream + 1, nil
}

// purge removes what was stored under a subject before a time.
func (j *Janitor) purge(ctx context.Context, stream, subject string, before time.Time) error {
	below, err := direct.Before(ctx, j.o.NC, stream, subject, before)
	if err != nil {
		return err
	}
	return j.purgeBelow(ctx, stream, subject, below)
}

// purgeBelow removes what is stored under a subject below a sequence; nothing if that
// is 0 or 1.
func (j *Janitor) purgeBelow(ctx context.Context, stream, subject string, below uint64) error {
	if below <= 1 { // JetStream takes 0 for all
		return nil
	}
	s, err := j.o.JS.Stream(ctx, stream)
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(below))
	}
	if err != nil {
		return fmt.Errorf("purge %s of %s: %w", subject, stream, err)
	}
	return nil
}

// sizeSteps bounds how often LOG is purged in a round: messages differ in size, so it
// takes some steps to come below the bound.
const sizeSteps = 20

// bySize removes LOG's oldest messages while it has too many bytes. It returns when
// the oldest that is left was stored, if the bound keeps LOG short; else the zero time.
func (j *Janitor) bySize(ctx context.Context) (kept time.Time, err error) {
	if j.o.LogMaxBytes <= 0 {
		return kept, nil
	}
	most := uint64(j.o.LogMaxBytes)
	for range sizeSteps {
		s, err := j.o.JS.Stream(ctx, schemas.StreamLog)
		if err != nil {
			return kept, fmt.Errorf("read stream %s: %w", schemas.StreamLog, err)
		}
		state := s.CachedInfo().State
		if state.Bytes <= most {
			if state.Bytes > most/10*9 { // it is at the bound, or soon again
				kept = state.FirstTime
			}
			return kept, nil
		}
		// As many as there would be of the mean size, at least one.
		span := state.LastSeq - state.FirstSeq + 1
		excess := float64(state.Bytes-most) / float64(state.Bytes)
		below := min(state.LastSeq+1, state.FirstSeq+1+uint64(excess*float64(span)))
		if err := s.Purge(ctx, jetstream.WithPurgeSequence(below)); err != nil {
			return kept, fmt.Errorf("purge %s: %w", schemas.StreamLog, err)
		}
	}
	return kept, nil
}
