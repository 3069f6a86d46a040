package pipe

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/config/replay"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// caller calls the pipe's API as the tenant's own service does.
type caller struct {
	*pipe
	api   http.Handler
	token string
}

func (p *pipe) caller() *caller {
	p.t.Helper()
	v1, _, err := p.process.Handlers(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	token, hash := access.NewToken()
	if _, err := p.registry.CreateToken(p.t.Context(), schemas.Token{ID: "tok_test", Hash: hash, Scope: schemas.TokenWrite, Tenant: testTenant}); err != nil {
		p.t.Fatal(err)
	}
	return &caller{p, v1, token}
}

// call answers with a status and what the body says.
func (c *caller) call(method, path, body string, into any) int {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), method, "/v1/tenants/"+string(testTenant)+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	c.api.ServeHTTP(w, r)
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil || w.Code >= 300 {
			c.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	}
	return w.Code
}

// deliveries are those of a query, once the log has caught up.
func (c *caller) deliveries(query string) []deliverylog.Delivery {
	c.t.Helper()
	<-time.After(5 * time.Second)
	var page struct{ Items []deliverylog.Delivery }
	c.call("GET", "/deliveries?limit=200&"+query, "", &page)
	return page.Items
}

// replay runs a replay to its end.
func (c *caller) replay(body string) replay.Job {
	c.t.Helper()
	var j replay.Job
	c.call("POST", "/replays", body, &j)
	for j.State == replay.Running {
		<-time.After(time.Second)
		c.call("GET", "/replays/"+j.ID, "", &j)
	}
	if j.State != replay.Done || j.Error != "" {
		c.t.Errorf("%s: %+v", body, j)
	}
	return j
}

// replayAsCounted runs a replay after a dry run of it, and compares what that promised.
func (c *caller) replayAsCounted(members string) replay.Job {
	c.t.Helper()
	dry := c.replay(`{"dry_run":true,` + members + `}`)
	j := c.replay(`{` + members + `}`)
	if dry.Sent != 0 || dry.Found-dry.Skipped != j.Sent || !maps.Equal(dry.SkippedBy, j.SkippedBy) {
		c.t.Errorf("counted %+v, and then %+v", dry, j)
	}
	return j
}

// idsOf are the webhook-ids that came to an endpoint, sorted.
func (p *pipe) idsOf(endpoint schemas.EndpointID) (ids []string) {
	for _, q := range p.requests(endpoint) {
		ids = append(ids, q.ID)
	}
	slices.Sort(ids)
	return ids
}

// What died comes again once its receiver is well, under the same webhook-ids.
func TestReplayOfWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		p.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{}, Breaker: schemas.SwitchOff, MaxAge: schemas.Duration(time.Hour)}, "order.*")
		var well atomic.Bool
		p.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
			if well.Load() {
				return nil
			}
			return dispatchertest.Status(503)
		})
		const n = 250
		for i := range n {
			p.publish(t.Context(), fmt.Sprint("e", i))
		}
		p.ends(n)
		if dead := c.deliveries("status=dead"); len(dead) != 200 { // a page
			t.Fatalf("%d are dead", len(dead))
		}
		<-time.After(2 * time.Hour) // too old for their max_age, if it were counted from the start
		well.Store(true)
		before := p.idsOf("ep_a")
		c.replays(map[string]int{
			`"which":"failed","dry_run":true`:                                       n,
			`"which":"failed","reason":"timeout"`:                                   0,
			`"which":"failed","dry_run":true,"types":["order.*"]`:                   n,
			`"which":"failed","dry_run":true,"types":["stock.removed","*.created"]`: n,
			`"which":"failed","dry_run":true,"types":["order.created"]`:             n,
			`"which":"failed","dry_run":true,"types":["order","stock.*"]`:           0,
			`"which":"failed"`: n,
		})
		p.ends(n)
		if got := p.idsOf("ep_a"); len(got) != 2*n || !slices.Equal(slices.Compact(got), before) {
			t.Errorf("%d requests came, want each of %d webhook-ids twice", len(got), n)
		}
		if dead := c.deliveries("status=dead"); len(dead) != 0 {
			t.Errorf("%d are dead still", len(dead))
		}
		if d := c.deliveries("")[0]; d.Status != deliverylog.Delivered || d.Attempts != 2 {
			t.Errorf("the log says %+v", d)
		}
		c.replays(map[string]int{`"which":"failed"`: 0})
		p.noMore(time.Minute)
	})
}

