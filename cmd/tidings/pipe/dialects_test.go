package pipe

import (
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// timetable is how a dialect meets a receiver: what it answers each time, and
// when the attempts must come.
type timetable struct {
	name      string // of the endpoint
	dialect   schemas.Dialect
	policy    schemas.Policy
	eventType string
	answer    dispatchertest.Answer
	took      time.Duration   // of each attempt
	waits     []time.Duration // from the end of each attempt to the next, to the second
	ends      schemas.Reason
}

func inMinutes(n ...int) []time.Duration {
	list := make([]time.Duration, len(n))
	for i, m := range n {
		list[i] = time.Duration(m) * time.Minute
	}
	return list
}

var (
	relayBoxWaits = []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}
	roqWaits      = inMinutes(30, 60, 90, 120, 150)
)

var timetables = []timetable{
	{name: "roq-taken", dialect: "roq", eventType: "user.created", answer: dispatchertest.Status(201), ends: schemas.ReasonOK},
	{name: "roq-fails", dialect: "roq", eventType: "user.created", answer: dispatchertest.Status(500), waits: roqWaits, ends: schemas.ReasonExhausted},
	{name: "roq-gone", dialect: "roq", eventType: "user.created", answer: dispatchertest.Status(410), waits: roqWaits, ends: schemas.ReasonExhausted},
	{
		name: "roq-throttled", dialect: "roq", eventType: "user.created",
		answer: dispatchertest.Status(429, "Retry-After", "86400"), waits: roqWaits, ends: schemas.ReasonExhausted,
	},
	{
		name: "roq-hangs", dialect: "roq", eventType: "user.created", answer: dispatchertest.Hang,
		took: 15 * time.Second, waits: roqWaits, ends: schemas.ReasonExhausted,
	},
	{
		name: "roq-hangs-shortly", dialect: "roq", policy: schemas.Policy{Timeout: seconds(4)}, eventType: "user.created", answer: dispatchertest.Hang,
		took: 4 * time.Second, waits: roqWaits, ends: schemas.ReasonExhausted,
	},
	{name: "roam-taken", dialect: "roam", eventType: "lobby.booked", answer: dispatchertest.Status(202), ends: schemas.ReasonOK},
	{name: "roam-fails", dialect: "roam", eventType: "lobby.booked", answer: dispatchertest.Status(500), ends: schemas.ReasonNotRetried},
	{name: "roam-redirects", dialect: "roam", eventType: "lobby.booked", answer: dispatchertest.Status(307, "Location", "/x"), ends: schemas.ReasonNotRetried},
	{name: "roam-gone", dialect: "roam", eventType: "lobby.booked", answer: dispatchertest.Status(410), ends: schemas.ReasonNotRetried},
	{name: "roam-hangs", dialect: "roam", eventType: "lobby.booked", answer: dispatchertest.Hang, took: 3 * time.Second, ends: schemas.ReasonNotRetried},
	{name: "relaybox-taken", dialect: "relaybox", eventType: "room.joined", answer: dispatchertest.Status(204), ends: schemas.ReasonOK},
	{name: "relaybox-500", dialect: "relaybox", eventType: "room.joined", answer: dispatchertest.Status(500), waits: relayBoxWaits, ends: schemas.ReasonExhausted},
	{
		name: "relaybox-503", dialect: "relaybox", eventType: "room.joined",
		answer: dispatchertest.Status(503, "Retry-After", "60"), waits: relayBoxWaits, ends: schemas.ReasonExhausted,
	},
	{name: "relaybox-404", dialect: "relaybox", eventType: "room.joined", answer: dispatchertest.Status(404), ends: schemas.ReasonNotRetried},
	{name: "relaybox-501", dialect: "relaybox", eventType: "room.joined", answer: dispatchertest.Status(501), ends: schemas.ReasonNotRetried},
	{name: "relaybox-redirects", dialect: "relaybox", eventType: "room.joined", answer: dispatchertest.Status(302, "Location", "/x"), ends: schemas.ReasonNotRetried},
	{name: "relaybox-breaks", dialect: "relaybox", eventType: "room.joined", answer: dispatchertest.Reset, waits: relayBoxWaits, ends: schemas.ReasonExhausted},
	{
		name: "relaybox-hangs", dialect: "relaybox", eventType: "room.joined", answer: dispatchertest.Hang,
		took: 5 * time.Second, waits: relayBoxWaits, ends: schemas.ReasonExhausted,
	},
	{name: "oneroute-200", dialect: "oneroute", eventType: "message.received", answer: dispatchertest.Status(200), ends: schemas.ReasonOK},
	{
		name: "oneroute-204", dialect: "oneroute", policy: schemas.Policy{Retry: []schemas.Duration{}}, eventType: "message.received",
		answer: dispatchertest.Status(204), ends: schemas.ReasonNotRetried,
	},
	{name: "cloudevents-202", dialect: "cloudevents", eventType: "file.created", answer: dispatchertest.Status(202), ends: schemas.ReasonOK},
	{name: "cloudevents-gone", dialect: "cloudevents", eventType: "file.created", answer: dispatchertest.Status(410), ends: schemas.ReasonGone},
}

