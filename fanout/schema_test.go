package fanout_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// sample is an event as somebody publishes it who may not have checked it.
type sample struct {
	tenant    schemas.TenantID
	eventType string
	data      string
}

func (r *rig) publishSample(s sample) {
	r.t.Helper()
	e := event.New()
	e.SetID("1")
	e.SetSource("/test")
	e.SetType(s.eventType)
	if err := e.SetData(event.ApplicationJSON, json.RawMessage(s.data)); err != nil {
		r.t.Fatal(err)
	}
	h, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		r.t.Fatal(err)
	}
	m := &nats.Msg{Subject: schemas.EventSubject(s.tenant, s.eventType), Header: nats.Header(h), Data: data}
	if _, err := r.js.PublishMsg(r.t.Context(), m); err != nil {
		r.t.Fatal(err)
	}
}

// dead are the dead letters, the oldest first.
func (r *rig) dead() []*schemas.DeadLetter {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), schemas.StreamDead)
	if err != nil {
		r.t.Fatal(err)
	}
	var letters []*schemas.DeadLetter
	for i := range s.CachedInfo().State.Msgs { // nothing has left it
		m, err := s.GetMsg(r.t.Context(), i+1)
		if err != nil {
			r.t.Fatal(err)
		}
		l, err := schemas.ReadDeadLetter(m.Subject, m.Header, m.Data)
		if err != nil {
			r.t.Fatal(err)
		}
		letters = append(letters, l)
	}
	return letters
}

const (
	goodJoin, badJoin = `{"roomId":"r1"}`, `{"session":null}`
	joinMissing       = "data/roomId: is missing"
)

func TestAnEventIsHeldToTheSchemaOfItsType(t *testing.T) {
	cases := []struct {
		name       string
		validation schemas.Validation
		sample     sample // of acme
		detail     string // of its dead letter; empty if it is delivered
	}{
		{"good", "", sample{eventType: "room.joined", data: goodJoin}, ""},
		{"a field is missing", "", sample{eventType: "room.joined", data: badJoin}, joinMissing},
		{"a field is wrong", "", sample{eventType: "room.joined", data: `{"roomId":7}`}, "data/roomId: must be a string, is a number"},
		{"no object", "", sample{eventType: "room.joined", data: `"r1"`}, "data: must be an object, is a string"},
		{"reject", schemas.ValidationReject, sample{eventType: "room.joined", data: badJoin}, joinMissing},
		{"quarantine", schemas.ValidationQuarantine, sample{eventType: "room.joined", data: badJoin}, joinMissing},
		{"quarantine, good", schemas.ValidationQuarantine, sample{eventType: "room.joined", data: goodJoin}, ""},
		{"warn", schemas.ValidationWarn, sample{eventType: "room.joined", data: badJoin}, ""},
		{"warn, good", schemas.ValidationWarn, sample{eventType: "room.joined", data: goodJoin}, ""},
		{"unknown type", "", sample{eventType: "order.placed", data: badJoin}, ""},
		{"unknown type, quarantine", schemas.ValidationQuarantine, sample{eventType: "order.placed", data: "null"}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.index.Apply(schemas.Change{Tenant: &schemas.Tenant{ID: "acme", Validation: c.validation}})
				c.sample.tenant = "acme"
				r.run(r.env.Connect())
				r.publishSample(c.sample)
				r.settled()
				got, letters := r.stored()["ep_all"], r.dead()
				if c.detail == "" {
					if !slices.Equal(got, []string{c.sample.data}) || len(letters) > 0 {
						t.Errorf("delivered %q, %d dead letters; want it delivered", got, len(letters))
					}
					return
				}
				if len(got) > 0 || len(letters) != 1 {
					t.Fatalf("delivered %q, %d dead letters; want one dead letter alone", got, len(letters))
				}
				l := letters[0]
				if l.Reason != schemas.ReasonSchemaInvalid || l.Tenant != "acme" || l.Detail != c.detail || string(l.Body) != c.sample.data {
					t.Errorf("the dead letter of %q is %q: %q, %s; want schema_invalid: %q", l.Tenant, l.Reason, l.Detail, l.Body, c.detail)
				}
			})
		})
	}
}

// order is the change that brings a type along whose data has one number.
func order(tenant schemas.TenantID, eventType, field string) schemas.Change {
	return schemas.Change{EventType: &schemas.EventType{Tenant: tenant, Type: eventType, Definition: fmt.Appendf(nil, `{
		"type": %q, "domain": "orders", "meaning": "An order.",
		"schema": {"type": "object", "required": [%[2]q], "properties": {%[2]q: {"type": "number"}}},
		"valid": [{%[2]q: 1}], "invalid": [{"data": {}, "error": "is missing"}]
	}`, eventType, field)}}
}

