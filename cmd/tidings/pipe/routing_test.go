package pipe

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// quiet is how long to wait for what must not come.
const quiet = time.Minute

func TestAnEventReachesWhoSubscribed(t *testing.T) {
	const eventType = "order.email.changed"
	cases := []struct {
		name          string
		subscriptions [][]schemas.TypePattern
		want          int
	}{
		{"nothing subscribed", nil, 0},
		{"another type", [][]schemas.TypePattern{{"order.email.removed"}}, 0},
		{"a shorter type", [][]schemas.TypePattern{{"order.email"}}, 0},
		{"exact", [][]schemas.TypePattern{{eventType}}, 1},
		{"all", [][]schemas.TypePattern{{"*"}}, 1},
		{"tail", [][]schemas.TypePattern{{"order.*"}}, 1},
		{"middle", [][]schemas.TypePattern{{"order.*.changed"}}, 1},
		{"two patterns that match", [][]schemas.TypePattern{{"order.*", "*"}}, 1},
		{"two subscriptions that match", [][]schemas.TypePattern{{"order.*"}, {eventType}}, 1},
	}
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		want := 0
		for i, c := range cases {
			id := schemas.EndpointID("ep_" + strings.ReplaceAll(c.name, " ", "-"))
			p.putEndpoint(id, "http://receiver.test/"+string(id), schemas.Policy{})
			for j, types := range c.subscriptions {
				p.subscribe(schemas.SubscriptionID("sub_"+string('a'+rune(i))+string('a'+rune(j))), id, types...)
			}
			want += c.want
		}
		p.publishEvent(t.Context(), typedEvent("e1", eventType))
		p.ends(want)
		p.noMore(quiet)
		for _, c := range cases {
			id := schemas.EndpointID("ep_" + strings.ReplaceAll(c.name, " ", "-"))
			if got := len(p.requests(id)); got != c.want {
				t.Errorf("%s: %d requests, want %d", c.name, got, c.want)
			}
		}
		if letters := p.deadLetters(); len(letters) > 0 {
			t.Errorf("dead letters %+v, want none", letters)
		}
	})
}

func TestAnEventThatCannotBeDeliveredDiesWithAReason(t *testing.T) {
	const binary = `ce-specversion=1.0 ce-id=e0 ce-source=/test ce-type=order.created`
	cases := []struct {
		name, subject, header, body string
		reason                      schemas.Reason
		tenant                      schemas.TenantID
		detail                      string
	}{
		{
			name: "garbage", subject: "events.acme.x", body: "hello",
			reason: schemas.ReasonEventInvalid, tenant: testTenant, detail: "not a CloudEvent",
		},
		{
			name: "nothing at all", subject: "events.acme.x",
			reason: schemas.ReasonEventInvalid, tenant: testTenant,
		},
		{
			name: "type and subject differ", subject: "events.acme.order.removed", header: binary, body: `{}`,
			reason: schemas.ReasonEventInvalid, tenant: testTenant,
			detail: `published to "events.acme.order.removed", but an event of type "order.created" belongs on "events.acme.order.created"`,
		},
		{
			name: "data is no JSON", subject: "events.acme.order.created", header: binary, body: `{`,
			reason: schemas.ReasonEventInvalid, tenant: testTenant, detail: "data is not valid JSON",
		},
		{
			name: "no such tenant", subject: "events.nobody.order.created", header: binary, body: `{}`,
			reason: schemas.ReasonTenantUnknown, tenant: "nobody", detail: `tenant "nobody" does not exist`,
		},
		{
			name: "no tenant's name", subject: "events.NO!.order.created", header: binary, body: `{}`,
			reason: schemas.ReasonTenantUnknown, tenant: "NO!",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := startPipe(t)
				p.endpoint("ep_a", schemas.Policy{})
				m := &nats.Msg{Subject: c.subject, Data: []byte(c.body), Header: nats.Header{"Other": {"kept"}}}
				for pair := range strings.FieldsSeq(c.header) {
					name, value, _ := strings.Cut(pair, "=")
					m.Header[name] = []string{value}
				}
				if _, err := p.nc.RequestMsg(m, time.Second); err != nil {
					t.Fatal(err)
				}
				p.publish(t.Context(), "e1") // the partition goes on
				if end := p.ends(1)[0]; end.Outcome.Kind != schemas.Delivered {
					t.Errorf("the next event ended %+v", end.Outcome)
				}
				p.noMore(quiet)
				l := p.theDeadLetter()
				if l.Reason != c.reason || l.Tenant != c.tenant || !strings.Contains(l.Detail, c.detail) || l.Delivery != "" {
					t.Errorf("dead letter of %q, reason %s: %s\nwant of %q, %s: %s", l.Tenant, l.Reason, l.Detail, c.tenant, c.reason, c.detail)
				}
				if string(l.Body) != c.body || !slices.Equal(l.Header["Other"], []string{"kept"}) {
					t.Errorf("dead letter holds %q with %v; want it as it was published", l.Body, l.Header)
				}
			})
		})
	}
}

func TestDeliveriesSortByTheirEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		p.endpoint("ep_a", schemas.Policy{Concurrency: 1})
		const n = 200
		for i := range n {
			p.publish(t.Context(), "e"+string('a'+rune(i/26))+string('a'+rune(i%26)))
		}
		p.ends(n)
		got := p.requests("ep_a")
		sorted := func(a, b dispatchertest.Request) int { return strings.Compare(a.ID, b.ID) }
		if !slices.IsSortedFunc(got, sorted) {
			t.Error("webhook-ids do not sort in the order of the events")
		}
		byBody := func(a, b dispatchertest.Request) int { return strings.Compare(string(a.Body), string(b.Body)) }
		if !slices.IsSortedFunc(got, byBody) {
			t.Error("events were not delivered in order")
		}
	})
}
