package dispatcher

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/schemas"
)

// However an event was published, what is delivered by reference is what is
// delivered with the data.
func TestAReferenceIsDeliveredLikeItsData(t *testing.T) {
	data := string(largeData)
	binary := nats.Header{"Ce-SpecVersion": {"1.0"}, "ce-id": {"e1"}, "ce-source": {"/test"}, "ce-type": {"order.created"}, "content-type": {"text/json"}, "ce-subject": {"gr%c3%b6%c3%9fe"}}
	forged := maps.Clone(binary)
	for name, value := range map[string]string{"Nats-Sequence": "7", "Nats-Subject": "x", "Nats-Time-Stamp": "x", "Status": "500"} {
		forged[name] = []string{value}
	}
	for name, e := range map[string]struct {
		header nats.Header
		body   []byte
	}{
		"binary":            {binary, largeData},
		"JetStream's words": {forged, largeData},
		"structured":        {nats.Header{"Content-Type": {"application/cloudevents+json"}}, structuredEvent(`"x":true,"data": ` + data)},
		"without a header":  {nil, structuredEvent(`"data":` + data)},
		"data_base64":       {nil, structuredEvent(`"data_base64":"` + strings.Repeat("Nzc3", 10_000) + `"`)},
	} {
		for _, dialect := range []schemas.Dialect{schemas.DialectStandard, schemas.DialectCloudEvents} {
			t.Run(name+"/"+string(dialect), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t)
					for _, id := range []schemas.EndpointID{"ep_inline", "ep_reference"} {
						e := testEndpoint(id)
						e.Dialect = dialect
						r.targets.Apply(schemas.Change{Endpoint: &e})
					}
					d := r.event(e.header, e.body)
					r.dueOne(d, "ep_inline")
					o := r.own(time.Second)
					r.ends(1)
					r.refer(d, "ep_reference")
					r.ends(1)
					got := r.receiver.Requests()
					if len(got) != 2 || !bytes.Equal(got[0].Body, got[1].Body) || len(got[0].Body) < 30_000 {
						t.Fatalf("%d requests, and their bodies differ", len(got))
					}
					verified(t, got[1])
					for _, q := range got {
						for _, own := range []string{"Webhook-Id", "Webhook-Signature"} {
							q.Header.Del(own)
						}
					}
					if !maps.EqualFunc(got[0].Header, got[1].Header, func(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }) {
						t.Errorf("headers differ:\n%v\n%v", got[0].Header, got[1].Header)
					}
					r.clean(o)
				})
			})
		}
	}
}

// A delivery by reference is never written with its data, wherever it waits, and
// does not keep it in memory; whoever comes next has all it needs.
func TestReferencesThatWait(t *testing.T) {
	for name, tt := range map[string]struct {
		policy schemas.Policy
		answer dispatchertest.Answer // the first of each delivery
		stored int                   // messages in the stream after 10 s
	}{
		"retried":       {schemas.Policy{Retry: []schemas.Duration{schemas.Duration(time.Hour)}}, dispatchertest.Status(500), 40},
		"in order":      {inOrder(3600), dispatchertest.Status(500), 41}, // one is kept too
		"held":          {schemas.Policy{Concurrency: 2, Timeout: patient.Timeout}, dispatchertest.After(30*time.Second, dispatchertest.Status(204)), 40},
		"under attempt": {patient, dispatchertest.After(30*time.Second, dispatchertest.Status(204)), 40},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.endpoint("ep_a", tt.policy)
				r.receiver.Play(tt.answer)
				var ids []string
				for range 40 {
					ids = append(ids, r.refer(r.large(), "ep_a"))
				}
				first := r.own(time.Second)
				<-time.After(10 * time.Second)
				r.onlyReferences(tt.stored, len(largeData))
				first.noData(t, map[string]int{"held": 2, "under attempt": flow.DefaultStart}[name])
				first.kill() // what is settled and not purged is repeated
				o := r.own(time.Minute)
				for delivered := map[string]bool{}; len(delivered) < len(ids); {
					for _, e := range r.ends(1) {
						delivered[string(e.Delivery.ID)] = e.Outcome.Kind == schemas.Delivered
					}
				}
				for _, q := range r.receiver.Requests() {
					if !bytes.Contains(q.Body, largeData) {
						t.Fatalf("%d bytes were posted", len(q.Body))
					}
				}
				sameSet(t, firsts(r.requests("ep_a")), ids)
				r.clean(o)
			})
		})
	}
}