// replays runs replays of ep_a, each of which has to find so many deliveries and send
// them, unless it is a dry run.
func (c *caller) replays(found map[string]int) {
	c.t.Helper()
	for _, body := range slices.Backward(slices.Sorted(maps.Keys(found))) { // the plain one last
		want, sent := found[body], found[body]
		j := c.replay(`{"endpoint":"ep_a","since":"1999-12-31T00:00:00Z",` + body + `}`)
		if j.DryRun {
			sent = 0
		}
		if j.Found != want || j.Sent != sent || *j.Total < want {
			c.t.Errorf("%s: %+v, want %d", body, j, want)
		}
	}
}

// A delivery that is resent, and fails as before, retries and dies as before.
func TestResendOfWhatFailsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		p.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{schemas.Duration(time.Second)}, Breaker: schemas.SwitchOff}, "order.*")
		p.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer { return dispatchertest.Status(500) })
		p.publish(t.Context(), "e1")
		p.ends(1)
		d := c.deliveries("")[0]
		for n := 2; n < 5; n++ { // within the time in which JetStream knows message ids again
			if status := c.call("POST", "/deliveries/"+string(d.ID)+"/resend", "", nil); status != 202 {
				t.Fatalf("resend: %d", status)
			}
			if status := c.call("POST", "/deliveries/"+string(d.ID)+"/resend", "", nil); status != 202 && status != 409 {
				t.Fatalf("resend at once again: %d", status)
			}
			p.ends(1)
			d = c.deliveries("")[0]
			if d.Status != deliverylog.Dead || d.Attempts != 2*n {
				t.Errorf("after %d: %+v", n, d)
			}
		}
		if letters := p.deadLetters(); len(letters) != 4 {
			t.Errorf("%d dead letters", len(letters))
		}
		p.noMore(time.Minute)
	})
}

// A new subscription can have what came before it, and what it has is not sent again.
func TestReplayOfWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		p.endpoint("ep_a", schemas.Policy{}, "order.*")
		for i := range 20 {
			p.publishEvent(t.Context(), typedEvent(fmt.Sprint("o", i), "order.created"))
			p.publishEvent(t.Context(), typedEvent(fmt.Sprint("s", i), "stock.removed"))
		}
		p.ends(20)
		p.subscribe("sub_more", "ep_a", "stock.*")
		p.endpoint("ep_new", schemas.Policy{}, "stock.*")
		<-time.After(5 * time.Second)
		const missing = `"which":"missing","since":"1999-12-31T00:00:00Z"}`
		for _, endpoint := range []string{"ep_a", "ep_new"} {
			if j := c.replay(`{"endpoint":"` + endpoint + `",` + missing); j.Found != 20 || j.Sent != 20 || *j.Total != 40 {
				t.Errorf("%s: %+v", endpoint, j)
			}
		}
		p.ends(40)
		for endpoint, want := range map[schemas.EndpointID]int{"ep_a": 40, "ep_new": 20} {
			if ids := p.idsOf(endpoint); len(slices.Compact(ids)) != want {
				t.Errorf("%s got %d, want %d", endpoint, len(ids), want)
			}
			if logged := c.deliveries("endpoint=" + string(endpoint)); len(logged) != want {
				t.Errorf("the log has %d of %s, want %d", len(logged), endpoint, want)
			}
			if j := c.replay(`{"endpoint":"` + string(endpoint) + `",` + missing); j.Found != 0 {
				t.Errorf("%s once more: %+v", endpoint, j)
			}
		}
		p.noMore(time.Minute)
	})
}

// A disabled endpoint gets nothing of a replay for all, nor does a test come again that
// was delivered; the count says so before.
func TestReplayCountsWhatCannotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		for _, id := range []schemas.EndpointID{"ep_a", "ep_b"} {
			p.endpoint(id, schemas.Policy{Retry: []schemas.Duration{}, Breaker: schemas.SwitchOff}, "order.*")
		}
		p.publish(t.Context(), "e1")
		p.ends(2)
		if status := c.call("POST", "/endpoints/ep_a/test", "{}", nil); status != 202 {
			t.Fatalf("tested: %d", status)
		}
		p.ends(1)
		<-time.After(5 * time.Second)
		if _, err := p.registry.UpdateEndpoint(t.Context(), testTenant, "ep_b", 0, func(e *schemas.Endpoint) error {
			e.Disabled = schemas.ReasonGone
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		<-time.After(5 * time.Second)
		j := c.replayAsCounted(`"which":"all","since":"1999-12-31T00:00:00Z"`)
		if j.Found != 3 || j.Sent != 1 || j.SkippedBy[replay.EventNotStored] != 1 || j.SkippedBy[replay.EndpointDisabled] != 1 {
			t.Errorf("%+v", j)
		}
		p.ends(1)
		p.noMore(time.Minute)
	})
}

