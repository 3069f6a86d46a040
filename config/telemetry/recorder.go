package telemetry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/schemas"
)

// Recorder counts what the stages do. Its methods do not wait, and allocate nothing
// but for an event that is traced and for values of attributes that are new. All are
// safe for concurrent use.
type Recorder struct {
	tenants *tenants

	accepted, repeated, rejected       counter
	matched, unmatched, eventsDead     counter
	made, attempts                     counter
	delivered, retried, deliveriesDead counter
	refused                            counter

	fanoutLatency, attemptDuration, phaseDuration, deliveryLatency histogram
}

// startInstruments makes those of the table.
func (t *Telemetry) startInstruments() error {
	m := t.meters.Meter(scope, metric.WithInstrumentationVersion(t.o.Version))
	r := &Recorder{tenants: t.tenants}
	counters := map[string]*counter{
		"tidings.events.accepted": &r.accepted, "tidings.events.repeated": &r.repeated, "tidings.events.rejected": &r.rejected,
		"tidings.events.matched": &r.matched, "tidings.events.unmatched": &r.unmatched, "tidings.events.dead": &r.eventsDead,
		"tidings.deliveries.made": &r.made, "tidings.attempts": &r.attempts,
		"tidings.deliveries.delivered": &r.delivered, "tidings.deliveries.retried": &r.retried, "tidings.deliveries.dead": &r.deliveriesDead,
		"tidings.egress.refused": &r.refused,
	}
	histograms := map[string]*histogram{
		"tidings.fanout.latency": &r.fanoutLatency, "tidings.attempt.duration": &r.attemptDuration,
		"tidings.attempt.phase.duration": &r.phaseDuration, "tidings.delivery.latency": &r.deliveryLatency,
	}
	var errs []error
	for _, i := range Instruments() {
		switch c, h := counters[i.Name], histograms[i.Name]; {
		case i.watched:
		case c != nil:
			errs = append(errs, c.start(m, i))
		case h != nil:
			errs = append(errs, h.start(m, i))
		default:
			errs = append(errs, fmt.Errorf("instrument %s: nobody records it", i.Name))
		}
	}
	t.recorder = r
	if err := errors.Join(append(errs, t.watchRuntime())...); err != nil {
		return err
	}
	r.zero()
	return nil
}

// zero begins series at 0 whose first count an alert must see: Prometheus takes no
// notice of how a series begins. Those of single tenants do without.
func (r *Recorder) zero() {
	ctx := context.Background()
	r.rejected.begin(ctx, key{httpDoor, string(schemas.CodeFull)})
	for _, reason := range []schemas.Reason{schemas.ReasonEventInvalid, schemas.ReasonSchemaInvalid, schemas.ReasonCrashed} {
		r.eventsDead.begin(ctx, key{string(reason)})
	}
	for _, reason := range []schemas.Reason{schemas.ReasonExhausted, schemas.ReasonGone, schemas.ReasonEndpointDisabled} {
		r.deliveriesDead.begin(ctx, key{string(reason)})
	}
}

// httpDoor is the only door that can tell by itself what it takes in.
const httpDoor = "http"

// Published counts what a request to publish came to: of so many events so many that
// were stored already, or the error for which they were refused.
func (r *Recorder) Published(tenant schemas.TenantID, events, repeated int, err error) {
	ctx, name := context.Background(), r.tenants.name(tenant)
	if err != nil {
		r.rejected.add(ctx, 1, key{httpDoor, string(codeOf(err)), name})
		return
	}
	if repeated > 0 {
		r.repeated.add(ctx, int64(repeated), key{httpDoor, name})
	}
	r.accepted.add(ctx, int64(events-repeated), key{httpDoor, name})
}

func codeOf(err error) schemas.Code {
	if e, ok := errors.AsType[*schemas.Error](err); ok {
		return e.Code
	}
	return "internal"
}

// Journal counts the events that next is told of.
func (r *Recorder) Journal(next schemas.Journal) schemas.Journal {
	return func(tenant schemas.TenantID, record schemas.Record, written func()) {
		if record.Event != nil {
			r.event(tenant, record.Event, time.Now())
		}
		next(tenant, record, written)
	}
}

func (r *Recorder) event(tenant schemas.TenantID, e *schemas.EventRecord, now time.Time) {
	ctx, name := context.Background(), r.tenants.name(tenant)
	r.made.add(ctx, int64(len(e.Endpoints)), key{name})
	if e.Late {
		return
	}
	switch {
	case e.Dead != "":
		r.eventsDead.add(ctx, 1, key{string(e.Dead), name})
		return
	case len(e.Endpoints) == 0:
		r.unmatched.add(ctx, 1, key{name})
	default:
		r.matched.add(ctx, 1, key{name})
	}
	r.fanoutLatency.record(ctx, now.Sub(e.Accepted), key{})
}

// Settled is what became of an attempt, or of a delivery that died without one.
type Settled struct {
	Tenant   schemas.TenantID
	Accepted time.Time       // when EVENTS stored the event
	Attempt  schemas.Attempt // its number is 0 if there was none
	Kind     schemas.Kind
	Reason   schemas.Reason
	Timings  schemas.Timings
	// Pulled says that the receiver fetched it when it liked: how long it took says
	// nothing of the pipe, and is not recorded.
	Pulled bool
	// Late says that it is no delivery of what has just come, but a replay or one of a
	// subscription's history: how old it is says nothing of the pipe either.
	Late bool
	// Span is what leads to the attempt's trace. If it is sampled, the histograms keep it
	// as an exemplar.
	Span trace.SpanContext
}

// Settled counts an attempt and what follows from it.
func (r *Recorder) Settled(s *Settled) {
	ctx, name := context.Background(), r.tenants.name(s.Tenant)
	if s.Span.IsSampled() {
		ctx = trace.ContextWithSpanContext(ctx, s.Span)
	}
	if a := &s.Attempt; a.Number > 0 {
		r.attempts.add(ctx, 1, key{string(s.Kind), string(a.Reason), name})
		if !s.Pulled {
			r.attemptDuration.record(ctx, time.Duration(a.Duration), key{string(s.Kind)})
			r.phases(ctx, &s.Timings)
		}
	}
	switch s.Kind {
	case schemas.Delivered:
		r.delivered.add(ctx, 1, key{name})
		if !s.Pulled && !s.Late {
			r.deliveryLatency.record(ctx, s.Attempt.At.Add(time.Duration(s.Attempt.Duration)).Sub(s.Accepted), key{nth(s.Attempt.Number)})
		}
	case schemas.Retry:
		r.retried.add(ctx, 1, key{string(s.Reason), name})
	case schemas.Dead:
		r.deliveriesDead.add(ctx, 1, key{string(s.Reason), name})
	}
}

// nth tells deliveries that were retried from others.
func nth(attempt int) string {
	if attempt > 1 {
		return "later"
	}
	return "first"
}

// phases records those that happened.
func (r *Recorder) phases(ctx context.Context, t *schemas.Timings) {
	for _, p := range [...]struct {
		name string
		took schemas.Duration
	}{{"dns", t.DNS}, {"connect", t.Connect}, {"tls", t.TLS}, {"first_byte", t.FirstByte}, {"body", t.Body}} {
		if p.took > 0 {
			r.phaseDuration.record(ctx, time.Duration(p.took), key{p.name})
		}
	}
}

// Refused counts a request that the egress guard refused. Its reasons are a closed set.
func (r *Recorder) Refused(reason string) {
	r.refused.add(context.Background(), 1, key{reason})
}
