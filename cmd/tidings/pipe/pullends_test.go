package pipe

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// A nack is retried by the endpoint's schedule, and dies with it.
func TestNackedUntilItDies(t *testing.T) {
	pulling(t, schemas.Policy{Retry: []schemas.Duration{schemas.Duration(10 * time.Second), schemas.Duration(time.Hour)}}, func(t *testing.T, c *caller) {
		c.publish(t.Context(), "e1")
		d := c.one("ep_a")
		began := time.Now()
		within(t, c.settles("ep_a", "nack", d.Receipt, schemas.SettledRetry).Next.Sub(began), 9*time.Second, 11*time.Second)
		d2 := c.one("ep_a")
		if within(t, time.Since(began), 9*time.Second, 12*time.Second); d2.ID != d.ID || d2.Attempt != 2 {
			t.Errorf("came %+v", d2)
		}
		after := c.settle("ep_a", `{"nack":[{"receipt":"`+d2.Receipt+`","after":"3s"}]}`)
		if after[0].Status != schemas.SettledRetry {
			t.Fatal(after)
		}
		d3 := c.one("ep_a")
		within(t, time.Since(after[0].Next), 0, 2*time.Second)
		if s := c.settles("ep_a", "nack", d3.Receipt, schemas.SettledDead); s.Reason != schemas.ReasonExhausted {
			t.Errorf("got %+v", s)
		}
		l := c.theDeadLetter()
		if l.Delivery != d.ID || l.Reason != schemas.ReasonExhausted || len(l.History) != 3 || l.History[0].Detail != "not now" || string(l.Body) != `{"id":"e1"}` {
			t.Errorf("dead letter %+v", l)
		}
		if got := c.deliveries("status=dead"); len(got) != 1 || got[0].Attempts != 3 {
			t.Errorf("the log says %+v", got)
		}
		c.sentOnceMore(d.ID)
	})
}

// Hand-outs that nobody answers use up the schedule too.
func TestUnansweredUntilItDies(t *testing.T) {
	pulling(t, schemas.Policy{Retry: []schemas.Duration{schemas.Duration(time.Second)}}, func(t *testing.T, c *caller) {
		c.publish(t.Context(), "e1")
		c.one("ep_a")
		c.one("ep_a")
		if got := c.poll("ep_a", `{"wait":"1m"}`); len(got) != 0 {
			t.Fatalf("a third time: %+v", got)
		}
		if l := c.theDeadLetter(); l.Reason != schemas.ReasonExhausted || l.History[len(l.History)-1].Reason != schemas.ReasonTimeout {
			t.Errorf("dead letter %+v", l)
		}
	})
}

// One at a time, and none overtakes one that is nacked.
func TestPulledInOrder(t *testing.T) {
	pulling(t, schemas.Policy{Order: schemas.OrderFIFO, Retry: []schemas.Duration{schemas.Duration(time.Minute)}}, func(t *testing.T, c *caller) {
		for i := range 3 {
			c.publish(t.Context(), fmt.Sprint("e", i))
		}
		d := c.one("ep_a")
		began := time.Now()
		c.settles("ep_a", "nack", d.Receipt, schemas.SettledRetry)
		again := c.poll("ep_a", `{"wait":"1m"}`)
		for len(again) == 0 {
			again = c.poll("ep_a", `{"wait":"1m"}`)
		}
		if waited := time.Since(began); again[0].Event.ID != "e0" || again[0].Attempt != 2 || waited < 54*time.Second || waited > 70*time.Second {
			t.Errorf("after %s came %+v", waited, again)
		}
		c.settles("ep_a", "nack", again[0].Receipt, schemas.SettledDead)
		for _, want := range []string{"e1", "e2"} {
			began := time.Now()
			next := c.one("ep_a")
			if took := time.Since(began); next.Event.ID != want || took > 100*time.Millisecond {
				t.Errorf("came %s after %s, want %s at once", next.Event.ID, took, want)
			}
			c.settles("ep_a", "ack", next.Receipt, schemas.SettledDelivered)
		}
	})
}

