package attempt

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/dispatcher/handshake"
	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

// requestSpan is that of a request and its answer. What it is worth is known only
// when the answer was judged.
type requestSpan struct {
	tracing.Span
	proto string    // of the answer, like "HTTP/1.1"
	until time.Time // when the answer had come; zero before
	told  bool
}

// beginRequest begins the span of an attempt's request, and has the receiver told of
// it where the endpoint wants that.
func (m *Maker) beginRequest(ctx context.Context, a *attempt) context.Context {
	e := &a.target.endpoint
	if m.o.Tracer.On() {
		ctx, a.span.Span = m.o.Tracer.Start(ctx, tracing.Begin{
			Name: http.MethodPost, Kind: trace.SpanKindClient, After: tracing.OfDelivery(a.delivery, time.Now()), Inner: true,
		})
		if a.span.Records() {
			a.span.Set(append(tracing.Request(http.MethodPost, a.target.url, e.Tenant, e.ID), tracing.Attempt(a.delivery)...)...)
		}
	}
	if e.Policy.Trace {
		tracing.ToHTTP(a.header, a.span.Context(), a.delivery)
	}
	return ctx
}

// over notes when the answer had come, or had not.
func (s *requestSpan) over() {
	if s.Records() {
		s.until = time.Now()
	}
}

// tell says how the request ended.
func (s *requestSpan) tell(a *attempt, o schemas.Outcome) {
	s.told = true
	if !s.Records() {
		return
	}
	if a.status > 0 {
		s.Set(tracing.Response(a.status, strings.TrimPrefix(s.proto, "HTTP/"))...)
	}
	if o.Cause == schemas.ReasonOK {
		return
	}
	detail := o.Detail
	if a.status > 0 && a.err == nil { // which says it all
		detail = ""
	}
	s.Fail(tracing.RequestError(a.status, a.err != nil, o.Cause), detail)
}

// end ends the span. An attempt that says nothing of its delivery was cut off, or
// crashed.
func (s *requestSpan) end() {
	if !s.Records() {
		s.End()
		return
	}
	if !s.told {
		s.Fail(tracing.ErrorCanceled, "")
	}
	s.End(trace.WithTimestamp(s.until))
}

// question is the span of a request that asks for consent, and the way to the
// receiver, on which it sees the answer.
type question struct {
	tracing.Span
	transport http.RoundTripper
	status    int // of the answer; 0 if there is none
}

// beginQuestion begins one on behalf of a delivery.
func (m *Maker) beginQuestion(ctx context.Context, t *Target, d *schemas.Delivery) (context.Context, *question) {
	q := &question{transport: m.o.Transport}
	if !m.o.Tracer.On() {
		return ctx, q
	}
	ctx, q.Span = m.o.Tracer.Start(ctx, tracing.Begin{
		Name: http.MethodOptions, Kind: trace.SpanKindClient, After: tracing.OfDelivery(d, time.Now()),
	})
	if q.Records() {
		q.Set(tracing.Request(http.MethodOptions, t.url, t.endpoint.Tenant, t.endpoint.ID)...)
	}
	return ctx, q
}

// RoundTrip is [http.RoundTripper]'s.
func (q *question) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := q.transport.RoundTrip(r)
	if err == nil {
		q.status = answer.StatusCode
		if q.Records() {
			q.Set(tracing.Response(q.status, strings.TrimPrefix(answer.Proto, "HTTP/"))...)
		}
	}
	return answer, err
}

// end ends the span; err is why there is no consent.
func (q *question) end(err error) {
	if err != nil && q.Records() {
		switch {
		case q.status >= http.StatusBadRequest:
			q.Fail(tracing.RequestError(q.status, false, ""), "")
		case errors.Is(err, handshake.ErrNoConsent):
			q.Fail(string(schemas.ReasonNoConsent), "")
		default:
			q.Fail(string(retry.Judge(retry.Result{Err: err}, retry.Plan{}).Cause), "")
		}
	}
	q.End()
}