// A dead letter has the data, however the delivery died, and no reference.
func TestDeadLettersOfReferences(t *testing.T) {
	disabled := testEndpoint("ep_a")
	disabled.Disabled = "gone"
	withPolicy := func(p schemas.Policy) schemas.Endpoint {
		e := testEndpoint("ep_a")
		e.Policy = p
		return e
	}
	crowded := inOrder(3600)
	crowded.MaxHeld = 1
	for name, tt := range map[string]struct {
		endpoint schemas.Endpoint
		reason   schemas.Reason
		requests int
	}{
		"not retried":    {withPolicy(schemas.Policy{Retry: []schemas.Duration{}}), schemas.ReasonNotRetried, 3},
		"disabled":       {disabled, schemas.ReasonEndpointDisabled, 0},
		"too large":      {withPolicy(schemas.Policy{MaxPayload: len(largeData) - 1}), schemas.ReasonTooLarge, 0},
		"no room":        {withPolicy(schemas.Policy{Concurrency: 1, MaxHeld: 1, Timeout: patient.Timeout}), schemas.ReasonQueueFull, 1},
		"no room, order": {withPolicy(crowded), schemas.ReasonQueueFull, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.targets.Apply(schemas.Change{Endpoint: &tt.endpoint})
				answer := dispatchertest.Status(500)
				if name == "no room" {
					answer = dispatchertest.After(20*time.Second, answer)
				}
				r.receiver.Script(func(dispatchertest.Request) dispatchertest.Answer { return answer })
				o := r.own(time.Second)
				for range 3 {
					r.refer(r.large(), "ep_a")
				}
				<-time.After(10 * time.Second)
				letters := r.deadLetters()
				if n := len(r.receiver.Requests()); n != tt.requests || len(letters) == 0 {
					t.Fatalf("%d requests, want %d; %d dead letters", n, tt.requests, len(letters))
				}
				for _, l := range letters {
					if l.Reason != tt.reason || !bytes.Equal(l.Body, largeData) || l.Header["Tidings-Reference"] != nil {
						t.Errorf("died of %s with %d bytes: %v", l.Reason, len(l.Body), l.Header)
					}
				}
				_ = o.stop()
			})
		})
	}
}

// What EVENTS no longer has dies, once it is to be attempted, and says what to
// do. A dead letter without the data keeps the reference.
func TestAnEventThatExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{schemas.Duration(time.Hour)}})
		r.endpoint("ep_b", schemas.Policy{Retry: []schemas.Duration{}, Timeout: patient.Timeout})
		r.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			if q.Path == "/ep_b" {
				return dispatchertest.After(2*time.Minute, dispatchertest.Status(500))
			}
			return dispatchertest.Status(500)
		})
		d := r.large()
		r.refer(d, "ep_a")
		r.refer(d, "ep_b")
		o := r.own(time.Second)
		<-time.After(time.Second)
		r.erase(d)
		ends := r.ends(2)
		for i, want := range []struct {
			endpoint schemas.EndpointID
			reason   schemas.Reason
			attempts int
		}{{"ep_b", schemas.ReasonNotRetried, 1}, {"ep_a", schemas.ReasonEventExpired, 0}} {
			e := ends[i]
			if e.Delivery.Endpoint != want.endpoint || e.Outcome.Reason != want.reason || e.Attempt.Number != want.attempts {
				t.Errorf("%s ended %+v after %d", e.Delivery.Endpoint, e.Outcome, e.Attempt.Number)
			}
			l := r.deadLetters()[i]
			if l.Reason != want.reason || len(l.Body) != 0 || l.Header["Tidings-Reference"] == nil || len(l.History) != 1 {
				t.Errorf("%s: a dead letter of %s with %d bytes, %d attempts and %v", want.endpoint, l.Reason, len(l.Body), len(l.History), l.Header)
			}
		}
		if detail := ends[1].Outcome.Detail; !strings.Contains(detail, "publish it again") {
			t.Errorf("detail %q", detail)
		}
		r.clean(o)
	})
}

// While EVENTS does not answer, nothing dies.
func TestEventsThatDoNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{})
		id := r.refer(r.large(), "ep_a")
		events, err := r.js.Stream(t.Context(), schemas.StreamEvents)
		if err != nil {
			t.Fatal(err)
		}
		config := events.CachedInfo().Config
		config.AllowDirect = false // the request has no responder
		config.MaxAge = 0          // an update expires by the real clock
		if _, err := r.js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		r.own(time.Second)
		<-time.After(time.Hour)
		if n := len(r.reports); n > 0 || len(r.subjects()) != 1 {
			t.Fatalf("%d reports, and %v are left", n, r.subjects())
		}
		config.AllowDirect = true
		if _, err := r.js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
		if e := r.ends(1)[0]; string(e.Delivery.ID) != id || e.Outcome.Kind != schemas.Delivered {
			t.Errorf("ended %+v", e.Outcome)
		}
	})
}

// Deliveries of one event share a read; after a while it is read anew.
func TestAnEventIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{schemas.Duration(time.Second), schemas.Duration(time.Hour)}})
		for i := range 50 {
			r.endpoint(schemas.EndpointID("ep_"+strings.Repeat("b", i+1)), schemas.Policy{})
		}
		r.receiver.Play(dispatchertest.Status(500), dispatchertest.Status(500))
		d := r.large()
		reads := r.reads()
		r.refer(d, "ep_a")
		for i := range 50 {
			r.refer(d, schemas.EndpointID("ep_"+strings.Repeat("b", i+1)))
		}
		r.own(time.Second)
		<-time.After(59 * time.Second)
		if n := reads.Load(); n != 1 {
			t.Errorf("%d reads within a minute, want 1", n)
		}
		<-time.After(2 * time.Hour)
		if n := reads.Load(); n < 2 || n > 8 {
			t.Errorf("%d reads in two hours", n)
		}
	})
}
