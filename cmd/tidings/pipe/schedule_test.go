package pipe

import (
	"bytes"
	"cmp"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// scenario is one delivery: what the receiver answers, and how it must go.
type scenario struct {
	name    string // of the endpoint
	policy  schemas.Policy
	answers []dispatchertest.Answer // in turn, and then 204
	took    time.Duration           // of each attempt that one of the answers met
	// waits are from the end of each attempt to the start of the next; those of
	// the policy by default, give or take 10 %.
	waits     []time.Duration
	low, high float64 // the share of the wait between which it must lie; 0.9 and 1.1 by default
	cause     schemas.Reason
	ends      schemas.Reason // ok by default
}

// slack is how much later than its time JetStream may fire a schedule.
const slack = 250 * time.Millisecond

func times(n int, a dispatchertest.Answer) []dispatchertest.Answer {
	answers := make([]dispatchertest.Answer, n)
	for i := range answers {
		answers[i] = a
	}
	return answers
}

// inAnHour asks for an hour of peace by a date.
func inAnHour(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
	w.WriteHeader(http.StatusServiceUnavailable)
}

// longAnswer says 200 and more than anybody will read.
func longAnswer(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write(bytes.Repeat([]byte("all is well. "), 10_000))
}

func seconds(n int) schemas.Duration { return schemas.Duration(time.Duration(n) * time.Second) }

var scenarios = []scenario{
	{name: "taken"},
	{name: "fails-once", answers: times(1, dispatchertest.Status(500)), cause: schemas.ReasonServerError},
	{name: "fails-4", answers: times(4, dispatchertest.Status(500)), cause: schemas.ReasonServerError},
	{name: "fails-9", answers: times(9, dispatchertest.Status(502)), cause: schemas.ReasonServerError},
	{name: "fails-10", answers: times(10, dispatchertest.Status(500)), cause: schemas.ReasonServerError, ends: schemas.ReasonExhausted},
	{name: "not-found", answers: times(3, dispatchertest.Status(404)), cause: schemas.ReasonClientError},
	{name: "redirect", answers: times(3, dispatchertest.Status(307, "Location", "http://receiver.test/elsewhere")), cause: schemas.ReasonRedirect},
	{
		name: "throttled", answers: times(2, dispatchertest.Status(429, "Retry-After", "1200")), cause: schemas.ReasonThrottled,
		waits: []time.Duration{20 * time.Minute, 20 * time.Minute}, low: 1,
	},
	{name: "throttled-shortly", answers: times(2, dispatchertest.Status(429, "Retry-After", "1")), cause: schemas.ReasonThrottled},
	{
		name: "unavailable", answers: times(1, dispatchertest.Status(503, "Retry-After", "90")), cause: schemas.ReasonThrottled,
		waits: []time.Duration{90 * time.Second}, low: 1,
	},
	{
		name: "until-a-date", answers: times(1, inAnHour), cause: schemas.ReasonThrottled,
		waits: []time.Duration{time.Hour}, low: 1 - 1.0/3600, // a date has whole seconds
	},
	{
		name: "asks-too-much", answers: times(1, dispatchertest.Status(429, "Retry-After", "8640000")), cause: schemas.ReasonThrottled,
		waits: []time.Duration{24 * time.Hour}, low: 1, high: 1,
	},
	{name: "hangs", policy: schemas.Policy{Timeout: seconds(7)}, answers: times(3, dispatchertest.Hang), took: 7 * time.Second, cause: schemas.ReasonTimeout},
	{name: "hangs-by-default", answers: times(2, dispatchertest.Hang), took: 15 * time.Second, cause: schemas.ReasonTimeout},
	{name: "drips", policy: schemas.Policy{Timeout: seconds(9)}, answers: times(2, dispatchertest.SlowBody), took: 9 * time.Second, cause: schemas.ReasonTimeout},
	{name: "breaks", answers: times(3, dispatchertest.Reset), cause: schemas.ReasonReset},
	{name: "answers-at-length", answers: times(1, longAnswer)},
	{
		name: "own-schedule", policy: schemas.Policy{Retry: []schemas.Duration{seconds(60), seconds(7200)}},
		answers: times(2, dispatchertest.Status(500)), cause: schemas.ReasonServerError,
	},
	{
		name: "own-schedule-ends", policy: schemas.Policy{Retry: []schemas.Duration{seconds(60), seconds(30)}},
		answers: times(3, dispatchertest.Status(500)), cause: schemas.ReasonServerError, ends: schemas.ReasonExhausted,
	},
	{
		name: "one-attempt", policy: schemas.Policy{Retry: []schemas.Duration{}},
		answers: times(1, dispatchertest.Status(500)), cause: schemas.ReasonServerError, ends: schemas.ReasonNotRetried,
	},
}

func (c scenario) endpoint() schemas.EndpointID { return schemas.EndpointID("ep_" + c.name) }

func (c scenario) wait(i int) (least, most time.Duration) {
	low, high := c.low, c.high
	if low == 0 {
		low = 0.9
	}
	if high == 0 {
		high = 1.1
	}
	waits := c.waits
	if waits == nil {
		waits = retry.ForPolicy(c.policy, retry.Standard())
	}
	return time.Duration(low * float64(waits[i])), time.Duration(high*float64(waits[i])) + slack
}

// attempts is how many there must be.
func (c scenario) attempts() int {
	if c.cause != "" && c.ends == "" {
		return len(c.answers) + 1 // the last met the 204
	}
	return max(len(c.answers), 1)
}

// TestSchedules publishes one event at 0 and follows it to every scenario's
// endpoint, for as many days as it takes.
func TestSchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startStages(t)
		byPath := map[string]scenario{}
		for _, c := range scenarios {
			p.endpoint(c.endpoint(), c.policy, "order.*") // and none about endpoints
			byPath["/"+string(c.endpoint())] = c
		}
		seen := map[string]int{}
		p.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
			n := seen[q.Path]
			seen[q.Path]++
			if c := byPath[q.Path]; n < len(c.answers) {
				return c.answers[n]
			}
			return nil
		})
		published := time.Now()
		p.publish(t.Context(), "e1")
		ends := map[schemas.EndpointID]dispatcher.Report{}
		for _, r := range p.ends(len(scenarios)) {
			ends[r.Delivery.Endpoint] = r
		}
		for _, c := range scenarios {
			c.check(t, published, p.requests(c.endpoint()), ends[c.endpoint()])
		}
		if n := seen["/elsewhere"]; n > 0 {
			t.Errorf("a redirect was followed %d times", n)
		}
		checkLetters(t, p.deadLetters(), p.pipe)
	})
}

