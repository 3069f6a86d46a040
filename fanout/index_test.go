package fanout_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// subscription is a short way to write one of the tenant "acme": "id endpoint
// pattern pattern …".
func subscription(text string) schemas.Subscription {
	f := strings.Fields(text)
	s := schemas.Subscription{ID: schemas.SubscriptionID("sub_" + f[0]), Tenant: "acme", Endpoint: schemas.EndpointID("ep_" + f[1])}
	for _, p := range f[2:] {
		s.Types = append(s.Types, schemas.TypePattern(p))
	}
	return s
}

func put(x *fanout.Index, s schemas.Subscription) { x.Apply(schemas.Change{Subscription: &s}) }

// drop removes as the registry tells it: by the id alone.
func drop(x *fanout.Index, id schemas.SubscriptionID) {
	x.Apply(schemas.Change{Subscription: &schemas.Subscription{ID: id}, Removed: true})
}

func TestMatch(t *testing.T) {
	cases := []struct {
		name  string
		steps []string // subscriptions put in turn; "-id" removes one
		event string
		want  string // endpoints
	}{
		{"nothing", nil, "user.created", ""},
		{"exact", []string{"1 a user.created"}, "user.created", "a"},
		{"another type", []string{"1 a user.created"}, "user.removed", ""},
		{"a longer type", []string{"1 a user.created"}, "user.created.twice", ""},
		{"a shorter type", []string{"1 a user.created"}, "user", ""},
		{"a prefix of a segment", []string{"1 a user.create"}, "user.created", ""},
		{"another case", []string{"1 a user.created"}, "User.created", ""},
		{"all", []string{"1 a *"}, "user.created", "a"},
		{"all, one segment", []string{"1 a *"}, "ping", "a"},
		{"tail of one", []string{"1 a user.*"}, "user.created", "a"},
		{"tail of many", []string{"1 a user.*"}, "user.email.changed", "a"},
		{"tail of none", []string{"1 a user.*"}, "user", ""},
		{"inner", []string{"1 a user.*.changed"}, "user.email.changed", "a"},
		{"inner is one segment", []string{"1 a user.*.changed"}, "user.email.address.changed", ""},
		{"inner is not none", []string{"1 a user.*.changed"}, "user.changed", ""},
		{"first", []string{"1 a *.created"}, "room.created", "a"},
		{"first and last", []string{"1 a *.email.*"}, "user.email.changed.again", "a"},
		{"only wildcards", []string{"1 a *.*"}, "user.created", "a"},
		{"only wildcards, too short", []string{"1 a *.*"}, "user", ""},
		{"two endpoints", []string{"1 b user.*", "2 a user.created"}, "user.created", "a b"},
		{"two patterns", []string{"1 a user.* user.created *"}, "user.created", "a"},
		{"two subscriptions", []string{"1 a user.*", "2 a *.created"}, "user.created", "a"},
		{"the same pattern twice", []string{"1 a user.* user.*"}, "user.created", "a"},
		{"removed", []string{"1 a user.created", "-1"}, "user.created", ""},
		{"one of two removed", []string{"1 a user.created", "2 a user.created", "-1"}, "user.created", "a"},
		{"both removed", []string{"1 a user.created", "2 a user.created", "-1", "-2"}, "user.created", ""},
		{"the same pattern twice, removed", []string{"1 a user.* user.*", "-1"}, "user.created", ""},
		{"what was never there is removed", []string{"1 a user.created", "-2"}, "user.created", "a"},
		{"removed twice", []string{"1 a user.created", "2 b *", "-1", "-1"}, "user.created", "b"},
		{"a prefix removed", []string{"1 a user.*", "2 b user.created", "-1"}, "user.created", "b"},
		{"a longer one removed", []string{"1 a user.*", "2 b user.created", "-2"}, "user.created", "a"},
		{"patterns updated", []string{"1 a user.created", "1 a user.removed"}, "user.created", ""},
		{"patterns updated, new", []string{"1 a user.created", "1 a user.removed"}, "user.removed", "a"},
		{"endpoint updated", []string{"1 a user.created", "1 b user.created"}, "user.created", "b"},
		{"put twice and removed", []string{"1 a user.created", "1 a user.created", "-1"}, "user.created", ""},
		{"put again", []string{"1 a user.created", "-1", "1 a user.created"}, "user.created", "a"},
		{"a type with a star", []string{"1 a user.*.x", "2 b user.y.x"}, "user.*.x", "a"},
		{"a type with empty segments", []string{"1 a user.*.x", "2 b *"}, "user..x", "a b"},
		{"a type that ends in a dot", []string{"1 a user.*", "2 b user"}, "user.", "a"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			x := fanout.NewIndex()
			for _, step := range c.steps {
				if id, removed := strings.CutPrefix(step, "-"); removed {
					drop(x, schemas.SubscriptionID("sub_"+id))
				} else {
					put(x, subscription(step))
				}
			}
			want := []schemas.EndpointID{"already"}
			for e := range strings.FieldsSeq(c.want) {
				want = append(want, schemas.EndpointID("ep_"+e))
			}
			if got := x.Match([]schemas.EndpointID{"already"}, fanout.Event{Tenant: "acme", Type: c.event}); !slices.Equal(got, want) {
				t.Errorf("%s matches %v, want %v", c.event, got, want)
			}
			if got := x.Match(nil, fanout.Event{Tenant: "other", Type: c.event}); len(got) > 0 {
				t.Errorf("%s of another tenant matches %v", c.event, got)
			}
		})
	}
}

