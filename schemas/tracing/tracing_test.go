package tracing_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/tracing"
	"github.com/tidings-dev/tidings/schemas/tracing/tracingtest"
)

const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

var accepted = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func testDelivery() *schemas.Delivery {
	return &schemas.Delivery{
		ID: schemas.NewDeliveryID(accepted, 7, "ep_a"), Tenant: "acme", Endpoint: "ep_a", Trace: parent, Data: []byte("{}"),
		Event: schemas.Header{"ce-id": {"e1"}, "ce-source": {"/s"}, "ce-type": {"a.b"}, "ce-subject": {"u1"}},
	}
}

func TestOfDelivery(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*schemas.Delivery)
		after  time.Duration
		apart  bool
	}{
		"the first, soon":           {func(*schemas.Delivery) {}, tracing.Soon, false},
		"by a clock that is behind": {func(*schemas.Delivery) {}, -time.Minute, false},
		"the first, later":          {func(*schemas.Delivery) {}, tracing.Soon + time.Millisecond, true},
		"a retry":                   {func(d *schemas.Delivery) { d.Attempts = 1 }, 0, true},
		"one of many":               {func(d *schemas.Delivery) { d.Trace += " apart" }, 0, true},
	} {
		d := testDelivery()
		tt.change(d)
		got := tracing.OfDelivery(d, accepted.Add(tt.after))
		if got.Apart != tt.apart || tracing.Parent(got.Span) != parent || !got.Span.IsRemote() {
			t.Errorf("%s: apart is %t, of %s", name, got.Apart, tracing.Parent(got.Span))
		}
	}
	for _, wrong := range []string{"", "apart", "00-xyz", parent + " more"} {
		d := testDelivery()
		d.Trace = wrong
		if got := tracing.OfDelivery(d, accepted); got.Span.IsValid() || !got.Apart {
			t.Errorf("%q is read as %+v", wrong, got)
		}
	}
}

// The tracestate is the event's, if the span is of the same trace.
func TestTraceState(t *testing.T) {
	d := testDelivery()
	d.Event["ce-tracestate"] = []string{"vendor=1"}
	for of, want := range map[string]string{parent: "vendor=1", "00-0bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": ""} {
		d.Event["ce-traceparent"] = []string{of}
		if got := tracing.OfDelivery(d, accepted).Span.TraceState().String(); got != want {
			t.Errorf("of an event with %s: %q, want %q", of, got, want)
		}
	}
}

func TestMark(t *testing.T) {
	span := tracing.OfDelivery(testDelivery(), accepted).Span
	for deliveries, want := range map[int]string{1: parent, tracing.Together: parent, tracing.Together + 1: parent + " apart"} {
		if got := tracing.Mark(span, deliveries); got != want {
			t.Errorf("%d deliveries: %q, want %q", deliveries, got, want)
		}
	}
	if got := tracing.Parent(trace.SpanContext{}); got != "" {
		t.Errorf("no context is %q", got)
	}
}

func TestHTTP(t *testing.T) {
	ctx := tracing.FromHTTP(t.Context(), http.Header{"Traceparent": {parent}, "Tracestate": {"vendor=1"}})
	if s := trace.SpanContextFromContext(ctx); tracing.Parent(s) != parent || s.TraceState().String() != "vendor=1" {
		t.Errorf("read %s", tracing.Parent(s))
	}
	h, own := http.Header{}, trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	if tracing.ToHTTP(h, own, testDelivery()); h.Get("traceparent") != "00-01000000000000000000000000000000-0200000000000000-00" || len(h) != 1 {
		t.Errorf("wrote %v", h)
	}
	h = http.Header{}
	if tracing.ToHTTP(h, trace.SpanContext{}, testDelivery()); len(h) != 0 {
		t.Errorf("wrote %v of nothing", h)
	}
}

