package cli

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-01-01T00:00:00Z":      time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		"2026-01-01T00:00:00+01:00": time.Date(2025, 12, 31, 23, 0, 0, 0, time.UTC),
		"90m":                       now.Add(-90 * time.Minute),
		"3d":                        now.Add(-72 * time.Hour),
		"0s":                        now,
	} {
		if got, err := parseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "-1h", "-1d", "1.5d", "99999999d", "yesterday", "2026-01-01", "h", "1"} {
		if got, err := parseTime(text, now); !errors.Is(err, errTime) {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}

func TestSetMember(t *testing.T) {
	for _, c := range []struct {
		object, set, want string
		added             bool
	}{
		{`{"a":1}`, "a=2", `{"a":2}`, false},
		{`{"a":1}`, "a=text", `{"a":"text"}`, false},
		{`{"a":1}`, `a="2"`, `{"a":"2"}`, false},
		{`{"a":1}`, "a=", `{"a":""}`, false},
		{`{"a":1}`, "a=b=c", `{"a":"b=c"}`, false},
		{`{"a":1}`, "a=null", `{"a":null}`, false},
		{`{"a":1}`, "a=12345678901234567890", `{"a":12345678901234567890}`, false},
		{`{"a":1}`, "b=true", `{"a":1,"b":true}`, true},
		{`{"a":{"b":1}}`, "a.b=[1]", `{"a":{"b":[1]}}`, false},
		{`{"a":{}}`, "a.b.c=1", `{"a":{"b":{"c":1}}}`, true},
		{`{"a":null}`, "a.b=1", `{"a":{"b":1}}`, true},
		{`{"a":[1,{"b":2}]}`, "a.1.b=3", `{"a":[1,{"b":3}]}`, false},
		{`{"a":[1,2]}`, "a.0=3", `{"a":[3,2]}`, false},
		{`{"a":[1,2]}`, "a.2=3", "a is a list of 2: its elements are 0 to 1", false},
		{`{"a":[1,2]}`, "a.x=3", "a is a list of 2: its elements are 0 to 1", false},
		{`{"a":1}`, "a.b=3", `a is no object, so it has no member "b"`, false},
		{`{}`, "a", "Write it like path.of.member=value", false},
		{`{}`, "=1", "Write it like path.of.member=value", false},
		{`{}`, "a..b=1", "Write it like path.of.member=value", false},
	} {
		var object any
		if err := decodeWhole([]byte(c.object), &object); err != nil {
			t.Fatal(err)
		}
		path, value, err := parseSet(c.set)
		added := false
		if err == nil {
			added, err = setMember(object, path, value)
		}
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s in %s: %v, want %s", c.set, c.object, err, c.want)
			}
			continue
		}
		if got := string(asJSON(object)); got != c.want || added != c.added {
			t.Errorf("%s in %s: %s, added %t", c.set, c.object, got, added)
		}
	}
}

func TestFlatten(t *testing.T) {
	got := flatten("", json.RawMessage(`{"z":1,"a":{"b":"x","c":{"d":[1,2]}},"e":{},"f":["x","y"],"g":null,"h":"2026-01-31T12:00:00.123+01:00","i":[]}`))
	want := [][]string{{"z", "1"}, {"a.b", "x"}, {"a.c.d", "[1,2]"}, {"e", "{}"}, {"f", "x, y"}, {"g", ""}, {"h", "2026-01-31T11:00:00Z"}, {"i", "[]"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := flatten("", json.RawMessage(`[1]`)); got != nil {
		t.Errorf("of a list: %v", got)
	}
}

// TestFeed reads events in each form, and says which one is wrong.
func TestFeed(t *testing.T) {
	event := func(id string) string {
		return `{"specversion":"1.0","id":"` + id + `","source":"/s","type":"t","data":{"n":1}}`
	}
	for name, c := range map[string]struct {
		input string
		want  int
		fail  string
	}{
		"one":              {event("a"), 1, ""},
		"indented":         {"\ufeff \n" + strings.ReplaceAll(event("a"), ",", ",\n  ") + "\n", 1, ""},
		"one a line":       {event("a") + "\n\n" + event("b") + "\r\n" + event("c"), 3, ""},
		"a list":           {"[" + event("a") + ",\n" + event("b") + "]\n", 2, ""},
		"an empty list":    {" [ ] ", 0, ""},
		"nothing":          {" \n", 0, "there is no event in it"},
		"no id":            {event("a") + `{"specversion":"1.0","source":"/s","type":"t"}`, 1, "event 2: "},
		"no object":        {`["a"]`, 0, "event 1: is no object"},
		"a number":         {`7`, 0, "event 1: is no object"},
		"cut short":        {event("a") + event("b")[:20], 1, "event 2: unexpected EOF"},
		"a list cut short": {"[" + event("a") + ",", 1, "event 2: unexpected EOF"},
		"a list not ended": {"[" + event("a"), 1, "event 2: unexpected EOF"},
		"behind a list":    {"[" + event("a") + "] x", 1, "there is something after the list"},
		"no JSON":          {"id: a", 0, "event 1: "},
	} {
		f, err := newFeed(strings.NewReader(c.input))
		count := 0
		for err == nil {
			if _, err = f.next(); err == nil {
				count++
			}
		}
		if count != c.want || c.fail == "" != errors.Is(err, io.EOF) || c.fail != "" && !strings.Contains(err.Error(), c.fail) {
			t.Errorf("%s: %d events, %v, want %d and %q", name, count, err, c.want, c.fail)
		}
	}
}

// TestBatches bounds batches by their number and their size, and sends what is good
// of an input that can be read once.
func TestBatches(t *testing.T) {
	event := func(size int) string {
		return `{"specversion":"1.0","id":"a","source":"/s","type":"t","data":"` + strings.Repeat("x", size) + `"}` + "\n"
	}
	for name, c := range map[string]struct {
		input string
		skip  int
		want  []int
		fail  bool
	}{
		"by number": {strings.Repeat(event(1), 1001), 0, []int{500, 500, 1}, false},
		"by size":   {strings.Repeat(event(1<<20), 9), 0, []int{3, 3, 3}, false},
		"skipped":   {strings.Repeat(event(1), 600), 99, []int{500, 1}, false},
		"all":       {event(1), 5, nil, false},
		"broken":    {event(1) + event(1) + "{", 0, []int{2}, true},
	} {
		var got []int
		p := &Publishing{skip: c.skip}
		err := p.batches(strings.NewReader(c.input), func(b []json.RawMessage) error {
			got = append(got, len(b))
			return nil
		})
		if diff := cmp.Diff(c.want, got); diff != "" || (err != nil) != c.fail {
			t.Errorf("%s: %v, -want +got:\n%s", name, err, diff)
		}
	}
	refused := errors.New("refused")
	err := (&Publishing{}).batches(strings.NewReader(event(1)), func([]json.RawMessage) error { return refused })
	if !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}
