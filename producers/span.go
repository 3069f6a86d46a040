package producers

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

// span is that of an event's way to EVENTS.
type span struct{ tracing.Span }

// begin begins it. Its context is the one that the event is created in, unless it
// brought one: that stays, and is linked to.
func (p *Publisher) begin(ctx context.Context, e schemas.Event) (context.Context, span) {
	if !p.tracer.On() {
		return ctx, span{}
	}
	b := tracing.Begin{Name: tracing.NameSend, Kind: trace.SpanKindProducer}
	if e.Context != nil {
		b.Also = tracing.OfEvent(&e)
	}
	if b.Also.IsValid() {
		b.Kind = trace.SpanKindClient
	}
	ctx, s := p.tracer.Start(ctx, b)
	return ctx, span{s}
}

// describe gives the message's span its attributes.
func (m *message) describe(tenant schemas.TenantID) {
	if !m.span.Records() {
		return
	}
	m.span.Set(tracing.Message{
		Subject: m.msg.Subject, ID: m.msg.Header.Get(jetstream.MsgIDHeader), Size: len(m.msg.Data), Tenant: tenant,
		Event: schemas.Summarize(schemas.Header(m.msg.Header), len(m.msg.Data)),
	}.Sent()...)
}

// end ends the span of an event that is stored, unless err says why it is not.
func (s span) end(err error) {
	if err != nil && s.Records() {
		s.Fail(tracing.ErrorType(err), err.Error())
	}
	s.End()
}

// refused ends the span of an event that was not sent since another was not valid.
func (s span) refused() {
	if s.Records() {
		s.Fail(string(schemas.CodeInvalid), "another event of the batch was refused")
	}
	s.End()
}
