package fanout_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/fanout/filter"
	"github.com/tidings-dev/tidings/schemas"
)

// writer writes expressions and events of few words, so that they often meet.
type writer struct{ *rand.Rand }

func (w writer) word(words ...string) string { return words[w.IntN(len(words))] }

// place is where CEL finds a value.
func (w writer) place() string {
	return w.word("data.a", "data.b", "data['a']", "data.a.b", "data.b[0]", "data.b[1].a", "dyn(data).a", "dyn(data.a)", "data.`a/b`", "data['*']", "data['']",
		"data['0']", "data", "subject", "type", "attributes.region", "attributes['subject']", "attributes['none']", "dyn(subject)", "data[type]")
}

func (w writer) constant() string {
	return w.word(`'x'`, `"xy"`, `'1'`, `''`, `'true'`, `r'\u0078'`, `'\u0078'`, `1`, `1u`, `1.0`, `10`, `1e1`, `-0.0`, `0`, `true`, `null`, `[1]`, `9007199254740993`, `9007199254740992.0`)
}

func (w writer) cel(depth int) string {
	if depth == 0 {
		a, b := w.place(), w.constant()
		if !strings.HasPrefix(a, "data") && a[0] != 'd' {
			b = w.word(`'x'`, `'xy'`, `'1'`, `''`)
		}
		if w.IntN(3) == 0 {
			a, b = b, a
		}
		return a + w.word(" == ", " == ", " == ", " == ", " != ") + b
	}
	a, b := w.cel(depth-1), w.cel(depth-1)
	switch w.IntN(10) {
	case 0:
		return "(" + a + " || " + b + ")"
	case 1:
		return "!(" + a + ")"
	case 2:
		return "(" + a + " ? " + b + " : " + w.cel(depth-1) + ")"
	case 3:
		return "(has(data.a) && " + a + ")"
	case 4:
		return "((" + a + ") == (" + b + "))"
	case 5:
		return "(" + w.place() + " in ['x', 1]) && " + a
	case 6:
		return "[1].all(x, " + a + ")"
	default:
		return "(" + a + " && " + b + ")"
	}
}

func (w writer) sql(depth int) string {
	if depth == 0 {
		a := w.word("subject", "Region", "type", "source", "time", "none", "datacontenttype")
		b := w.word(`'x'`, `"xy"`, `'1'`, `''`, `1`, `TRUE`, `'X'`, `'\'x'`, `"/s"`)
		if w.IntN(3) == 0 {
			a, b = b, a
		}
		return a + w.word(" = ", " = ", " = ", " != ") + b
	}
	a, b := w.sql(depth-1), w.sql(depth-1)
	switch w.IntN(8) {
	case 0:
		return a + " OR " + b
	case 1:
		return "NOT (" + a + ")"
	case 2:
		return a + " XOR " + b
	case 3:
		return "(" + a + ") = (" + b + ")"
	case 4:
		return "EXISTS subject AND " + a
	default:
		return w.word("("+a+") AND ("+b+")", a+" AND "+b)
	}
}

func (w writer) value(depth int) string {
	if depth == 0 || w.IntN(3) > 0 {
		return w.word(`"x"`, `"xy"`, `"\u0078"`, `"1"`, `"true"`, `""`, `1`, `1.0`, `10`, `1e1`, `100e-1`, `0`, `-0`, `true`, `null`, `9007199254740993`, "\"\xff\"")
	}
	var parts []string
	for range w.IntN(4) {
		part := w.value(depth - 1)
		if depth%2 == 0 {
			parts = append(parts, part)
			continue
		}
		parts = append(parts, w.word(`"a"`, `"b"`, `"\u0061"`, `"a/b"`, `"*"`, `""`, `"0"`)+" : "+part)
	}
	if depth%2 == 0 {
		return "[" + strings.Join(parts, " , ") + "]"
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (w writer) event() fanout.Event {
	var members []string
	for range 1 + w.IntN(5) { // some of them twice
		members = append(members, w.word(`"a"`, `"a"`, `"b"`, `"a/b"`, `"*"`, `""`, `"0"`)+":"+w.value(1+w.IntN(3)))
	}
	data := "{" + strings.Join(members, ",") + w.word("}", "}", "} ", "}}", "")
	e := about(w.word(data, data, data, w.value(2), ""))
	for _, name := range []string{"subject", "region"} {
		if w.IntN(4) > 0 {
			e.Header["ce-"+name] = []string{w.word("x", "xy", "1", "%78", "true", "0", "")}
		}
	}
	return e
}

// TestKeysLoseNothing has an index find subscriptions by what their expressions
// say must be equal, and tries every expression on the same event.
func TestKeysLoseNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	w := writer{rand.New(rand.NewPCG(seed, 0))}
	compiler, met, keyed := filter.NewCompiler(), 0, 0
	for range 60 {
		x, conditions := fanout.NewIndex(), map[schemas.EndpointID]*filter.Condition{}
		for len(conditions) < 60 {
			f := schemas.Filter{CEL: w.cel(w.IntN(4))}
			if w.IntN(3) == 0 {
				f = schemas.Filter{SQL: w.sql(w.IntN(4))}
			}
			condition, err := compiler.Compile([]schemas.Filter{f})
			if err != nil {
				continue // of types that cannot be compared
			}
			if len(condition.Keys()) > 0 {
				keyed++
			}
			s := with(fmt.Sprint(len(conditions)), fmt.Sprint(len(conditions)), f)
			put(x, s)
			conditions[s.Endpoint] = condition
		}
		for range 60 {
			e := w.event()
			got := x.Match(nil, e)
			for endpoint, condition := range conditions {
				var event filter.Event
				event.Reset(e.Header, e.Data)
				want := condition.Holds(&event)
				if want {
					met++
				}
				if slices.Contains(got, endpoint) != want {
					t.Fatalf("%s is found: %t, want %t; %+v on %s %v", endpoint, !want, want, condition.Keys(), e.Data, e.Header)
				}
			}
		}
	}
	t.Logf("%d of 3600 had keys, %d of 216000 matched", keyed, met)
	if met < 5000 || keyed < 500 {
		t.Error("the test shows too little")
	}
}

// A subscription is found by the key that tells it from the others, and all are
// gone when they are removed.
func TestTheKeyThatFewestShare(t *testing.T) {
	x := fanout.NewIndex()
	var all []schemas.Subscription
	for i := range 200 {
		s := with(fmt.Sprint(i), fmt.Sprint(i), schemas.Filter{SQL: fmt.Sprintf("region = 'eu' AND none > 2 AND subject = '%d'", i)})
		all = append(all, s)
		put(x, s)
	}
	e := about(`{}`, "region", "eu", "subject", "7")
	x.Match(nil, e)                // what is tried cannot be judged, so that it is counted
	if n := x.Failures(); n != 2 { // the first has none to tell it from
		t.Errorf("%d expressions were tried", n)
	}
	for _, s := range all {
		drop(x, s.ID)
	}
	if x.Match(nil, e); x.Failures() != 2 {
		t.Error("some are still tried")
	}
}
