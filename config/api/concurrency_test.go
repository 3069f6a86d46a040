package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/schemas"
)

// TestNoLostUpdate patches one endpoint at once, each patch another member. All
// of them last, without If-Match; with it one wins and the others are told.
func TestNoLostUpdate(t *testing.T) {
	r := newRig(t)
	endpoint, _ := r.tenants()
	path := "/v1/tenants/acme/endpoints/" + endpoint
	const patches = 12
	codes := parallel(patches, func(i int) int {
		return r.send(request{method: "PATCH", path: path, token: r.admin, body: fmt.Sprintf(`{"headers":{"X-%d":"v"}}`, i)}).Code
	})
	e, h := r.do(200, "GET", path, "")
	if n := len(e["headers"].(map[string]any)); codes[200] != patches || n != patches+1 {
		t.Errorf("statuses %v, %d headers", codes, n)
	}
	tag := map[string]string{"If-Match": h.Get("ETag")}
	codes = parallel(patches, func(i int) int {
		return r.send(request{method: "PATCH", path: path, token: r.admin, body: fmt.Sprintf(`{"name":"n%d"}`, i), header: tag}).Code
	})
	if codes[200] != 1 || codes[412] != patches-1 {
		t.Errorf("with If-Match: %v", codes)
	}
}

func parallel(n int, do func(int) int) map[int]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	codes := map[int]int{}
	for i := range n {
		wg.Go(func() {
			code := do(i)
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	wg.Wait()
	return codes
}

// TestIdempotency: a key does its request once, whoever repeats it and when.
func TestIdempotency(t *testing.T) {
	r := newRig(t)
	r.tenants()
	const path = "/v1/tenants/acme/endpoints"
	body := `{"url":"https://example.com/once"}`
	first, h := r.do(201, "POST", path, body, "Idempotency-Key", "k1")
	if h.Get("Idempotency-Replayed") != "" {
		t.Error("the first answer is called a repeat")
	}
	again, again2 := r.do(201, "POST", path, body, "Idempotency-Key", "k1")
	if fmt.Sprint(first) != fmt.Sprint(again) || again["secret"] != madeSecret || again2.Get("Idempotency-Replayed") != "true" ||
		again2.Get("ETag") != h.Get("ETag") || again2.Get("Location") != h.Get("Location") {
		t.Errorf("first %v %v\nagain %v %v", first, h, again, again2)
	}
	r.do(422, "POST", path, `{"url":"https://example.com/other"}`, "Idempotency-Key", "k1")
	writer := r.token(schemas.Token{Scope: schemas.TokenWrite, Tenant: "acme"})
	if other, _ := r.as(writer, 201, "POST "+path, body, "Idempotency-Key", "k1"); other["id"] == first["id"] {
		t.Error("another token was given this one's answer")
	}
	// A refused request leaves the key free for the right one.
	r.do(400, "POST", path, `{"url":"nope"}`, "Idempotency-Key", "k2")
	r.do(201, "POST", path, body, "Idempotency-Key", "k2")

	codes := parallel(12, func(int) int {
		return r.send(request{method: "POST", path: path, token: r.admin, body: body, header: map[string]string{"Idempotency-Key": "k3"}}).Code
	})
	page, _ := r.do(200, "GET", path, "")
	if n := len(page["items"].([]any)); n != 5 || codes[201]+codes[409] != 12 || codes[201] == 0 {
		t.Errorf("%d endpoints, want 5; statuses %v", n, codes)
	}
	keys, err := r.options.Idempotency.Keys(t.Context())
	must(t, err)
	for _, key := range keys {
		entry, err := r.options.Idempotency.Get(t.Context(), key)
		must(t, err)
		if text := string(entry.Value()); strings.Contains(text, "secret") || strings.Contains(text, "example.com") {
			t.Errorf("an answer is kept in the open: %s", text)
		}
	}
}

// TestUnderWay: a key whose request has not been answered is a conflict; once it
// panicked, the key is free.
func TestUnderWay(t *testing.T) {
	enter, leave := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(o *api.Options, _ *access.Options) {
		o.Test = func(context.Context, schemas.Endpoint, string) (schemas.DeliveryID, error) {
			enter <- struct{}{}
			<-leave
			panic("hidden-value")
		}
	})
	endpoint, _ := r.tenants()
	q := request{method: "POST", path: "/v1/tenants/acme/endpoints/" + endpoint + "/test", token: r.admin, header: map[string]string{"Idempotency-Key": "k"}}
	for range 2 {
		answered := make(chan int)
		go func() { answered <- r.send(q).Code }() // ends below
		<-enter
		if _, h := r.do(409, "POST", q.path, "", "Idempotency-Key", "k"); h.Get("Retry-After") != "1" {
			t.Errorf("Retry-After: %q", h.Get("Retry-After"))
		}
		leave <- struct{}{}
		if code := <-answered; code != http.StatusInternalServerError {
			t.Errorf("a panic is answered with %d", code)
		}
	}
	if log := r.log.String(); strings.Contains(log, "hidden-value") || !strings.Contains(log, "panic=string") || !strings.Contains(log, "testEndpoint") {
		t.Errorf("want the panic's type and its place, not its value:\n%s", log)
	}
}

// TestUnavailable: what the storage says stays inside, and nothing is kept.
func TestUnavailable(t *testing.T) {
	down := false
	r := newRig(t, func(o *api.Options, _ *access.Options) {
		caughtUp := o.CaughtUp
		o.CaughtUp = func(ctx context.Context) error {
			if down {
				return schemas.Errorf(schemas.CodeUnavailable, "nats://10.0.0.1: no responders")
			}
			return caughtUp(ctx)
		}
	})
	r.tenants()
	down = true
	got, h := r.do(503, "GET", "/v1/tenants", "")
	if strings.Contains(got["detail"].(string), "nats") || h.Get("Retry-After") != "1" {
		t.Errorf("got %v %v", got, h)
	}
}

func TestRateLimit(t *testing.T) {
	r := newRig(t, func(_ *api.Options, o *access.Options) { o.Rate, o.Burst = 0.001, 2 })
	r.do(200, "GET", "/v1/tenants", "")
	r.do(200, "GET", "/v1/tenants", "")
	if _, h := r.do(429, "GET", "/v1/tenants", ""); len(h.Get("Retry-After")) < 3 {
		t.Errorf("Retry-After: %q", h.Get("Retry-After"))
	}
}

// TestDeclared: what tidings.yaml declares is shown, and not changed here.
func TestDeclared(t *testing.T) {
	r := newRig(t)
	endpoint, subscription := r.tenants()
	e, err := r.registry.Endpoint(t.Context(), schemas.EndpointID(endpoint))
	must(t, err)
	e.Origin = schemas.OriginFile
	must(t, r.registry.PutEndpoint(t.Context(), e))
	s, err := r.registry.Subscription(t.Context(), schemas.SubscriptionID(subscription))
	must(t, err)
	s.Origin = schemas.OriginFile
	must(t, r.registry.PutSubscription(t.Context(), s))
	ep, sub := "/v1/tenants/acme/endpoints/"+endpoint, "/v1/tenants/acme/subscriptions/"+subscription
	if got, _ := r.do(200, "GET", ep, ""); got["origin"] != "file" {
		t.Errorf("origin %v", got["origin"])
	}
	own := definition("own.thing")
	must(t, r.registry.PutEventType(t.Context(), schemas.EventType{Tenant: "acme", Type: "own.thing", Definition: []byte(own), Origin: schemas.OriginFile}))
	const ownType = "/v1/tenants/acme/types/own.thing"
	if got, _ := r.do(200, "GET", ownType, ""); got["origin"] != "file" {
		t.Errorf("origin %v", got["origin"])
	}
	for _, q := range [][3]string{{"PUT", ownType, own}, {"DELETE", ownType, ""}, {"PATCH", ep, `{"name":"x"}`}, {"DELETE", ep, ""}, {"POST", ep + "/pause", ""}, {"POST", ep + "/resume", `{"from":"now"}`}, {"POST", ep + "/rotate", ""}, {"PATCH", sub, `{"types":["*"]}`}, {"DELETE", sub, ""}} {
		if got, _ := r.do(409, q[0], q[1], q[2]); !strings.Contains(got["detail"].(string), "tidings.yaml") {
			t.Errorf("%s %s: %v", q[0], q[1], got)
		}
	}
}

// TestNoSecretsInLogs: requests are logged, and nothing that is secret.
func TestNoSecretsInLogs(t *testing.T) {
	r := newRig(t)
	r.tenants()
	log := r.log.String()
	if !strings.Contains(log, "path=/v1/tenants/{tenant}/endpoints status=201") {
		t.Errorf("requests are not logged:\n%s", log)
	}
	for _, secret := range []string{r.admin, madeSecret, "hidden-value", "whsec_"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}