func TestTenantsAreKeptApart(t *testing.T) {
	x := fanout.NewIndex()
	for _, tenant := range []schemas.TenantID{"acme", "beta"} {
		x.Apply(schemas.Change{Tenant: &schemas.Tenant{ID: tenant}})
		s := subscription(string(tenant) + " " + string(tenant) + " *")
		s.Tenant = tenant
		put(x, s)
	}
	check := func(tenant schemas.TenantID, known bool, want ...schemas.EndpointID) {
		t.Helper()
		if got := x.Match(nil, fanout.Event{Tenant: tenant, Type: "user.created"}); !slices.Equal(got, want) {
			t.Errorf("%q: matched %v, want %v", tenant, got, want)
		}
		if _, got := x.Tenant(tenant); got != known {
			t.Errorf("%q: known is %t, want %t", tenant, got, known)
		}
	}
	check("acme", true, "ep_acme")
	check("beta", true, "ep_beta")
	check("nobody", false)
	check("", false)
	x.Apply(schemas.Change{Tenant: &schemas.Tenant{ID: "acme"}, Removed: true})
	drop(x, "sub_acme")
	check("acme", false)
	check("beta", true, "ep_beta")

	// A subscription that moves to another tenant leaves the first.
	moved := subscription("beta beta *")
	put(x, moved)
	check("acme", false, "ep_beta")
	check("beta", true)
}

// matches is the definition of a match, read from TypePattern's comment.
func matches(p schemas.TypePattern, eventType string) bool {
	pattern, segments := p.Segments(), strings.Split(eventType, ".")
	for i, s := range pattern {
		if i >= len(segments) {
			return false
		}
		if s == schemas.Wildcard {
			if i == len(pattern)-1 {
				return true
			}
			continue
		}
		if s != segments[i] {
			return false
		}
	}
	return len(segments) == len(pattern)
}

// TestIndexAgreesWithTheDefinition changes an index at random and compares it,
// step by step, with what the definition finds.
func TestIndexAgreesWithTheDefinition(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	word := func(words string) string { return string(words[random.IntN(len(words))]) }
	path := func(words string) string {
		segments := make([]string, 1+random.IntN(4))
		for i := range segments {
			segments[i] = word(words)
		}
		return strings.Join(segments, ".")
	}
	for range 30 {
		x := fanout.NewIndex()
		have := map[schemas.SubscriptionID]schemas.Subscription{}
		for range 100 {
			id := schemas.SubscriptionID("sub_" + word("abcdefgh"))
			if random.IntN(3) == 0 {
				drop(x, id)
				delete(have, id)
			} else {
				s := schemas.Subscription{ID: id, Tenant: schemas.TenantID(word("tu")), Endpoint: schemas.EndpointID("ep_" + word("xyz"))}
				for range 1 + random.IntN(3) {
					s.Types = append(s.Types, schemas.TypePattern(path("ab*")))
				}
				put(x, s)
				have[id] = s
			}
			tenant, eventType := schemas.TenantID(word("tu")), path("abc*")
			var want []schemas.EndpointID
			for _, s := range have {
				if s.Tenant == tenant && slices.ContainsFunc(s.Types, func(p schemas.TypePattern) bool { return matches(p, eventType) }) {
					want = append(want, s.Endpoint)
				}
			}
			slices.Sort(want)
			want = slices.Compact(want)
			if got := x.Match(nil, fanout.Event{Tenant: tenant, Type: eventType}); !slices.Equal(got, want) {
				t.Fatalf("%s of %s matches %v, want %v of %v", eventType, tenant, got, want, have)
			}
		}
	}
}