func (c timetable) endpoint() schemas.EndpointID { return schemas.EndpointID("ep_" + c.name) }

// TestTimetables publishes one event for each endpoint and follows it for as
// many hours as it takes. Each endpoint has a tenant of its own, since a tenant
// has one ROQ endpoint at most.
func TestTimetables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startStages(t)
		byPath := map[string]timetable{}
		for _, c := range timetables {
			byPath["/"+string(c.endpoint())] = c
		}
		p.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer { return byPath[q.Path].answer })
		for _, c := range timetables {
			c.publish(p.pipe)
		}
		ends := map[schemas.EndpointID]dispatcher.Report{}
		for _, r := range p.ends(len(timetables)) {
			ends[r.Delivery.Endpoint] = r
		}
		p.noMore(24 * time.Hour)
		for _, c := range timetables {
			c.check(t, p.requests(c.endpoint()), ends[c.endpoint()])
		}
	})
}

// publish makes the endpoint and sends it a valid event.
func (c timetable) publish(p *pipe) {
	p.t.Helper()
	tenant := schemas.TenantID(c.name)
	if err := p.registry.PutTenant(p.t.Context(), schemas.Tenant{ID: tenant}); err != nil {
		p.t.Fatal(err)
	}
	p.put(schemas.Endpoint{ID: c.endpoint(), Tenant: tenant, URL: "http://receiver.test/" + string(c.endpoint()), Dialect: c.dialect, Policy: c.policy})
	s := schemas.Subscription{
		ID: schemas.SubscriptionID("sub_" + c.name), Tenant: tenant, Endpoint: c.endpoint(), Types: []schemas.TypePattern{schemas.TypePattern(c.eventType)},
	}
	if err := p.registry.PutSubscription(p.t.Context(), s); err != nil {
		p.t.Fatal(err)
	}
	synctest.Wait()
	pub, err := p.pub.For(tenant)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := pub.Publish(p.t.Context(), exampleEvent(c.eventType)); err != nil {
		p.t.Fatal(err)
	}
}

// exampleEvent is an event of a type of the catalogue.
func exampleEvent(eventType string) schemas.Event {
	e := event.New()
	e.SetType(eventType)
	_ = e.SetData(event.ApplicationJSON, catalogue.New().Find("", eventType).Valid[0])
	return e
}

func (c timetable) check(t *testing.T, got []dispatchertest.Request, end dispatcher.Report) {
	t.Helper()
	if len(got) != len(c.waits)+1 || end.Outcome.Reason != c.ends || end.Attempt.Number != len(got) {
		t.Errorf("%s: %d requests, ended %+v after %d attempts; want %d and %s", c.name, len(got), end.Outcome, end.Attempt.Number, len(c.waits)+1, c.ends)
		return
	}
	for i, wait := range c.waits {
		if waited := got[i+1].At.Sub(got[i].At) - c.took; waited < wait || waited > wait+slack {
			t.Errorf("%s: attempt %d came %s after the one before, want %s", c.name, i+2, waited, wait)
		}
	}
	if end.Attempt.Duration.Std() != c.took {
		t.Errorf("%s: the last attempt took %s, want %s", c.name, end.Attempt.Duration, c.took)
	}
	for _, q := range got {
		if c.dialect == schemas.DialectROQ && q.Header.Get(signing.HeaderROQ) != testSecret {
			t.Errorf("%s: no key in %v", c.name, q.Header)
		}
	}
	if c.dialect == schemas.DialectRelayBox {
		checkRelayBoxAttempts(t, c.name, got)
	}
}

// checkRelayBoxAttempts wants one id, and a timestamp and a right signature for
// each attempt.
func checkRelayBoxAttempts(t *testing.T, name string, got []dispatchertest.Request) {
	t.Helper()
	v, err := signing.NewVerifier(schemas.DialectRelayBox, testSecret)
	if err != nil {
		t.Fatal(err)
	}
	var ids, signatures []string
	for _, q := range got {
		if err := v.Verify(q.Header, q.Body, q.At); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var b struct{ ID, Timestamp string }
		if err := json.Unmarshal(q.Body, &b); err != nil {
			t.Fatal(err)
		}
		if want := q.At.UTC().Format("2006-01-02T15:04:05.000Z"); b.Timestamp != want {
			t.Errorf("%s: timestamp %s at %s", name, b.Timestamp, want)
		}
		ids, signatures = append(ids, b.ID), append(signatures, q.Header.Get(signing.HeaderRelayBoxSignature))
	}
	slices.Sort(signatures)
	if len(slices.Compact(ids)) != 1 || len(slices.Compact(signatures)) != len(got) {
		t.Errorf("%s: ids %v, signatures %v", name, ids, signatures)
	}
}