// A type that a tenant brought along counts for its events alone, also in place
// of a built-in one or of one that was brought for all tenants.
func TestATenantsOwnTypes(t *testing.T) {
	const total, sum = `{"total":1}`, `{"sum":1}`
	cases := []struct {
		name         string
		types        []schemas.Change
		eventType    string
		data         string
		acme, others string // detail of the dead letter; empty if it is delivered
	}{
		{"own type", []schemas.Change{order("acme", "order.placed", "total")}, "order.placed", sum, "data/total: is missing", ""},
		{"own type, good", []schemas.Change{order("acme", "order.placed", "total")}, "order.placed", total, "", ""},
		{"another's type", []schemas.Change{order("beta", "order.placed", "total")}, "order.placed", sum, "", "data/total: is missing"},
		{"everybody's type", []schemas.Change{order("", "order.placed", "total")}, "order.placed", sum, "data/total: is missing", "data/total: is missing"},
		{"own before everybody's", []schemas.Change{order("acme", "order.placed", "total"), order("", "order.placed", "sum")}, "order.placed", total, "", "data/sum: is missing"},
		{"own before the built-in", []schemas.Change{order("acme", "room.joined", "total")}, "room.joined", total, "", joinMissing},
		{"own before the built-in, bad", []schemas.Change{order("acme", "room.joined", "total")}, "room.joined", goodJoin, "data/total: is missing", ""},
		{"own type removed", []schemas.Change{order("acme", "room.joined", "total"), {EventType: &schemas.EventType{Tenant: "acme", Type: "room.joined"}, Removed: true}}, "room.joined", total, joinMissing, joinMissing},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.index.Apply(schemas.Change{Tenant: &schemas.Tenant{ID: "beta"}}) // nobody subscribes there
				r.catalogue = catalogue.New()
				r.catalogue.Refused = func(err error) { t.Error(err) }
				for _, change := range c.types {
					r.catalogue.Apply(change)
				}
				r.run(r.env.Connect())
				want := map[schemas.TenantID]string{"acme": c.acme, "beta": c.others}
				for tenant := range want {
					r.publishSample(sample{tenant: tenant, eventType: c.eventType, data: c.data})
				}
				r.settled()
				got := map[schemas.TenantID]string{}
				for _, l := range r.dead() {
					got[l.Tenant] = l.Detail
				}
				for tenant, detail := range want {
					if got[tenant] != detail {
						t.Errorf("%s: the dead letter says %q, want %q", tenant, got[tenant], detail)
					}
				}
				if delivered := len(r.stored()["ep_all"]) == 1; delivered != (c.acme == "") {
					t.Errorf("delivered to acme's endpoint is %t", delivered)
				}
			})
		})
	}
}

// What fanout does with a tenant's events follows the registry.
func TestValidationFollowsTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.catalogue = catalogue.New()
		r.run(r.env.Connect())
		bad := sample{tenant: "acme", eventType: "room.joined", data: badJoin}
		check := func(delivered, died int) {
			t.Helper()
			r.publishSample(bad)
			r.settled()
			if d, l := len(r.stored()["ep_all"]), len(r.dead()); d != delivered || l != died {
				t.Errorf("%d delivered and %d dead by now, want %d and %d", d, l, delivered, died)
			}
		}
		check(0, 1)
		r.catalogue.Apply(order("acme", "room.joined", "total"))
		check(0, 2)
		r.index.Apply(schemas.Change{Tenant: &schemas.Tenant{ID: "acme", Validation: schemas.ValidationWarn}})
		check(1, 2)
		r.index.Apply(schemas.Change{Tenant: &schemas.Tenant{ID: "acme"}})
		check(1, 3)
		if l := r.dead()[1]; !strings.Contains(l.Detail, "data/total") {
			t.Errorf("the dead letter says %q, want what is wrong by the tenant's own schema", l.Detail)
		}
	})
}

// The whole way: an event reaches those whose dialect and channel it is for.
func TestAnEventFindsItsDialectAndChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		follow(r.index, "no subscribe 1", "no subscribe 2", "no subscribe 3", "no subscribe 4",
			"endpoint roq roq", "subscribe 1 roq *", "subscribe 2 open *",
			"endpoint account oneroute", "subscribe 3 account *", "endpoint own oneroute", "subscribe 4 own@c1 *")
		r.run(r.env.Connect())
		message := catalogue.New().Find("acme", "message.received")
		var data map[string]any
		if err := json.Unmarshal(message.Valid[0], &data); err != nil {
			t.Fatal(err)
		}
		for _, channel := range []string{"c1", "c2"} {
			data["conversation"].(map[string]any)["Channel"].(map[string]any)["id"] = channel
			b, err := json.Marshal(data)
			if err != nil {
				t.Fatal(err)
			}
			r.publishSample(sample{tenant: "acme", eventType: "message.received", data: string(b)})
		}
		r.publishSample(sample{tenant: "acme", eventType: "order.placed", data: "{}"})
		removed := catalogue.New().Find("acme", "user.removed")
		r.publishSample(sample{tenant: "acme", eventType: "user.removed", data: string(removed.Valid[0])})
		r.settled()
		got := map[schemas.EndpointID]int{}
		for endpoint, numbers := range r.stored() {
			got[endpoint] = len(numbers)
		}
		want := map[schemas.EndpointID]int{"ep_open": 4, "ep_roq": 1, "ep_account": 1, "ep_own": 1}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("deliveries %v, want %v", got, want)
		}
		if letters := r.dead(); len(letters) > 0 {
			t.Errorf("dead: %s", letters[0].Detail)
		}
	})
}
