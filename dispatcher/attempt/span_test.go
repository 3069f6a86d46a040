package attempt

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
	"github.com/tidings-dev/tidings/schemas/tracing"
	"github.com/tidings-dev/tidings/schemas/tracing/tracingtest"
)

// tracedMaker makes attempts at the endpoint, which answers so.
func tracedMaker(e schemas.Endpoint, p trace.TracerProvider, answer roundTrip) *Maker {
	targets := NewTargets()
	targets.Apply(schemas.Change{Endpoint: &e})
	return New(Options{
		Targets: targets, Catalogue: catalogue.New(), UserAgent: "Tidings", Tracer: tracing.New(p, "dispatcher"),
		Load:      func(_ context.Context, d *schemas.Delivery) (*schemas.Delivery, error) { return d, nil },
		Transport: answer,
	})
}

func tracedDelivery() *schemas.Delivery {
	return &schemas.Delivery{
		ID: schemas.NewDeliveryID(time.Now(), 7, "ep_a"), Tenant: "acme", Endpoint: "ep_a", Data: []byte("{}"),
		Trace: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		Event: schemas.Header{"ce-id": {"1"}, "ce-source": {"/s"}, "ce-type": {"a.b"}},
	}
}

func answers(status int) roundTrip {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Proto: "HTTP/1.1", Header: http.Header{}, Body: http.NoBody}, nil
	}
}

// TestRequestSpans: what a request met is in its span, as the conventions of HTTP
// clients say.
func TestRequestSpans(t *testing.T) {
	broken := func(err error) roundTrip { return func(*http.Request) (*http.Response, error) { return nil, err } }
	for name, tt := range map[string]struct {
		policy              schemas.Policy
		answer              roundTrip
		status, failed, why string // http.response.status_code, error.type, and in the span's status
	}{
		"delivered":                {schemas.Policy{}, answers(204), "204", "", ""},
		"refused":                  {schemas.Policy{}, answers(404), "404", "404", ""},
		"redirected":               {schemas.Policy{}, answers(302), "302", "302", ""}, // it is not followed
		"down":                     {schemas.Policy{}, answers(503), "503", "503", ""},
		"what the policy delivers": {schemas.Policy{Statuses: map[string]schemas.StatusAction{"404": schemas.StatusDelivered}}, answers(404), "404", "", ""},
		"what it does not":         {schemas.Policy{Statuses: map[string]schemas.StatusAction{"201": schemas.StatusDead}}, answers(201), "201", "201", ""},
		"no answer in time":        {schemas.Policy{}, broken(context.DeadlineExceeded), "", "timeout", "no complete response in time"},
		"a body that breaks": {schemas.Policy{}, func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Proto: "HTTP/1.1", Header: http.Header{}, Body: io.NopCloser(&brokenBody{})}, nil
		}, "200", "reset", "the connection broke"},
	} {
		t.Run(name, func(t *testing.T) {
			r, e := tracingtest.New(t, nil), testEndpoint()
			e.URL, e.Policy = "http://receiver.test:8080/in?token=secret", tt.policy
			result, err := tracedMaker(e, r.Provider(), tt.answer).Attempt(t.Context(), tracedDelivery(), nil)
			if err != nil || len(r.Spans()) != 1 {
				t.Fatalf("%d spans, %v", len(r.Spans()), err)
			}
			span := r.Spans()[0]
			if !result.Span.Equal(span.SpanContext()) || span.Name() != "POST" || span.SpanKind() != trace.SpanKindClient {
				t.Errorf("the span is %s %s", span.SpanKind(), span.Name())
			}
			has := tracingtest.Attributes(span)
			if has["url.full"] != "http://receiver.test:8080/in" || has["server.port"] != "8080" {
				t.Errorf("the URL is %s, port %s", has["url.full"], has["server.port"])
			}
			if has["http.response.status_code"] != tt.status || has["error.type"] != tt.failed {
				t.Errorf("status %q, error %q; want %q, %q", has["http.response.status_code"], has["error.type"], tt.status, tt.failed)
			}
			status := span.Status()
			if (status.Code == codes.Error) != (tt.failed != "") || !strings.Contains(status.Description, tt.why) || tt.why == "" && status.Description != "" {
				t.Errorf("the span's status is %v", status)
			}
		})
	}
}

// brokenBody breaks while it is read.
type brokenBody struct{}

func (*brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// What is cut off, or crashes, ends its span too.
func TestSpansOfNoResult(t *testing.T) {
	r := tracingtest.New(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	m := tracedMaker(testEndpoint(), r.Provider(), func(*http.Request) (*http.Response, error) {
		cancel(errors.New("the process stops"))
		return nil, context.Canceled
	})
	if _, err := m.Attempt(ctx, tracedDelivery(), nil); err == nil {
		t.Fatal("it has a result")
	}
	if got := r.Spans(); len(got) != 1 || tracingtest.Attributes(got[0])["error.type"] != tracing.ErrorCanceled {
		t.Errorf("the spans are %v", got)
	}
}

// BenchmarkAttempt is an attempt that takes no time of its own, without tracers,
// and with them at the ratios of samples that people choose.
func BenchmarkAttempt(b *testing.B) {
	for _, bb := range []struct {
		name string
		p    trace.TracerProvider
	}{{"off", nil}, {"1%", tracingtest.Discard(b, 0.01)}, {"100%", tracingtest.Discard(b, 1)}} {
		b.Run(bb.name, func(b *testing.B) {
			m, d := tracedMaker(testEndpoint(), bb.p, answers(204)), tracedDelivery()
			d.Attempts = 1 // a trace of its own, so that the ratio decides
			d.Trace = ""
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Attempt(b.Context(), d, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
