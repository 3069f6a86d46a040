package pipe

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/config/erasure"
	"github.com/tidings-dev/tidings/config/replay"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// remakeTenant removes the tenant, and makes another of the same id a minute later.
func (p *pipe) remakeTenant() {
	p.t.Helper()
	if err := p.registry.DeleteTenant(p.t.Context(), testTenant, 0); err != nil {
		p.t.Fatal(err)
	}
	<-time.After(time.Minute)
	if err := p.registry.PutTenant(p.t.Context(), schemas.Tenant{ID: testTenant}); err != nil {
		p.t.Fatal(err)
	}
	<-time.After(time.Second)
}

// purgeEvents empties EVENTS.
func (p *pipe) purgeEvents() {
	p.t.Helper()
	js, err := jetstream.New(p.nc)
	if err != nil {
		p.t.Fatal(err)
	}
	events, err := js.Stream(p.t.Context(), schemas.StreamEvents)
	if err == nil {
		err = events.Purge(p.t.Context())
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// replaysSend runs replays as they were begun before the API looked at their beginning,
// and wants so many deliveries of what ep_a and ep_new got, and none that was missing.
func (p *pipe) replaysSend(want int) {
	p.t.Helper()
	jobs := replay.Jobs{Registry: p.registry}
	for f, want := range map[*replay.Filter]int{{Which: replay.Missing, Endpoint: "ep_new"}: 0, {Which: replay.All}: want} {
		f.Since = time.Unix(0, 0)
		j, err := jobs.Create(p.t.Context(), replay.Job{Tenant: testTenant, Filter: *f})
		for err == nil && j.State == replay.Running {
			<-time.After(time.Second)
			j, err = jobs.Get(p.t.Context(), testTenant, j.ID)
		}
		if err != nil || j.State != replay.Done || j.Sent != want {
			p.t.Errorf("%+v, %v; want %d sent", j, err, want)
		}
	}
	p.ends(want)
}

// erases wants an erasure to find so many events of an id.
func (c *caller) erases(event string, want int) {
	c.t.Helper()
	var r erasure.Record
	if c.call("POST", "/erasures", `{"event":"`+event+`"}`, &r); r.Found != want {
		c.t.Errorf("erased %+v, want %d", r, want)
	}
}

// A tenant made anew under an id gets nothing of the one before, by no replay and for
// no endpoint, even one of the same id as the one before had.
func TestATenantMadeAnewReplaysNothingOfTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		policy := schemas.Policy{Retry: []schemas.Duration{}, Breaker: schemas.SwitchOff}
		p.endpoint("ep_a", policy)
		var well atomic.Bool
		p.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer {
			if well.Load() {
				return nil
			}
			return dispatchertest.Status(503)
		})
		p.publish(t.Context(), "theirs")
		p.ends(1)
		<-time.After(5 * time.Second)
		well.Store(true)
		p.remakeTenant()
		c := p.caller()
		p.endpoint("ep_a", policy)
		p.endpoint("ep_new", policy)
		p.publish(t.Context(), "ours")
		p.ends(2)
		<-time.After(5 * time.Second)
		p.replaysSend(2)
		p.purgeEvents()
		p.replaysSend(0) // from DEAD
		for _, q := range p.receiver.Requests()[1:] {
			if strings.Contains(string(q.Body), "theirs") {
				t.Errorf("%s got %s", q.Path, q.Body)
			}
		}
		var page struct{ Items []deliverylog.Event }
		if c.call("GET", "/events", "", &page); len(page.Items) != 1 || page.Items[0].ID != "ours" {
			t.Errorf("the events are %+v", page.Items)
		}
		p.noMore(time.Minute)
		c.erases("theirs", 0)
		token, hash := access.NewToken()
		if _, err := p.registry.CreateToken(t.Context(), schemas.Token{ID: "tok_admin", Hash: hash, Scope: schemas.TokenAdmin}); err != nil {
			t.Fatal(err)
		}
		c.token = token
		c.erases("theirs", 1)
	})
}

// What dies of the tenant before is announced to nobody: here its dispatcher had the
// delivery in hand while the tenant was made anew.
func TestATenantMadeAnewHearsOfNoDeathOfTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		p.caller() // the API announces
		p.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{}, Breaker: schemas.SwitchOff})
		p.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			if q.Path == "/ep_new" {
				return nil
			}
			return dispatchertest.After(10*time.Second, dispatchertest.Status(503))
		})
		p.publish(t.Context(), "theirs")
		<-time.After(5 * time.Second)
		if err := p.registry.DeleteTenant(t.Context(), testTenant, 0); err != nil {
			t.Fatal(err)
		}
		if err := p.registry.PutTenant(t.Context(), schemas.Tenant{ID: testTenant}); err != nil {
			t.Fatal(err)
		}
		p.endpoint("ep_new", schemas.Policy{})
		<-time.After(2 * time.Minute)
		if l := p.theDeadLetter(); l.Endpoint != "ep_a" {
			t.Fatalf("%+v died", l)
		}
		if got := p.requests("ep_new"); len(got) != 0 {
			t.Errorf("it was told %s", got[0].Body)
		}
	})
}