// A body that is no text comes as base64; all dialects are worded.
func TestPulledInEveryDialect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		for _, d := range []schemas.Dialect{schemas.DialectStandard, schemas.DialectCloudEvents, schemas.DialectRelayBox, schemas.DialectRoam} {
			id := schemas.EndpointID("ep_" + string(d))
			p.put(schemas.Endpoint{ID: id, Pull: true, Dialect: d})
			if code := c.call("POST", "/endpoints/"+string(id)+"/test", `{}`, nil); code != 202 {
				t.Fatalf("%s: %d", d, code)
			}
			got := c.one(id)
			v, err := signing.NewVerifier(d, testSecret)
			if err != nil {
				t.Fatal(err)
			}
			body := []byte(got.Body)
			if len(got.BodyBase64) > 0 {
				body = got.BodyBase64
			}
			if err := v.Verify(headerOf(got), body, time.Now()); err != nil {
				t.Errorf("%s: %v", d, err)
			}
		}
	})
}

// What one process has handed out another settles; what nobody settles is handed out
// again, after the process and its broker have gone as well.
func TestPulledWhileTheProcessIsReplaced(t *testing.T) {
	pulling(t, schemas.Policy{}, func(t *testing.T, c *caller) {
		c.publish(t.Context(), "e1")
		c.publish(t.Context(), "e2")
		var got []schemas.Pulled
		for len(got) < 2 {
			got = append(got, c.poll("ep_a", `{"wait":"5s"}`)...)
		}
		c.stop()
		c.start()
		synctest.Wait()
		v1, _, err := c.process.Handlers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.api = v1
		c.settles("ep_a", "ack", got[0].Receipt, schemas.SettledDelivered)
		again := c.one("ep_a")
		if again.ID != got[1].ID || again.Attempt != 2 {
			t.Errorf("came %+v, want %s again", again, got[1].ID)
		}
		c.settles("ep_a", "ack", got[1].Receipt, schemas.SettledExpired)
		c.settles("ep_a", "ack", again.Receipt, schemas.SettledDelivered)
		if left := c.poll("ep_a", `{"wait":"1m"}`); len(left) != 0 {
			t.Errorf("there is more: %+v", left)
		}
	})
}

// A personal token polls its user's own endpoints and no others.
func TestWhoMayPull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		c := p.caller()
		p.put(schemas.Endpoint{ID: "ep_theirs", Pull: true, Owner: "u1"})
		p.put(schemas.Endpoint{ID: "ep_all", Pull: true})
		for scope, want := range map[schemas.TokenScope][2]int{schemas.TokenPersonal: {200, 404}, schemas.TokenRead: {403, 403}, schemas.TokenWrite: {200, 200}} {
			token, hash := access.NewToken()
			who := schemas.Token{ID: schemas.TokenID("tok_" + strings.ReplaceAll(string(scope), ":", "_")), Hash: hash, Scope: scope, Tenant: testTenant}
			if scope == schemas.TokenPersonal {
				who.User = []string{"u1"}
			}
			if _, err := p.registry.CreateToken(t.Context(), who); err != nil {
				t.Fatal(err)
			}
			as := &caller{p, c.api, token}
			for i, id := range []string{"ep_theirs", "ep_all"} {
				for _, route := range []string{"/poll", "/settle"} {
					if got := as.call("POST", "/endpoints/"+id+route, "", nil); got != want[i] {
						t.Errorf("%s %s%s: %d, want %d", scope, id, route, got, want[i])
					}
				}
			}
		}
	})
}

// What is due for a poller that has gone away is somebody else's at once.
func TestAPollerGoesAway(t *testing.T) {
	pulling(t, schemas.Policy{}, func(t *testing.T, c *caller) {
		ctx, goAway := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if got, err := c.process.desk.Poll(ctx, testTenant, "ep_a", schemas.Poll{Wait: schemas.Duration(time.Minute)}); err == nil || len(got) > 0 {
				t.Errorf("got %+v, %v", got, err)
			}
		}()
		<-time.After(500 * time.Millisecond)
		goAway()
		c.publish(t.Context(), "e1")
		<-ended
		if got := c.poll("ep_a", `{"wait":"5s"}`); len(got) != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

// What waits to be pulled counts as held, in the tenant's quota.
func TestPulledQueuesAreHeld(t *testing.T) {
	pulling(t, schemas.Policy{}, func(t *testing.T, c *caller) {
		c.publish(t.Context(), "e1")
		c.publish(t.Context(), "e2")
		<-time.After(time.Second)
		js, err := jetstream.New(c.nc)
		if err != nil {
			t.Fatal(err)
		}
		if held, err := c.process.held(t.Context(), js); err != nil || held[testTenant] != 2 {
			t.Errorf("held are %v, %v; want 2", held, err)
		}
	})
}