// TestAttributes holds each attribute to the semantic conventions 1.43.0: its name,
// its type, and whether it is there. What is required is there in each case.
func TestAttributes(t *testing.T) {
	u, err := url.Parse("https://user:secret@hooks.example.com/in/1?token=secret#part")
	if err != nil {
		t.Fatal(err)
	}
	d := testDelivery()
	message := tracing.Message{Subject: "events.acme.a.b", ID: "m1", Size: 2, Tenant: "acme", Event: d.Summary()}
	again := *d
	again.Attempts = 2
	common := map[string]any{
		"messaging.system":           "nats", // required
		"messaging.destination.name": "events.acme.a.b", "messaging.message.id": "m1", "messaging.message.body.size": int64(2),
	}
	events := map[string]any{
		"cloudevents.event_id": "e1", "cloudevents.event_source": "/s", // required
		"cloudevents.event_spec_version": "1.0", "cloudevents.event_type": "a.b", "cloudevents.event_subject": "u1",
	}
	request := map[string]any{ // all required
		"http.request.method": "POST", "server.address": "hooks.example.com", "server.port": int64(443), "url.full": "https://hooks.example.com/in/1",
	}
	for name, tt := range map[string]struct {
		got  []attribute.KeyValue
		want []map[string]any
	}{
		"send": {message.Sent(), []map[string]any{common, events, {
			"messaging.operation.name": "send", "messaging.operation.type": "send",
			"messaging.destination.template": "events.{tenant}.{type}", "tidings.tenant": "acme",
		}}},
		"process": {append(message.Processed("fanout-3"), tracing.Deliveries(3)), []map[string]any{common, events, {
			"messaging.operation.name": "process", "messaging.operation.type": "process", "messaging.consumer.group.name": "fanout-3",
			"messaging.destination.template": "events.{partition}.{tenant}.{type}", "tidings.tenant": "acme", "tidings.deliveries": int64(3),
		}}},
		"process what is no event": {tracing.Message{Subject: "events.acme.a.b", ID: "m1", Size: 2}.Processed(""), []map[string]any{common, {
			"messaging.operation.name": "process", "messaging.operation.type": "process",
			"messaging.destination.template": "events.{partition}.{tenant}.{type}",
		}}},
		"settle": {message.Settled(d, schemas.Outcome{Kind: schemas.Dead, Reason: schemas.ReasonGone}), []map[string]any{common, events, {
			"messaging.operation.name": "settle", "messaging.operation.type": "settle",
			"messaging.destination.template": "ready.{partition}.{endpoint}", "tidings.tenant": "acme",
			"tidings.delivery.id": string(d.ID), "tidings.endpoint.id": "ep_a", "tidings.outcome": "dead", "tidings.reason": "gone",
		}}},
		"request": {tracing.Request("POST", u, "acme", "ep_a"), []map[string]any{request, {"tidings.tenant": "acme", "tidings.endpoint.id": "ep_a"}}},
		"attempt": {tracing.Attempt(d), []map[string]any{events, {"tidings.delivery.id": string(d.ID), "tidings.attempt": int64(1)}}},
		"retry": {tracing.Attempt(&again), []map[string]any{events, {
			"tidings.delivery.id": string(d.ID), "tidings.attempt": int64(3),
			"http.request.resend_count": int64(2), // only if it was retried
		}}},
		"answer":     {tracing.Response(503, "1.1"), []map[string]any{{"http.response.status_code": int64(503), "network.protocol.version": "1.1"}}},
		"an unknown": {tracing.Response(200, ""), []map[string]any{{"http.response.status_code": int64(200)}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]any{}
			for _, a := range tt.got {
				if _, twice := got[string(a.Key)]; twice {
					t.Errorf("%s is there twice", a.Key)
				}
				got[string(a.Key)] = a.Value.AsInterface()
			}
			for _, part := range tt.want {
				for key, want := range part {
					if got[key] != want {
						t.Errorf("%s is %#v, want %#v", key, got[key], want)
					}
					delete(got, key)
				}
			}
			for key, value := range got {
				t.Errorf("%s is %#v, want nothing", key, value)
			}
		})
	}
}

