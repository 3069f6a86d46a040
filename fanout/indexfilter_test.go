package fanout_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/fanout/filter"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// with is a subscription of the tenant "acme" to all types, with filters.
func with(id, endpoint string, filters ...schemas.Filter) schemas.Subscription {
	s := subscription(id + " " + endpoint + " *")
	s.Filters = filters
	return s
}

func exact(pairs ...string) schemas.Filter {
	by := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		by[pairs[i]] = pairs[i+1]
	}
	return schemas.Filter{Exact: by}
}

func about(data string, attributes ...string) fanout.Event {
	h := schemas.Header{"ce-specversion": {"1.0"}, "ce-id": {"1"}, "ce-source": {"/s"}, "ce-type": {"a.b"}}
	for i := 0; i < len(attributes); i += 2 {
		h["ce-"+attributes[i]] = []string{attributes[i+1]}
	}
	return fanout.Event{Tenant: "acme", Type: "a.b", Header: h, Data: []byte(data), Sequence: 10}
}

// party is a type whose data names whom it involves.
func party(t testing.TB) *catalogue.Type {
	known, err := catalogue.Parse("a.b.json", []byte(`{"type":"a.b","domain":"d","meaning":"It was.","involves":["/owner","/guests/*/id"],"channel":"/room",
		"schema":{"type":"object"},"valid":[{}],"invalid":[{"data":1,"error":"object"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func TestExplain(t *testing.T) {
	known := party(t)
	x := fanout.NewIndex()
	var refused []error
	x.Refused = func(err error) { refused = append(refused, err) }
	x.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: "ep_roam", Dialect: schemas.DialectRoam}})
	for _, id := range []schemas.EndpointID{"ep_one1", "ep_one2"} {
		x.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: id, Dialect: schemas.DialectOneRoute}})
	}
	change := func(s schemas.Subscription, by func(*schemas.Subscription)) schemas.Subscription {
		by(&s)
		return s
	}
	for _, s := range []schemas.Subscription{
		subscription("t1 types a.c a"),
		subscription("m1 match a.c"), subscription("m2 match a.b"), with("m3", "match", exact("subject", "other")),
		with("f1", "filter", exact("subject", "x"), exact("/a", "2", "/b", "3")), with("f0", "filter", exact("subject", "other")),
		with("b1", "broken", schemas.Filter{CEL: "data."}),
		change(with("u1", "mine"), func(s *schemas.Subscription) { s.User = []string{"u1", "u1@x"} }),
		change(with("u2", "theirs"), func(s *schemas.Subscription) { s.User = []string{"u9"} }),
		change(with("c1", "channel"), func(s *schemas.Subscription) { s.Channel = "r2" }),
		change(with("o1", "one1"), func(s *schemas.Subscription) { s.Channel = "r1" }), with("o2", "one2"),
		change(with("h1", "history"), func(s *schemas.Subscription) {
			s.History = &schemas.History{State: schemas.HistoryJoined, Until: 10}
		}),
		change(with("h2", "later"), func(s *schemas.Subscription) {
			s.History = &schemas.History{State: schemas.HistoryJoined, Until: 9}
		}),
		with("r1", "roam"),
	} {
		put(x, s)
	}
	other := with("x", "x")
	other.Tenant = "other"
	put(x, other)
	e := about(`{"owner":"nobody","guests":[{"id":"u1@x"}],"room":"r1","a":"1","b":3}`, "subject", "x")
	e.Known = known
	known.Dialects = map[schemas.Dialect]catalogue.Words{schemas.DialectOneRoute: {Name: "ab"}}
	want := strings.Fields(`broken:b1:filters channel:c1:channel filter:f1:filters[1].exact./a history:h1:history later:h2: match:m2: mine:u1:
		one1:o1: one2:o2:channel roam:r1:dialect theirs:u2:scope types:t1:types`)
	var got, matched []string
	for _, explained := range x.Explain(e) {
		got = append(got, fmt.Sprintf("%s:%s:%s", explained.Endpoint[3:], explained.Subscription[4:], explained.Condition))
		if explained.Matches {
			matched = append(matched, string(explained.Endpoint))
		}
		if explained.Matches != (explained.Detail == "") || strings.Contains(explained.Detail, "nobody") {
			t.Errorf("%+v", explained)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("explained %v\nwant      %v", got, want)
	}
	var found []string
	for _, id := range x.Match(nil, e) {
		found = append(found, string(id))
	}
	if !slices.Equal(found, matched) {
		t.Errorf("matches %v, explained as %v", found, matched)
	}
	if len(refused) != 1 || !strings.Contains(refused[0].Error(), "sub_b1") {
		t.Errorf("refused %v", refused)
	}
	if n := x.Failures(); n != 0 {
		t.Errorf("%d failures", n)
	}
}

// A change of the catalogue counts at once, and a type that is not known, or
// names nobody, involves nobody.
func TestPersonalAccessFailsClosed(t *testing.T) {
	x := fanout.NewIndex()
	s := with("1", "a")
	s.User = []string{"u1"}
	put(x, s)
	known := party(t)
	for _, c := range []struct {
		name, data string
		known      *catalogue.Type
		want       int
	}{
		{"involved", `{"owner":"u1"}`, known, 1},
		{"one of many", `{"owner":"u2","guests":[{"id":"u3"},{"id":"u1"}]}`, known, 1},
		{"another", `{"owner":"u2"}`, known, 0},
		{"twice: the last counts", `{"owner":"u1","owner":"u2"}`, known, 0},
		{"a list instead of an id", `{"owner":["u1"]}`, known, 0},
		{"an object instead of a list", `{"guests":{"x":{"id":"u1"}}}`, known, 0},
		{"no data", ``, known, 0},
		{"elsewhere", `{"u":"u1"}`, known, 0},
		{"a type that names nobody", `{"owner":"u1"}`, &catalogue.Type{}, 0},
		{"an unknown type", `{"owner":"u1"}`, nil, 0},
	} {
		e := about(c.data)
		if e.Known = c.known; len(x.Match(nil, e)) != c.want {
			t.Errorf("%s: found %v", c.name, x.Match(nil, e))
		}
	}
}

func TestCheckSubscription(t *testing.T) {
	c := catalogue.New()
	for _, test := range []struct {
		types, cel, want string
	}{
		{"user.updated", "data.statuss == 1", "filters[0].cel: 1:5: undefined field 'statuss'"},
		{"user.*", "data.statuss == 1", "undefined field"},
		{"user.*", "data.current.email == 'x'", ""},
		{"user.updated order.paid", "data.statuss == 1", ""},
		{"order.*", "data.statuss == 1", ""},
		{"order.*", "data.", "1:"},
		{"* user.updated user.updated", "data.nobody == 1", "undefined field"},
	} {
		s := subscription("1 a " + test.types)
		s.Filters = []schemas.Filter{{CEL: test.cel}}
		err := fanout.CheckSubscription(s, c)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %s: %v, want %q", test.types, test.cel, err, test.want)
		}
	}
}

// TestFilteredIndexAgreesWithTheDefinition changes an index at random and
// compares it with trying every subscription; package filter holds conditions to
// theirs.
func TestFilteredIndexAgreesWithTheDefinition(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	known, compiler := party(t), filter.NewCompiler()
	for range 30 {
		x, have := fanout.NewIndex(), map[schemas.SubscriptionID]schemas.Subscription{}
		for range 150 {
			s := subscription(pick("1", "2", "3", "4", "5", "6", "7") + " " + pick("a", "b", "c") + " " + pick("*", "a.b", "a.*", "b.b", "*.b a.b"))
			for range random.IntN(3) {
				f := exact(pick("subject", "/owner", "/a", "/guests/*/id"), pick("u1", "u2"))
				s.Filters = append(s.Filters, pick2(random, f, schemas.Filter{Not: &f}, schemas.Filter{All: []schemas.Filter{f}}, schemas.Filter{CEL: "data.a == 'u1'"}))
			}
			if random.IntN(3) == 0 {
				s.User = []string{pick("u1", "u2"), "u9"}
			}
			if random.IntN(4) == 0 {
				s.History = &schemas.History{State: schemas.HistoryJoined, Until: uint64(8 + random.IntN(4))}
			}
			if random.IntN(3) == 0 {
				drop(x, s.ID)
				delete(have, s.ID)
			} else {
				put(x, s)
				have[s.ID] = s
			}
			e := about(fmt.Sprintf(`{"owner":%q,"a":%q,"guests":[{"id":%q}]}`, pick("u1", "u2", "u3"), pick("u1", "u2"), pick("u1", "u9", "u3")), "subject", pick("u1", "u2", "u3"))
			if random.IntN(4) > 0 {
				e.Known = known
			}
			var want []schemas.EndpointID
			for _, s := range have {
				if takes(t, compiler, s, e) {
					want = append(want, s.Endpoint)
				}
			}
			slices.Sort(want)
			want = slices.Compact(want)
			got := x.Match(nil, e)
			var explained []schemas.EndpointID
			for _, each := range x.Explain(e) {
				if each.Matches {
					explained = append(explained, each.Endpoint)
				}
			}
			if !slices.Equal(got, want) || !slices.Equal(explained, want) {
				t.Fatalf("%s %v: matches %v, explained %v, want %v of %+v", e.Data, e.Header, got, explained, want, have)
			}
		}
	}
}

func pick2[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }

// takes is the definition of what a subscription without a channel gets.
func takes(t *testing.T, compiler *filter.Compiler, s schemas.Subscription, e fanout.Event) bool {
	t.Helper()
	if !slices.ContainsFunc(s.Types, func(p schemas.TypePattern) bool { return matches(p, e.Type) }) || !s.History.Live(e.Sequence) {
		return false
	}
	var data struct {
		Owner  string
		Guests []struct{ ID string }
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		t.Fatal(err)
	}
	involved := e.Known != nil && (slices.Contains(s.User, data.Owner) || len(data.Guests) > 0 && slices.Contains(s.User, data.Guests[0].ID))
	if len(s.User) > 0 && !involved {
		return false
	}
	condition, err := compiler.Compile(s.Filters)
	if err != nil {
		t.Fatal(err)
	}
	var event filter.Event
	event.Reset(e.Header, e.Data)
	return condition.Holds(&event)
}

// BenchmarkMatchFiltered finds what one event is for among subscriptions to its
// type that ask for more.
func BenchmarkMatchFiltered(b *testing.B) {
	const many = 100_000
	users := func(i int, s *schemas.Subscription) { s.User = []string{fmt.Sprint("u", i)} }
	data := fmt.Sprintf(`{"text":%q,"owner":"u7","guests":[{"id":"u8","name":"x"}],"status":"open","n":7}`, strings.Repeat("x", 500))
	for _, c := range []struct {
		name    string
		n, want int
		by      func(int, *schemas.Subscription)
	}{
		{"an attribute", many, 1, func(i int, s *schemas.Subscription) {
			s.Filters = []schemas.Filter{exact("subject", fmt.Sprint("u", i))}
		}},
		{"data", many, 1, func(i int, s *schemas.Subscription) {
			s.Filters = []schemas.Filter{exact("/owner", fmt.Sprint("u", i))}
		}},
		{"a list in data", many, 1, func(i int, s *schemas.Subscription) {
			s.Filters = []schemas.Filter{exact("/guests/*/id", fmt.Sprint("u", i), "/status", "open")}
		}},
		{"personal", many, 2, users},
		{"1000 of CEL", 1000, 1, func(i int, s *schemas.Subscription) {
			s.Filters = []schemas.Filter{{CEL: fmt.Sprintf("data.status == 'open' && data.n == %d", i)}}
		}},
		{"1000 of SQL", 1000, 1, func(i int, s *schemas.Subscription) {
			s.Filters = []schemas.Filter{{SQL: fmt.Sprintf("type = 'a.b' AND subject = 'u%d'", i)}}
		}},
		{"1000 of CEL without a key", 1000, 1, func(i int, s *schemas.Subscription) {
			s.Filters = []schemas.Filter{{CEL: fmt.Sprintf("data.status != 'closed' && data.n >= %d && data.n <= %d", i, i)}}
		}},
		{"1000 of SQL without a key", 1000, 1, func(i int, s *schemas.Subscription) {
			s.Filters = []schemas.Filter{{SQL: fmt.Sprintf("type != 'c' AND subject IN ('u%d')", i)}}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			x := fanout.NewIndex()
			for i := range c.n {
				s := subscription(fmt.Sprintf("%d %d a.b", i, i))
				c.by(i, &s)
				put(x, s)
			}
			e := about(data, "subject", "u7")
			e.Known = party(b)
			var found []schemas.EndpointID
			b.ReportAllocs()
			for b.Loop() {
				if found = x.Match(found[:0], e); len(found) != c.want {
					b.Fatalf("found %v", found)
				}
			}
		})
	}
}
