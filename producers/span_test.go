package producers_test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/tracing"
	"github.com/tidings-dev/tidings/schemas/tracing/tracingtest"
)

// traced is a publisher, the spans that it makes, and a context with one of the
// service's own.
func traced(t *testing.T) (*pipe, *producers.Publisher, *tracingtest.Recorder, context.Context) {
	t.Helper()
	p, r := start(t), tracingtest.New(t, nil)
	ctx, outer := r.Provider().Tracer("service").Start(t.Context(), "request")
	t.Cleanup(func() { outer.End() })
	return p, publisher(t, p.NC, producers.Options{Tracers: r.Provider()}), r, ctx
}

// TestSendSpans: an event is created in the span that sends it, which is the
// service's child; a context that it brings stays.
func TestSendSpans(t *testing.T) {
	const own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	p, pub, r, ctx := traced(t)
	brought := created("2")
	brought.SetExtension("traceparent", own)
	for _, e := range []schemas.Event{created("1"), brought} {
		if _, err := pub.Publish(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	spans := r.Named(tracing.NameSend)
	if len(spans) != 2 {
		t.Fatalf("%d spans", len(spans))
	}
	first, second := spans[0], spans[1]
	outer := trace.SpanContextFromContext(ctx)
	if first.Parent().SpanID() != outer.SpanID() || first.SpanKind() != trace.SpanKindProducer || len(first.Links()) != 0 {
		t.Errorf("the first is %s of %s, linked to %v", first.SpanKind(), first.Parent().SpanID(), first.Links())
	}
	if second.SpanKind() != trace.SpanKindClient || len(second.Links()) != 1 || tracing.Parent(second.Links()[0].SpanContext) != own {
		t.Errorf("the second is %s, linked to %v", second.SpanKind(), second.Links())
	}
	p.holdsContexts(tracing.Parent(first.SpanContext()), own)
	has := tracingtest.Attributes(first)
	if has["messaging.destination.name"] != "events.acme.order.created" || has["messaging.message.id"] == "" || has["cloudevents.event_id"] != "1" {
		t.Errorf("the first has %v", has)
	}
}

// holdsContexts wants EVENTS to hold events that were created in these contexts.
func (p *pipe) holdsContexts(want ...string) {
	p.t.Helper()
	for i, want := range want {
		m, err := p.stream.GetMsg(p.t.Context(), uint64(i+1))
		if err != nil {
			p.t.Fatal(err)
		}
		if got := m.Header.Get("ce-traceparent"); got != want {
			p.t.Errorf("event %d has %q, want %q", i+1, got, want)
		}
	}
}

// TestFailedSpans: what is refused, given up, or in the batch of what is, ends in a
// span that says so.
func TestFailedSpans(t *testing.T) {
	_, pub, r, ctx := traced(t)
	wrong := created("2")
	wrong.SetType("")
	if _, err := pub.PublishBatch(ctx, []schemas.Event{created("1"), wrong, created("3")}); err == nil {
		t.Error("the batch was taken")
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := pub.Publish(over, created("4")); err == nil {
		t.Error("it was published after its context had ended")
	}
	var got []string
	for _, s := range r.Named(tracing.NameSend) {
		if s.Status().Code != codes.Error {
			t.Errorf("the status of a span is %v", s.Status())
		}
		got = append(got, tracingtest.Attributes(s)["error.type"])
	}
	if len(got) != 3 || got[0] != "invalid" || got[1] != "invalid" || got[2] != tracing.ErrorCanceled {
		t.Errorf("they ended as %q", got)
	}
}
