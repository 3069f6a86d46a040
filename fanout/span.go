package fanout

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

// process begins the span of an event that JetStream has handed out.
func (f *Fanout) process(ctx context.Context, m jetstream.Msg) (context.Context, tracing.Span) {
	if !f.tracer.On() {
		return ctx, tracing.Span{}
	}
	now := time.Now()
	stored := now
	if meta, err := m.Metadata(); err == nil {
		stored = meta.Timestamp
	}
	return f.tracer.Start(ctx, tracing.Begin{
		Name: tracing.NameProcess, Kind: trace.SpanKindConsumer,
		After: tracing.OfMessage(schemas.Header(m.Headers()), m.Data(), stored, now),
	})
}

// mark is what the deliveries of an event say of ctx's span, which makes so many.
func (f *Fanout) mark(ctx context.Context, deliveries int) string {
	if !f.tracer.On() {
		return ""
	}
	return tracing.Mark(trace.SpanContextFromContext(ctx), deliveries)
}

// describe gives an event's span its attributes.
func (made decision) describe(s tracing.Span, m jetstream.Msg) {
	if !s.Records() {
		return
	}
	about := tracing.Message{Subject: m.Subject(), ID: m.Headers().Get(jetstream.MsgIDHeader), Size: len(m.Data()), Tenant: made.tenant}
	if made.record != nil {
		about.Event = made.record.EventSummary
	}
	var consumer string
	if meta, err := m.Metadata(); err == nil {
		consumer = meta.Consumer
	}
	s.Set(about.Processed(consumer)...)
	if made.dead != "" {
		s.Fail(string(made.dead), "")
		return
	}
	s.Set(tracing.Deliveries(len(made.writes)))
}

// endProcess ends the span of an event that is given back.
func endProcess(s tracing.Span, why string) {
	if s.Records() {
		s.Fail(why, "given back: it comes again")
	}
	s.End()
}

// processLate makes the span of an event that a subscription's history brings, and
// returns what its delivery says of it.
func (f *Fanout) processLate(ctx context.Context, at stored, about schemas.EventSummary, tenant schemas.TenantID) string {
	if !f.tracer.On() {
		return ""
	}
	ctx, s := f.tracer.Start(ctx, tracing.Begin{
		Name: tracing.NameProcess, Kind: trace.SpanKindConsumer,
		After: tracing.OfMessage(schemas.Header(at.header), at.data, at.at, time.Now()),
	})
	defer s.End()
	if s.Records() {
		s.Set(tracing.Message{
			Subject: at.subject, ID: at.header.Get(nats.MsgIdHdr), Size: len(at.data), Tenant: tenant, Event: about,
		}.Processed("")...)
		s.Set(tracing.Deliveries(1))
	}
	return f.mark(ctx, 1)
}
