package tracing

import (
	"context"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// Soon is how long after an event was stored a span is still the child of what it
	// follows.
	Soon = 2 * time.Second
	// Together is how many deliveries of an event have their first attempts in its own
	// trace; with more, each has a trace of its own.
	Together = 16
)

// The headers of W3C Trace Context, and the attributes of CloudEvents' extension.
const (
	headerParent = "traceparent"
	headerState  = "tracestate"
)

// Origin is what a span follows. The zero value is whatever ctx has.
type Origin struct {
	Span trace.SpanContext
	// Apart makes the span the root of a trace of its own, linked to Span.
	Apart bool
}

// OfMessage is what the processing of an event follows that was stored at a time: the
// span that it was created in.
func OfMessage(h schemas.Header, body []byte, stored, now time.Time) Origin {
	parent, state := schemas.CreationContext(h, body)
	return Origin{parse(parent, state), now.Sub(stored) > Soon}
}

// OfEvent is the context that an event says it was created in; not valid if it says
// none.
func OfEvent(e *schemas.Event) trace.SpanContext {
	extensions := e.Extensions()
	parent, _ := extensions[headerParent].(string)
	state, _ := extensions[headerState].(string)
	return parse(parent, state)
}

// OfDelivery is what the next attempt at a delivery follows.
func OfDelivery(d *schemas.Delivery, now time.Time) Origin {
	parent, apart := strings.CutSuffix(d.Trace, apartMark)
	o := Origin{Span: parse(parent, ""), Apart: true}
	if !o.Span.IsValid() {
		return o
	}
	if of, state := d.Created(); state != "" && sameTrace(of, parent) {
		if s, err := trace.ParseTraceState(state); err == nil {
			o.Span = o.Span.WithTraceState(s)
		}
	}
	o.Apart = apart || d.Attempts > 0 || d.Replay != nil || now.Sub(d.Accepted()) > Soon
	return o
}

func sameTrace(a, b string) bool {
	const through = len("00-") + 32
	return len(a) >= through && len(b) >= through && a[:through] == b[:through]
}

// apartMark is behind the context of a span whose deliveries are too many to be its
// children.
const apartMark = " apart"

// Mark is a delivery's [schemas.Delivery.Trace]: where the span is that made it, one
// of so many. It is a traceparent, with "apart" behind it if they are too many. The
// tracestate is the event's own.
func Mark(s trace.SpanContext, deliveries int) string {
	if deliveries > Together {
		return Parent(s) + apartMark
	}
	return Parent(s)
}

// Parent is a context as a traceparent (W3C Trace Context, section 3.2); empty if it
// is not valid.
func Parent(s trace.SpanContext) string {
	if !s.IsValid() {
		return ""
	}
	const form = "00-00000000000000000000000000000000-0000000000000000-00"
	traceID, spanID, flags := s.TraceID(), s.SpanID(), [1]byte{byte(s.TraceFlags() & (trace.FlagsSampled | trace.FlagsRandom))}
	b := []byte(form)
	hex.Encode(b[3:], traceID[:])
	hex.Encode(b[36:], spanID[:])
	hex.Encode(b[53:], flags[:])
	return string(b)
}

// FromHTTP is ctx with the trace context of a request that was received, if it has
// one: what is begun under it follows it.
func FromHTTP(ctx context.Context, h http.Header) context.Context {
	if h.Get(headerParent) == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(h))
}

// OfCreation is the context that a delivery's event was created in, without its
// tracestate; not valid if the event says none.
func OfCreation(d *schemas.Delivery) trace.SpanContext {
	parent, _ := d.Created()
	return parse(parent, "")
}

// ToHTTP has a request carry a span's context, or without a span the one its event
// was created in. The tracestate stays at home: it is the business of those who
// collect spans.
func ToHTTP(h http.Header, s trace.SpanContext, d *schemas.Delivery) {
	if !s.IsValid() {
		s = OfCreation(d)
	}
	if parent := Parent(s); parent != "" {
		h[http.CanonicalHeaderKey(headerParent)] = []string{parent}
	}
}

// Inject writes the context of ctx into an event, unless its producer wrote one.
func Inject(ctx context.Context, e *schemas.Event) {
	if _, ok := e.Extensions()[headerParent]; ok {
		return
	}
	s := trace.SpanContextFromContext(ctx)
	parent := Parent(s)
	if parent == "" {
		return
	}
	e.SetExtension(headerParent, parent)
	if state := s.TraceState().String(); state != "" {
		e.SetExtension(headerState, state)
	}
}

// parse reads a context that another process wrote; it is not valid if that is not.
func parse(parent, state string) trace.SpanContext {
	if parent == "" {
		return trace.SpanContext{}
	}
	if s, ok := plain(parent); ok && state == "" {
		return s
	}
	carrier := propagation.MapCarrier{headerParent: parent}
	if state != "" {
		carrier[headerState] = state
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), carrier)
	return trace.SpanContextFromContext(ctx)
}

// plain reads a traceparent of version 00, as this package writes it, without making
// garbage: there is one in each delivery.
func plain(parent string) (trace.SpanContext, bool) {
	const form = "00-00000000000000000000000000000000-0000000000000000-00"
	if len(parent) != len(form) || parent[:3] != form[:3] || parent[35] != '-' || parent[52] != '-' {
		return trace.SpanContext{}, false
	}
	traceID, err := trace.TraceIDFromHex(parent[3:35])
	spanID, spanErr := trace.SpanIDFromHex(parent[36:52])
	flags, flagsErr := strconv.ParseUint(parent[53:], 16, 8)
	const known = trace.FlagsSampled | trace.FlagsRandom
	if err != nil || spanErr != nil || flagsErr != nil || trace.TraceFlags(flags)&^known != 0 {
		return trace.SpanContext{}, false
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID, SpanID: spanID, TraceFlags: trace.TraceFlags(flags), Remote: true,
	}), true
}
