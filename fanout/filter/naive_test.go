package filter_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/fanout/filter"
	"github.com/tidings-dev/tidings/schemas"
)

// naive is what schemas.Filter's comment says, over decoded data. An expression
// is taken for what its random maker meant by it.
func naive(f schemas.Filter, attributes map[string]string, data any) bool {
	switch {
	case f.Exact != nil:
		return compare(f.Exact, attributes, data, func(have, want string) bool { return have == want })
	case f.Prefix != nil:
		return compare(f.Prefix, attributes, data, strings.HasPrefix)
	case f.Suffix != nil:
		return compare(f.Suffix, attributes, data, strings.HasSuffix)
	case f.All != nil:
		for _, of := range f.All {
			if !naive(of, attributes, data) {
				return false
			}
		}
		return true
	case f.Any != nil:
		for _, of := range f.Any {
			if naive(of, attributes, data) {
				return true
			}
		}
		return false
	case f.Not != nil:
		return !naive(*f.Not, attributes, data)
	case f.SQL != "":
		var name, want string
		_, _ = fmt.Sscanf(f.SQL, "%s = %q", &name, &want)
		have, ok := attributes[name]
		return ok && have == want
	default:
		var name, want string
		_, _ = fmt.Sscanf(f.CEL, "data.%s == %q", &name, &want)
		members, _ := data.(map[string]any)
		return members[name] == want
	}
}

func compare(by, attributes map[string]string, data any, fits func(have, want string) bool) bool {
	for name, want := range by {
		found := false
		if name[0] != '/' {
			have, ok := attributes[name]
			found = ok && fits(have, want)
		} else {
			for _, value := range values(data, strings.Split(name[1:], "/")) {
				switch value.(type) {
				case string, json.Number, bool:
					found = found || fits(fmt.Sprint(value), want)
				}
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func values(value any, segments []string) (found []any) {
	if len(segments) == 0 {
		return []any{value}
	}
	switch v := value.(type) {
	case []any:
		for i, element := range v {
			if segments[0] == "*" || segments[0] == strconv.Itoa(i) {
				found = append(found, values(element, segments[1:])...)
			}
		}
	case map[string]any:
		for name, member := range v {
			if segments[0] == "*" || segments[0] == name {
				found = append(found, values(member, segments[1:])...)
			}
		}
	}
	return found
}

// maker makes filters and events of few words, so that they often meet.
type maker struct{ *rand.Rand }

func (m maker) word(words ...string) string { return words[m.IntN(len(words))] }

func (m maker) value() string { return m.word("1", "2", "12", "true", "x", "xy") }

func (m maker) pairs() map[string]string {
	pairs := map[string]string{}
	for range 1 + m.IntN(2) {
		pairs[m.word("subject", "region", "type", "/a", "/b", "/a/b", "/a/*", "/*/a", "/b/0", "/b/*/a", "/*/*")] = m.value()
	}
	return pairs
}

func (m maker) filters(depth int) (all []schemas.Filter) {
	for range 1 + m.IntN(2) {
		all = append(all, m.filter(depth))
	}
	return all
}

func (m maker) filter(depth int) schemas.Filter {
	n := 8
	if depth == 0 {
		n = 5
	}
	switch m.IntN(n) {
	case 0:
		return schemas.Filter{Exact: m.pairs()}
	case 1:
		return schemas.Filter{Prefix: m.pairs()}
	case 2:
		return schemas.Filter{Suffix: m.pairs()}
	case 3:
		return schemas.Filter{SQL: fmt.Sprintf("%s = %q", m.word("subject", "region", "type"), m.word("x", "xy"))}
	case 4:
		return schemas.Filter{CEL: fmt.Sprintf("data.%s == %q", m.word("a", "b"), m.word("x", "xy", "1"))}
	case 5:
		return schemas.Filter{All: m.filters(depth - 1)}
	case 6:
		return schemas.Filter{Any: m.filters(depth - 1)}
	default:
		f := m.filter(depth - 1)
		return schemas.Filter{Not: &f}
	}
}

// data is JSON, in which an object may have a member twice.
func (m maker) data(depth int) string {
	n := 6
	if depth == 0 {
		n = 4
	}
	var parts []string
	switch m.IntN(n) {
	case 0:
		return m.word("1", "2", "12", "true", "null")
	case 1, 2, 3:
		return m.word(`"x"`, `"xy"`, `"\u0078"`, `"1"`, `"true"`)
	case 4:
		for range m.IntN(3) {
			parts = append(parts, m.data(depth-1))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		for range m.IntN(4) {
			parts = append(parts, m.word(`"a"`, `"b"`, `"\u0061"`)+" : "+m.data(depth-1))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
}

func (m maker) event() (map[string]string, schemas.Header) {
	attributes := map[string]string{"type": m.word("x", "xy")}
	for _, name := range []string{"subject", "region"} {
		if m.IntN(3) > 0 {
			attributes[name] = m.value()
		}
	}
	h := header()
	for name, value := range attributes {
		h["ce-"+name] = []string{value}
	}
	return attributes, h
}

// TestFiltersAgreeWithTheDefinition tries random filters on random events.
func TestFiltersAgreeWithTheDefinition(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := maker{rand.New(rand.NewPCG(seed, 0))}
	compiler, met := filter.NewCompiler(), 0
	var e filter.Event
	for range 600 {
		all := m.filters(3)
		condition, err := compiler.Compile(all)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			attributes, h := m.event()
			text := m.data(3)
			var data any
			d := json.NewDecoder(strings.NewReader(text))
			d.UseNumber()
			if err := d.Decode(&data); err != nil {
				t.Fatal(err)
			}
			e.Reset(h, []byte(text))
			got, want := condition.Holds(&e), naive(schemas.Filter{All: all}, attributes, data)
			if _, failed := condition.Failure(&e); got != want || failed == want {
				t.Fatalf("%s on %v %s: %t (fails: %t), want %t", asText(all), attributes, text, got, failed, want)
			}
			if want {
				met++
			}
		}
	}
	if met < 1000 {
		t.Errorf("only %d of 12000 events met their filters", met)
	}
}

func asText(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// FuzzFilter compiles whatever comes, and tries what compiles: nothing panics,
// and what is refused is refused by an error for people.
func FuzzFilter(f *testing.F) {
	f.Add(`{"exact":{"/a/*":"x"}}`, `{"a":["x"]}`)
	f.Add(`{"sql":"subject LIKE 'a%' OR NOT (id IN ('1','2')) AND EXISTS x"}`, `null`)
	f.Add(`{"cel":"data.a.b[0].exists(x, x.y == 1) && size(data) > 1"}`, `{"a":{"b":[[{"y":1}]]}}`)
	f.Add(`{"not":{"any":[{"cel":"matches(subject, 'a+')"},{"sql":"ABS(-1) = 1"}]}}`, `[]`)
	f.Fuzz(func(t *testing.T, text, data string) {
		var one schemas.Filter
		if json.Unmarshal([]byte(text), &one) != nil {
			return
		}
		condition, err := filter.NewCompiler().Compile([]schemas.Filter{one})
		if err != nil {
			if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.HasPrefix(err.Error(), "filters[0]") {
				t.Errorf("%s: %v", text, err)
			}
			return
		}
		var e filter.Event
		e.Reset(header("subject", "aa"), []byte(data))
		holds := condition.Holds(&e)
		if f, failed := condition.Failure(&e); failed == holds || failed && (f.Where == "" || f.Why == "") {
			t.Errorf("%s on %s: %t, %+v", text, data, holds, f)
		}
	})
}