func TestPorts(t *testing.T) {
	for address, want := range map[string]int64{"http://a.test/": 80, "https://a.test/": 443, "https://a.test:8443/": 8443, "http://[::1]:81/": 81} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range tracing.Request("POST", u, "", "") {
			if a.Key == "server.port" && a.Value.AsInt64() != want {
				t.Errorf("%s: port %d", address, a.Value.AsInt64())
			}
		}
	}
}

func TestErrorTypes(t *testing.T) {
	for want, err := range map[string]error{
		"storage_full": fmt.Errorf("publish: %w", schemas.Errorf(schemas.CodeFull, "no room")),
		"timeout":      fmt.Errorf("publish: %w", context.DeadlineExceeded),
		"canceled":     context.Canceled,
		"_OTHER":       errors.New("something"),
	} {
		if got := tracing.ErrorType(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	if got := tracing.RequestError(503, false, schemas.ReasonServerError); got != "503" {
		t.Errorf("a status is %q", got)
	}
	if got := tracing.RequestError(200, true, schemas.ReasonTimeout); got != "timeout" {
		t.Errorf("an answer that broke is %q", got)
	}
}

// TestOff: without a provider nothing is begun, and nothing allocated.
func TestOff(t *testing.T) {
	for name, p := range map[string]trace.TracerProvider{"nil": nil, "noop": noop.NewTracerProvider()} {
		tracer, ctx := tracing.New(p, "test"), t.Context()
		if tracer.On() {
			t.Errorf("%s: it is on", name)
		}
		allocations := testing.AllocsPerRun(100, func() {
			c, s := tracer.Start(ctx, tracing.Begin{Name: tracing.NameSend, Kind: trace.SpanKindProducer})
			if s.Records() || s.Context().IsValid() || s.In(c) != ctx {
				t.Error("it has begun a span")
			}
			s.Fail("", "")
			s.End()
		})
		if allocations > 0 {
			t.Errorf("%s: %v allocations", name, allocations)
		}
	}
}

// Also is linked beside what a span follows.
func TestLinks(t *testing.T) {
	r := tracingtest.New(t, nil)
	tracer, of := tracing.New(r.Provider(), "test"), tracing.OfDelivery(testDelivery(), accepted).Span
	ctx, outer := tracer.Start(t.Context(), tracing.Begin{Name: "outer"})
	_, inner := tracer.Start(ctx, tracing.Begin{Name: "inner", Also: of})
	inner.End()
	_, apart := tracer.Start(ctx, tracing.Begin{Name: "apart", After: tracing.Origin{Span: of, Apart: true}})
	apart.End()
	outer.End()
	in, out := r.Named("inner")[0], r.Named("apart")[0]
	if in.Parent().SpanID() != outer.Context().SpanID() || len(in.Links()) != 1 || !in.Links()[0].SpanContext.Equal(of) {
		t.Errorf("inner is of %s, linked to %v", in.Parent().SpanID(), in.Links())
	}
	if out.Parent().IsValid() || out.SpanContext().TraceID() == of.TraceID() || len(out.Links()) != 1 {
		t.Errorf("apart is of %s, linked to %v", out.Parent().SpanID(), out.Links())
	}
	if got := in.InstrumentationScope(); got.Name != "github.com/tidings-dev/tidings/test" || got.SchemaURL == "" {
		t.Errorf("the scope is %+v", got)
	}
}

// What is read without garbage is read as OpenTelemetry reads it.
func FuzzParent(f *testing.F) {
	for _, parent := range []string{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1", "", "00",
	} {
		f.Add(parent)
	}
	f.Fuzz(func(t *testing.T, parent string) {
		d := schemas.Delivery{ID: schemas.NewDeliveryID(time.Now(), 1, "ep_a"), Trace: parent}
		got := tracing.OfDelivery(&d, time.Now()).Span
		parent, _ = strings.CutSuffix(parent, " apart")
		ctx := propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{"traceparent": parent})
		if want := trace.SpanContextFromContext(ctx); !got.Equal(want) {
			t.Errorf("%q: got %+v, want %+v", parent, got, want)
		}
	})
}