// BenchmarkMatch finds the one endpoint, of 100,000 subscriptions, that an
// event is for. It wants no memory for that, in dialects that are asked for
// their words too.
func BenchmarkMatch(b *testing.B) {
	for _, c := range []struct {
		name    string
		tenants int
		dialect schemas.Dialect
	}{{"one tenant", 1, ""}, {"1000 tenants", 1000, ""}, {"closed dialect", 1, schemas.DialectRoam}} {
		b.Run(c.name, func(b *testing.B) {
			const subscriptions = 100_000
			x := fanout.NewIndex()
			known := &catalogue.Type{Dialects: map[schemas.Dialect]catalogue.Words{schemas.DialectRoam: {Name: "changed"}}}
			events := make([]fanout.Event, subscriptions)
			for i := range events {
				events[i] = fanout.Event{
					Tenant: schemas.TenantID(fmt.Sprintf("t%d", i%c.tenants)),
					Type:   fmt.Sprintf("service%d.thing%d.changed", i%100, i),
					Known:  known,
				}
				s := schemas.Subscription{
					ID:       schemas.SubscriptionID(fmt.Sprintf("sub_%d", i)),
					Tenant:   events[i].Tenant,
					Endpoint: schemas.EndpointID(fmt.Sprintf("ep_%d", i)),
					Types:    []schemas.TypePattern{schemas.TypePattern(events[i].Type)},
				}
				x.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: s.Endpoint, Tenant: s.Tenant, Dialect: c.dialect}})
				put(x, s)
			}
			var found []schemas.EndpointID
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if found = x.Match(found[:0], events[i*7919%subscriptions]); len(found) != 1 {
					b.Fatalf("found %v", found)
				}
			}
		})
	}
}

// BenchmarkMatchOnAChannel finds the channel's own endpoint in a tenant that has
// many channels. How many makes no difference: what it costs is to read the
// channel from the data, which [catalogue.Type.ChannelOf] tells.
func BenchmarkMatchOnAChannel(b *testing.B) {
	known := catalogue.New().Find("acme", "message.received")
	data := known.Valid[0]
	own := known.ChannelOf(data)
	for _, channels := range []int{1, 100_000} {
		b.Run(fmt.Sprint(channels), func(b *testing.B) {
			x := fanout.NewIndex()
			for i := range channels {
				s := subscription(fmt.Sprintf("%d %d message.received", i, i))
				if s.Channel = fmt.Sprint(i); i == 0 {
					s.Channel = own
				}
				put(x, s)
			}
			var found []schemas.EndpointID
			b.ReportAllocs()
			for b.Loop() {
				if found = x.Match(found[:0], fanout.Event{Tenant: "acme", Type: known.Type, Known: known, Data: data}); len(found) != 1 {
					b.Fatalf("found %v", found)
				}
			}
		})
	}
	b.Run("reading it", func(b *testing.B) {
		for b.Loop() {
			if known.ChannelOf(data) != own {
				b.Fatal("another channel")
			}
		}
	})
}

// A match takes no memory of its own, once there is one to be used again: the
// race detector makes a sync.Pool forget some, so the best of many counts.
func TestMatchAllocatesNothing(t *testing.T) {
	x := fanout.NewIndex()
	follow(x, everyDialect()...)
	e := fanout.Event{Tenant: "acme", Type: "user.updated", Known: catalogue.New().Find("acme", "user.updated")}
	found := make([]schemas.EndpointID, 0, 16)
	least := math.Inf(1)
	for range 100 {
		least = min(least, testing.AllocsPerRun(1, func() { found = x.Match(found[:0], e) }))
	}
	if least > 0 || len(found) != 5 {
		t.Errorf("%v allocations, found %v", least, found)
	}
}
