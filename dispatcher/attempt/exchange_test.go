package attempt

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// exchange is what the log gets of an attempt that is answered so.
func exchange(t *testing.T, e schemas.Endpoint, eventType string, answer *http.Response) schemas.Exchange {
	t.Helper()
	targets := NewTargets()
	targets.Apply(schemas.Change{Endpoint: &e})
	m := New(Options{
		Targets: targets, Catalogue: catalogue.New(), UserAgent: "Tidings",
		Load:      func(_ context.Context, d *schemas.Delivery) (*schemas.Delivery, error) { return d, nil },
		Transport: roundTrip(func(*http.Request) (*http.Response, error) { return answer, nil }),
	})
	d := &schemas.Delivery{
		ID: schemas.NewDeliveryID(time.Unix(1, 0), 7, e.ID), Tenant: e.Tenant, Endpoint: e.ID, Data: []byte(`{"current":{"id":"u1"},"previous":null}`),
		Event: schemas.Header{"ce-id": {"1"}, "ce-source": {"/s"}, "ce-type": {eventType}},
	}
	result, err := m.Attempt(t.Context(), d, nil)
	if err != nil || result.Exchange == nil {
		t.Fatalf("got %+v, %v", result, err)
	}
	result.Exchange.Timings = schemas.Timings{}
	return *result.Exchange
}

// The log has what helps to see what went wrong, and no secret of either side.
func TestExchange(t *testing.T) {
	const secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // of testEndpoint, and the key below
	answer := func(status int, body string) *http.Response {
		return &http.Response{
			StatusCode: status, Body: io.NopCloser(strings.NewReader(body)),
			Header: http.Header{"Retry-After": {"7"}, "Set-Cookie": {"session=" + secret}},
		}
	}
	e := testEndpoint()
	e.URL = "http://receiver.test/in?token=" + secret
	e.Headers = map[string]schemas.Secret{"Authorization": schemas.NewSecret("Bearer " + secret)}

	failed := exchange(t, e, "a.b", answer(503, "busy\xff"))
	for name := range failed.Header {
		if value := failed.Header[name][0]; (value == hidden) != (name == "Authorization") {
			t.Errorf("%s is shown as %q", name, value)
		}
	}
	if len(failed.Header[signing.HeaderSignature]) == 0 || len(failed.Header["Authorization"]) == 0 {
		t.Errorf("the request's header is %v", failed.Header)
	}
	failed.Header = nil
	want := schemas.Exchange{
		URL: "http://receiver.test/in?" + hidden, Sent: failed.Sent, Got: 5, Body: "busy\uFFFD",
		Answer: schemas.Header{"Retry-After": {"7"}, "Set-Cookie": {hidden}},
	}
	if diff := cmp.Diff(want, failed); diff != "" || failed.Sent == 0 {
		t.Errorf("%d bytes sent; %s", failed.Sent, diff)
	}

	if ok := exchange(t, e, "a.b", answer(200, strings.Repeat("x", 3*maxResponse))); ok.Header != nil || ok.Answer != nil || len(ok.Body) != schemas.MaxResponse || ok.Got != maxResponse {
		t.Errorf("of a success: %d bytes of %d, %v, %v", len(ok.Body), ok.Got, ok.Header, ok.Answer)
	}

	roq := e // it sends the key itself
	roq.Dialect, roq.Headers, roq.Secrets = schemas.DialectROQ, nil, []schemas.Secret{schemas.NewSecret(secret)}
	got := exchange(t, roq, "user.created", answer(500, ""))
	if key := got.Header[signing.HeaderROQ]; len(key) != 1 || key[0] != hidden {
		t.Errorf("ROQ's key is shown as %q", key)
	}
}

// An answer's header is kept as far as there is room.
func TestShownAnswer(t *testing.T) {
	h := http.Header{"X-Long": {strings.Repeat("x", 2*schemas.MaxAnswer)}}
	if got := shownAnswer(h); len(got) > 0 {
		t.Errorf("%d fields", len(got))
	}
	if got := shownAnswer(nil); got != nil {
		t.Errorf("of no answer: %v", got)
	}
}