// What EVENTS has forgotten comes from its dead letter, or is left out.
func TestReplayFromDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		p.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{}, Breaker: schemas.SwitchOff}, "order.*")
		var came atomic.Int64
		p.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
			if came.Add(1) <= 10 {
				return dispatchertest.Status(503)
			}
			return nil
		})
		for i := range 20 {
			p.publish(t.Context(), fmt.Sprint("e", i))
			p.ends(1)
		}
		js, err := jetstream.New(p.nc)
		if err != nil {
			t.Fatal(err)
		}
		events, err := js.Stream(t.Context(), schemas.StreamEvents)
		if err != nil {
			t.Fatal(err)
		}
		if err := events.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		bodies := map[string]string{}
		for _, q := range p.requests("ep_a") {
			bodies[q.ID] = string(q.Body)
		}
		<-time.After(5 * time.Second)
		j := c.replayAsCounted(`"which":"all","since":"1999-12-31T00:00:00Z"`)
		if j.Found != 20 || j.Sent != 10 || j.Skipped != 10 || j.SkippedBy[replay.EventNotStored] != 10 {
			t.Errorf("%+v", j)
		}
		p.ends(10)
		for _, q := range p.requests("ep_a")[20:] {
			if bodies[q.ID] != string(q.Body) {
				t.Errorf("%s came with %s, and before with %s", q.ID, q.Body, bodies[q.ID])
			}
		}
	})
}

// Of a replay for all endpoints one that is gone keeps nothing from the others.
func TestReplayWithoutOneEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		for _, id := range []schemas.EndpointID{"ep_a", "ep_b"} {
			p.endpoint(id, schemas.Policy{Retry: []schemas.Duration{}, Breaker: schemas.SwitchOff}, "order.*")
		}
		var well atomic.Bool
		p.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
			if well.Load() {
				return nil
			}
			return dispatchertest.Status(503)
		})
		p.publish(t.Context(), "e1")
		p.ends(2)
		<-time.After(5 * time.Second)
		well.Store(true)
		if status := c.call("DELETE", "/endpoints/ep_a", "", nil); status != 204 {
			t.Fatalf("deleted: %d", status)
		}
		if j := c.replayAsCounted(`"which":"failed","since":"1999-12-31T00:00:00Z"`); j.Found != 2 || j.Sent != 1 || j.SkippedBy[replay.EndpointDeleted] != 1 {
			t.Errorf("%+v", j)
		}
		p.ends(1)
	})
}

// An event can be seen from the moment it is accepted, while fanout has yet to match it.
func TestEventsAreSeenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		streamstest.DropTimers(t)
		p := newPipe(t)
		p.settings = testSettings(t.TempDir())
		p.settings.Roles = []string{"api"} // and nobody who matches
		p.start()
		t.Cleanup(p.stop)
		if err := p.registry.PutTenant(t.Context(), schemas.Tenant{ID: testTenant}); err != nil {
			t.Fatal(err)
		}
		c := p.caller()
		<-time.After(5 * time.Second)
		var first time.Time // accepted
		seen := func(want string) {
			t.Helper()
			var page struct{ Items []deliverylog.Event }
			c.call("GET", "/events?limit=1", "", &page)
			var got []string
			for _, e := range page.Items {
				got = append(got, fmt.Sprint(e.ID, " ", e.Pending))
				first = e.Accepted
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("the events are %s, want %s", got, want)
			}
		}
		p.publish(t.Context(), "e1")
		seen("e1 true")
		p.publish(t.Context(), "e2")
		seen("e2 true, e1 true")
		p.process.journal.Add(testTenant, schemas.Record{Event: &schemas.EventRecord{
			Sequence: 1, Accepted: first, EventSummary: schemas.EventSummary{ID: "e1"},
		}}, func() {})
		<-time.After(5 * time.Second)
		seen("e2 true, e1 false")
	})
}
