package fanout_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// follow changes an index in turn, each step a line of words:
//
//	endpoint a oneroute       endpoint a has this dialect from now on
//	no endpoint a             it is removed
//	subscribe 1 a *           as in [subscription]
//	subscribe 1 a@c1 *        the same, on channel c1 only
//	no subscribe 1            it is removed
func follow(x *fanout.Index, steps ...string) {
	for _, step := range steps {
		rest, removed := strings.CutPrefix(step, "no ")
		words := strings.Fields(rest)
		switch {
		case words[0] == "endpoint":
			e := schemas.Endpoint{ID: schemas.EndpointID("ep_" + words[1])}
			if !removed {
				e.Tenant, e.Dialect = "acme", schemas.Dialect(strings.Join(words[2:], ""))
			}
			x.Apply(schemas.Change{Endpoint: &e, Removed: removed})
		case removed:
			drop(x, schemas.SubscriptionID("sub_"+words[1]))
		default:
			to, channel, _ := strings.Cut(words[2], "@")
			words[2] = to
			s := subscription(strings.Join(words[1:], " "))
			s.Channel = channel
			put(x, s)
		}
	}
}

// on is the data of a message.received on a channel.
func on(channel string) []byte {
	data, err := json.Marshal(map[string]any{"conversation": map[string]any{"Channel": map[string]any{"id": channel}}})
	if err != nil {
		panic(err)
	}
	return data
}

func endpoints(names string) []schemas.EndpointID {
	var ids []schemas.EndpointID
	for name := range strings.FieldsSeq(names) {
		ids = append(ids, schemas.EndpointID("ep_"+name))
	}
	return ids
}

// everyDialect are endpoints, each called like its dialect, that subscribe to
// everything.
func everyDialect() []string {
	steps := []string{"endpoint empty", "subscribe empty empty *", "subscribe unseen unseen *"}
	for _, d := range schemas.Dialects() {
		steps = append(steps, fmt.Sprintf("endpoint %s %s", d, d), fmt.Sprintf("subscribe %s %s *", d, d))
	}
	return steps
}

func TestADialectGetsWhatItHasWordsFor(t *testing.T) {
	x := fanout.NewIndex()
	follow(x, everyDialect()...)
	types := catalogue.New()
	for eventType, want := range map[string]string{
		"user.updated":     "cloudevents empty roq standard unseen",
		"message.received": "cloudevents empty oneroute standard unseen",
		"lobby.booked":     "cloudevents empty roam standard unseen",
		"room.joined":      "cloudevents empty relaybox standard unseen",
		"order.placed":     "cloudevents empty standard unseen", // not in the catalogue
	} {
		known := types.Find("acme", eventType)
		if got := x.Match(nil, fanout.Event{Tenant: "acme", Type: eventType, Known: known}); !slices.Equal(got, endpoints(want)) {
			t.Errorf("%s is for %v, want %v", eventType, got, endpoints(want))
		}
		if got := x.Match(nil, fanout.Event{Tenant: "acme", Type: eventType}); !slices.Equal(got, endpoints("cloudevents empty standard unseen")) {
			t.Errorf("%s, if the catalogue did not know it, is for %v, want the open dialects", eventType, got)
		}
	}
}

