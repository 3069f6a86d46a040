package pipe

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

const testOrigin = "tidings.example.com"

// careful is an endpoint that asks for consent.
func careful(p *pipe, policy schemas.Policy) {
	p.t.Helper()
	p.put(schemas.Endpoint{
		ID: "ep_a", URL: "http://receiver.test/ep_a", Dialect: schemas.DialectCloudEvents, Handshake: true, Policy: policy,
	})
	p.subscribe("sub_a", "ep_a", "*")
}

// publishMany publishes n events with ids of their own.
func (p *pipe) publishMany(n int) {
	p.t.Helper()
	for range n {
		p.publish(p.t.Context(), rand.Text())
	}
}

// TestHandshake refuses consent twice, gives it, and lets one request through a
// second.
func TestHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startStages(t)
		asked := 0
		p.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			if q.Method != http.MethodOptions {
				return nil
			}
			asked++
			switch asked {
			case 1:
				return dispatchertest.Status(200) // means nothing
			case 2:
				return dispatchertest.Status(200, "WebHook-Allowed-Origin", "somebody.else")
			case 3:
				return dispatchertest.Hang
			}
			return dispatchertest.Status(405, "WebHook-Allowed-Origin", testOrigin, "WebHook-Allowed-Rate", "60")
		})
		careful(p.pipe, schemas.Policy{Timeout: seconds(3), Retry: []schemas.Duration{seconds(600), seconds(600), seconds(600)}})
		p.publishMany(1)
		first := p.ends(1)[0]
		var met []schemas.Reason
		for _, a := range first.Delivery.History {
			met = append(met, a.Reason)
		}
		if want := []schemas.Reason{schemas.ReasonNoConsent, schemas.ReasonNoConsent, schemas.ReasonTimeout}; !slices.Equal(met, want) {
			t.Errorf("met %v before there was consent, want %v", met, want)
		}
		p.publishMany(4)
		for _, r := range append(p.ends(4), first) {
			if r.Outcome.Kind != schemas.Delivered {
				t.Errorf("%s ended %+v", r.Delivery.ID, r.Outcome)
			}
		}
		p.checkConsented(t)
		e, err := p.registry.Endpoint(t.Context(), "ep_a")
		if err != nil || e.Consent == nil || *e.Consent != (schemas.Consent{Origin: testOrigin, Rate: 60}) {
			t.Errorf("the registry has %+v, %v", e.Consent, err)
		}
	})
}

// checkConsented wants no delivery before consent, then each with the origin,
// at least a second apart.
func (p *pipe) checkConsented(t *testing.T) {
	t.Helper()
	var last time.Time
	options, posts := 0, 0
	for _, q := range p.requests("ep_a") {
		if got := q.Header.Get("WebHook-Request-Origin"); got != testOrigin {
			t.Errorf("%s with the origin %q", q.Method, got)
		}
		if q.Method == http.MethodOptions {
			options++
			if posts > 0 {
				t.Error("asked again after consent")
			}
			continue
		}
		if posts++; options < 4 {
			t.Errorf("delivered after %d questions, before there was consent", options)
		}
		if gap := q.At.Sub(last); gap < time.Second {
			t.Errorf("two requests within %s", gap)
		}
		last = q.At
	}
	if posts != 5 {
		t.Errorf("%d deliveries, want 5", posts)
	}
}

// TestLaterConsent gives consent through the callback.
func TestLaterConsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t)
		p.settings = testSettings(t.TempDir())
		p.settings.Origin, p.settings.PublicURL = testOrigin, "https://hooks.example.com/tidings/"
		p.start()
		t.Cleanup(p.stop)
		if err := p.registry.PutTenant(t.Context(), schemas.Tenant{ID: testTenant}); err != nil {
			t.Fatal(err)
		}
		callbacks := make(chan string, 100)
		p.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			if q.Method == http.MethodOptions {
				callbacks <- q.Header.Get("WebHook-Request-Callback")
				if got := q.Header.Get("WebHook-Request-Rate"); got != "120" {
					t.Errorf("asked for the rate %q, want 120", got)
				}
			}
			return nil
		})
		careful(p, schemas.Policy{Retry: []schemas.Duration{seconds(60)}, Rate: schemas.Rate{Count: 2, Per: time.Second}})
		p.publishMany(5)
		path, ok := strings.CutPrefix(<-callbacks, "https://hooks.example.com/tidings")
		if !ok {
			t.Fatalf("the callback is %s", path)
		}
		consent := func(method, path string, header ...string) int {
			q := httptest.NewRequestWithContext(t.Context(), method, path, nil)
			for i := 0; i+1 < len(header); i += 2 {
				q.Header.Set(header[i], header[i+1])
			}
			w := httptest.NewRecorder()
			p.process.consents.handler().ServeHTTP(w, q)
			return w.Code
		}
		asked := schemas.Endpoint{ID: "ep_a", URL: "http://receiver.test/ep_a"}
		moved := schemas.Endpoint{ID: "ep_a", URL: "http://receiver.test/elsewhere"}
		for _, row := range []struct {
			what, method, path string
			header             []string
			want               int
		}{
			{"another token", "POST", path + "x", nil, 404},
			{"another endpoint", "POST", strings.Replace(path, "ep_a", "ep_b", 1), nil, 404},
			{"no endpoint", "POST", "/consents/%20/x", nil, 404},
			{"a token of one's own", "POST", "/consents/ep_a/" + (&consents{key: []byte(testSecret)}).token(asked, 1<<40), nil, 404},
			{"too late", "POST", "/consents/ep_a/" + p.process.consents.token(asked, time.Now().Unix()-1), nil, 404},
			{"of another URL", "POST", "/consents/ep_a/" + p.process.consents.token(moved, 1<<40), nil, 404},
			{"another method", "PUT", path, nil, 405},
			{"another origin", "POST", path, []string{"WebHook-Allowed-Origin", "somebody.else"}, 400},
			{"a rate that is none", "POST", path, []string{"WebHook-Allowed-Rate", "soon"}, 400},
			{"consent", "GET", path, []string{"WebHook-Allowed-Rate", "60"}, 200},
			{"consent again", "POST", path, nil, 200},
		} {
			if got := consent(row.method, row.path, row.header...); got != row.want {
				t.Errorf("%s: %d, want %d", row.what, got, row.want)
			}
		}
		for _, r := range p.ends(5) {
			if r.Outcome.Kind != schemas.Delivered {
				t.Errorf("ended %+v", r.Outcome)
			}
		}
		if n := len(callbacks); n > 0 {
			t.Errorf("asked %d times more: five deliveries that wait are one question", n)
		}
	})
}

// TestConsentIsNotAskedForTooOften has a receiver that would consent from the
// second second on, and a schedule that is over before a receiver is asked twice.
func TestConsentIsNotAskedForTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startStages(t)
		start, asked := time.Now(), 0
		p.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			if q.Method != http.MethodOptions {
				return nil
			}
			asked++
			if time.Since(start) < 2*time.Second {
				return dispatchertest.Status(200)
			}
			return dispatchertest.Status(200, "WebHook-Allowed-Origin", "*")
		})
		careful(p.pipe, schemas.Policy{Retry: []schemas.Duration{seconds(5), seconds(10), seconds(20)}})
		p.publishMany(5)
		for _, r := range p.ends(5) {
			if r.Outcome.Kind != schemas.Delivered {
				t.Errorf("ended %+v", r.Outcome)
			}
		}
		if asked != 2 || time.Since(start) < time.Minute {
			t.Errorf("asked %d times within %s, want twice, a minute apart", asked, time.Since(start))
		}
	})
}
