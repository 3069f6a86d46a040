package dispatcher

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/schemas/tracing"
)

// beginSettle begins the span of making an outcome last. It follows the attempt's
// request, or what that would have if there was none.
func (d *Dispatcher) beginSettle(ctx context.Context, r Report) (context.Context, tracing.Span) {
	if !d.tracer.On() {
		return ctx, tracing.Span{}
	}
	after := tracing.Origin{Span: r.Span}
	if !r.Span.IsValid() {
		after = tracing.OfDelivery(r.Delivery, time.Now())
	}
	ctx, s := d.tracer.Start(ctx, tracing.Begin{Name: tracing.NameSettle, Kind: trace.SpanKindClient, After: after, Inner: true})
	if s.Records() {
		step := *r.Delivery
		step.Sequence = 0 // whichever message it was made from
		s.Set(tracing.Message{
			Subject: d.o.Layout.ReadySubject(r.Delivery.Endpoint), ID: step.MessageID(),
			Size: len(r.Delivery.Body()), Tenant: r.Delivery.Tenant, Event: r.Delivery.Summary(),
		}.Settled(r.Delivery, r.Outcome)...)
	}
	return ctx, s
}

// endSettle ends it; err is why the delivery is given back.
func endSettle(s tracing.Span, err error) {
	if err != nil && s.Records() {
		s.Fail(tracing.ErrorType(err), err.Error())
	}
	s.End()
}

// tellUnattempted makes the span of a delivery that died without being tried.
func (d *Dispatcher) tellUnattempted(r Report) {
	_, s := d.beginSettle(context.Background(), r)
	s.End()
}

// Context is ctx with the span of the report's request, for what is logged of it.
func (r Report) Context(ctx context.Context) context.Context {
	if !r.Span.IsValid() {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, r.Span)
}