func TestMatchByDialectAndChannel(t *testing.T) {
	const message = "message.received"
	account, channel := []string{"endpoint a oneroute", "subscribe 1 a *"}, []string{"endpoint b oneroute", "subscribe 2 b@c1 message.*"}
	routes := slices.Clip(slices.Concat(account, channel)) // each append copies
	cases := []struct {
		name  string
		steps []string
		event string // its type, and its channel if it has one
		want  string
	}{
		{"becomes open", []string{"endpoint a roq", "subscribe 1 a *", "endpoint a standard"}, message, "a"},
		{"becomes closed", []string{"endpoint a standard", "subscribe 1 a *", "endpoint a roq"}, message, ""},
		{"from closed to closed", []string{"endpoint a roq", "subscribe 1 a *", "endpoint a oneroute"}, message, "a"},
		{"removed, and its id open anew", []string{"endpoint a roq", "no endpoint a", "subscribe 1 a *"}, message, "a"},

		{"its channel", []string{"subscribe 1 a@c1 *"}, message + " c1", "a"},
		{"another channel", []string{"subscribe 1 a@c1 *"}, message + " c2", ""},
		{"a channel, none asked for", []string{"subscribe 1 a *"}, message + " c1", "a"},
		{"no channel in the data", []string{"subscribe 1 a@c1 *", "subscribe 2 b *"}, message, "b"},
		{"a type without channels", []string{"subscribe 1 a@c1 *", "subscribe 2 b *"}, "room.joined c1", "b"},
		{"an unknown type", []string{"subscribe 1 a@c1 *", "subscribe 2 b *"}, "order.placed c1", "b"},
		{"its channel, another type", []string{"subscribe 1 a@c1 user.*"}, message + " c1", ""},
		{"its channel, no words", []string{"endpoint a roq", "subscribe 1 a@c1 *"}, message + " c1", ""},
		{"two of its channels", []string{"subscribe 1 a@c1 *", "subscribe 2 a@c2 *"}, message + " c2", "a"},
		{"moved to another channel", []string{"subscribe 1 a@c1 *", "subscribe 1 a@c2 *"}, message + " c1", ""},
		{"moved to another channel, there", []string{"subscribe 1 a@c1 *", "subscribe 1 a@c2 *"}, message + " c2", "a"},
		{"channel given up", []string{"subscribe 1 a@c1 *", "subscribe 1 a *"}, message + " c2", "a"},
		{"channel removed", []string{"subscribe 1 a@c1 *", "no subscribe 1"}, message + " c1", ""},
		{"one of two on the channel removed", []string{"subscribe 1 a@c1 *", "subscribe 2 b@c1 *", "no subscribe 1"}, message + " c1", "b"},

		{"the channel's own endpoint comes first", routes, message + " c1", "b"},
		{"not on another channel", routes, message + " c2", "a"},
		{"not without a channel", routes, message, "a"},
		{"whoever came first", slices.Concat(channel, account), message + " c1", "b"},
		{"two of the channel's own", append(routes, "endpoint c oneroute", "subscribe 3 c@c1 *"), message + " c1", "b c"},
		{"another channel's own", append(routes, "endpoint c oneroute", "subscribe 3 c@c2 *"), message + " c1", "b"},
		{"other dialects stay", append(routes, "endpoint c standard", "subscribe 3 c *", "subscribe 4 d *", "endpoint e cloudevents", "subscribe 5 e@c1 *"), message + " c1", "b c d e"},
		{"another dialect's channel displaces nobody", append(account, "endpoint c standard", "subscribe 3 c@c1 *"), message + " c1", "a c"},
		{"both ways", append(routes, "subscribe 3 b *"), message + " c1", "b"},
		{"both ways, elsewhere", append(routes, "subscribe 3 b *"), message + " c2", "a b"},
		{"both ways, open", []string{"subscribe 1 a *", "subscribe 2 a@c1 *"}, message + " c1", "a"},
		{"own endpoint for another type", append(account, "endpoint b oneroute", "subscribe 2 b@c1 message.removed"), message + " c1", "a"},
		{"own endpoint removed", append(routes, "no subscribe 2", "no endpoint b"), message + " c1", "a"},
		{"own endpoint changes its dialect", append(routes, "endpoint b standard"), message + " c1", "a b"},
	}
	types := catalogue.New()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			x := fanout.NewIndex()
			follow(x, c.steps...)
			eventType, channel, _ := strings.Cut(c.event, " ")
			e := fanout.Event{Tenant: "acme", Type: eventType, Known: types.Find("acme", eventType), Data: on(channel)}
			want := append([]schemas.EndpointID{"already"}, endpoints(c.want)...)
			if got := x.Match([]schemas.EndpointID{"already"}, e); !slices.Equal(got, want) {
				t.Errorf("%s is for %v, want %v", c.event, got, want)
			}
			e.Tenant = "other"
			if got := x.Match(nil, e); len(got) > 0 {
				t.Errorf("%s of another tenant is for %v", c.event, got)
			}
		})
	}
}