func (c scenario) check(t *testing.T, published time.Time, got []dispatchertest.Request, end dispatcher.Report) {
	t.Helper()
	if len(got) != c.attempts() {
		t.Errorf("%s: %d requests, want %d", c.name, len(got), c.attempts())
		return
	}
	ends := cmp.Or(c.ends, schemas.ReasonOK)
	if end.Outcome.Reason != ends || end.Attempt.Number != len(got) {
		t.Errorf("%s: ended %+v after %d attempts; want reason %s after %d", c.name, end.Outcome, end.Attempt.Number, ends, len(got))
	}
	c.checkTimes(t, published, got)
	if len(end.Delivery.History) != len(got)-1 {
		t.Errorf("%s: %d attempts in the history before the last, want %d", c.name, len(end.Delivery.History), len(got)-1)
	}
	c.checkHistory(t, end.Delivery.History, got)
	for i, q := range got {
		checkSigned(t, c.name, q)
		if q.ID != string(end.Delivery.ID) || !bytes.Equal(q.Body, got[0].Body) {
			t.Errorf("%s: attempt %d has webhook-id %s and body %s; want %s and %s", c.name, i+1, q.ID, q.Body, end.Delivery.ID, got[0].Body)
		}
	}
}

func (c scenario) checkTimes(t *testing.T, published time.Time, got []dispatchertest.Request) {
	t.Helper()
	if first := got[0].At.Sub(published); first > slack {
		t.Errorf("%s: first attempt %s after the event, want at once", c.name, first)
	}
	for i := 1; i < len(got); i++ {
		least, most := c.wait(i - 1)
		if waited := got[i].At.Sub(got[i-1].At) - c.took; waited < least || waited > most {
			t.Errorf("%s: attempt %d came %s after the one before, want %s to %s", c.name, i+1, waited, least, most)
		}
	}
}

// checkHistory wants each attempt as the receiver saw it, and to have taken to
// the nanosecond what it must.
func (c scenario) checkHistory(t *testing.T, history []schemas.Attempt, got []dispatchertest.Request) {
	t.Helper()
	for i, a := range history {
		if a.Number != i+1 || a.Reason != c.cause || a.Duration.Std() != c.took || !a.At.Equal(got[i].At) {
			t.Errorf("%s: history[%d] is %+v; want %s at %s after %s", c.name, i, a, c.cause, got[i].At, c.took)
		}
	}
}

// checkSigned wants a signature that is right, and of the time of the request.
func checkSigned(t *testing.T, name string, q dispatchertest.Request) {
	t.Helper()
	key, err := signing.ParseKey(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	if err := signing.Verify(q.Header, q.Body, q.At, key); err != nil {
		t.Errorf("%s at %s: signature: %v", name, q.At, err)
	}
	if stamp := q.Header.Get(signing.HeaderTimestamp); stamp != strconv.FormatInt(q.At.Unix(), 10) {
		t.Errorf("%s at %s: webhook-timestamp %s, want %d", name, q.At, stamp, q.At.Unix())
	}
}

// checkLetters wants the whole story of each scenario that ends in DEAD, and
// nothing else there.
func checkLetters(t *testing.T, letters []*schemas.DeadLetter, p *pipe) {
	t.Helper()
	want := map[schemas.EndpointID]scenario{}
	for _, c := range scenarios {
		if c.ends != "" {
			want[c.endpoint()] = c
		}
	}
	for _, l := range letters {
		c, ok := want[l.Endpoint]
		if !ok {
			t.Errorf("dead letter of %s, want none: %+v", l.Endpoint, l)
			continue
		}
		delete(want, l.Endpoint)
		got := p.requests(l.Endpoint)
		if l.Reason != c.ends || l.Tenant != testTenant || string(l.Delivery) != got[0].ID || len(l.History) != len(got) {
			t.Errorf("%s: dead letter %s of %s with %d attempts, reason %s; want %s with %d, %s", c.name, l.Delivery, l.Tenant, len(l.History), l.Reason, got[0].ID, len(got), c.ends)
			continue
		}
		c.checkHistory(t, l.History, got)
	}
	for id := range want {
		t.Errorf("no dead letter of %s", id)
	}
}