// gets is the definition of who gets an event, read from Match's comment. It
// knows subscriptions by id and dialects by endpoint.
func gets(have map[schemas.SubscriptionID]schemas.Subscription, dialects map[schemas.EndpointID]schemas.Dialect, e fanout.Event, channel string) []schemas.EndpointID {
	wants := func(s schemas.Subscription) bool {
		return s.Tenant == e.Tenant && (s.Channel == "" || s.Channel == channel) &&
			slices.ContainsFunc(s.Types, func(p schemas.TypePattern) bool { return matches(p, e.Type) })
	}
	ownRoute := false
	for _, s := range have {
		ownRoute = ownRoute || wants(s) && s.Channel != "" && dialects[s.Endpoint] == schemas.DialectOneRoute
	}
	var found []schemas.EndpointID
	for _, s := range have {
		d := dialects[s.Endpoint]
		stepsBack := ownRoute && d == schemas.DialectOneRoute && s.Channel == ""
		if wants(s) && e.Known.In(d) && !stepsBack {
			found = append(found, s.Endpoint)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestDialectsAgreeWithTheDefinition changes subscriptions and dialects at
// random and compares, step by step, with what the definition finds.
func TestDialectsAgreeWithTheDefinition(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	types := map[string]*catalogue.Type{
		"a": {Channel: "/c", Dialects: map[schemas.Dialect]catalogue.Words{schemas.DialectOneRoute: {Name: "A"}, schemas.DialectROQ: {Name: "A"}}},
		"b": {Channel: "/c"},
		"c": {Dialects: map[schemas.Dialect]catalogue.Words{schemas.DialectOneRoute: {Name: "C"}}},
	}
	for range 50 {
		x := fanout.NewIndex()
		have, dialects := map[schemas.SubscriptionID]schemas.Subscription{}, map[schemas.EndpointID]schemas.Dialect{}
		for range 100 {
			endpoint := schemas.EndpointID("ep_" + pick("x", "y", "z"))
			s := schemas.Subscription{ID: schemas.SubscriptionID("sub_" + pick("1", "2", "3", "4", "5", "6")), Tenant: schemas.TenantID(pick("t", "t", "u")), Endpoint: endpoint}
			switch random.IntN(4) {
			case 0:
				d := schemas.Dialect(pick("", "roq", "oneroute", "oneroute"))
				dialects[endpoint] = d
				x.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: endpoint, Dialect: d}})
			case 1:
				drop(x, s.ID)
				delete(have, s.ID)
			default:
				s.Channel = pick("", "1", "2")
				for range 1 + random.IntN(2) {
					s.Types = append(s.Types, schemas.TypePattern(pick("a", "b", "*", "c")))
				}
				put(x, s)
				have[s.ID] = s
			}
			e := fanout.Event{Tenant: s.Tenant, Type: pick("a", "a", "b", "c", "d")}
			e.Known = types[e.Type]
			channel := pick("", "1", "2")
			if channel != "" {
				e.Data = []byte(`{"c":"` + channel + `"}`)
			}
			if e.Known == nil || e.Known.Channel == "" {
				channel = ""
			}
			if want, got := gets(have, dialects, e, channel), x.Match(nil, e); !slices.Equal(got, want) {
				t.Fatalf("%s on %q of %s is for %v, want %v of %v with %v", e.Type, channel, e.Tenant, got, want, have, dialects)
			}
		}
	}
}
