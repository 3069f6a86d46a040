package pointer_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas/pointer"
)

func TestAppend(t *testing.T) {
	cases := []struct{ name, pointer, data, want string }{
		{"a member", "/a", `{"a":1}`, `1`},
		{"among others", "/b/c", `{"a":{"c":0},"b":{"x":[{}],"c":"yes"},"d":2}`, `"yes"`},
		{"spaces", "/a/b", " { \"a\" :\n{\t\"b\" : [ 1 , 2 ] } } ", `[ 1 , 2 ]`},
		{"nobody", "/x", `{"a":1}`, ``},
		{"below a scalar", "/a/b", `{"a":1}`, ``},
		{"no object", "/a", `[1]`, ``},
		{"an element", "/a/1", `{"a":[5,6,7]}`, `6`},
		{"beyond", "/a/3", `{"a":[5,6,7]}`, ``},
		{"a leading zero", "/a/01", `{"a":[5,6,7]}`, ``},
		{"an index of an object", "/1", `{"1":"one"}`, `"one"`},
		{"no array", "/a/*", `{"a":[]}`, ``},
		{"every element", "/a/*/b", `{"a":[{"b":1},{"c":2},{"b":3}]}`, `1 3`},
		{"a member called *", "/*", `{"*":1,"b":2}`, `1`},
		{"twice: the last counts", "/a/b", `{"a":{"b":1},"a":{"b":2,"b":3}}`, `3`},
		{"twice: the first is as if it were not there", "/a/b", `{"a":{"b":1},"a":{}}`, ``},
		{"twice, escaped", "/a", `{"a":1,"\u0061":2}`, `2`},
		{"an escaped pointer", "/a~1b~0c", `{"a/b~c":1}`, `1`},
		{"an empty name", "/", `{"":1}`, `1`},
		{"quotes", "/a", `{"b":"\"a\":0,","a":"\\"}`, `"\\"`},
		{"no JSON", "/a", `{"a":`, ``},
		{"no data", "/a", ``, ``},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := pointer.Parse(c.pointer)
			if err != nil {
				t.Fatal(err)
			}
			if got := join(p.Append(nil, []byte(c.data))); got != c.want {
				t.Errorf("%s of %s is %s, want %s", c.pointer, c.data, got, c.want)
			}
		})
	}
}

func TestWide(t *testing.T) {
	p, err := pointer.ParseWide("/*/x")
	if err != nil {
		t.Fatal(err)
	}
	if got := join(p.Append(nil, []byte(`{"a":{"x":1},"b":[{"x":9}],"a":{"x":2},"c":{"x":3}}`))); got != "2 3" {
		t.Errorf("got %s", got)
	}
}

func TestTexts(t *testing.T) {
	p, err := pointer.Parse("/*")
	if err != nil {
		t.Fatal(err)
	}
	data := `["a\u00e9\n","é",12345678901234567890,1.0,true,false,null,{},[],""]`
	if got, want := join(p.Texts(nil, []byte(data))), "aé\n é 12345678901234567890 1.0 true false "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	bad := []byte("[\"\xff\"]")
	if got := join(p.Texts(nil, bad)); got != "\ufffd" {
		t.Errorf("got %q of a string that is no UTF-8, as encoding/json would not", got)
	}
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		"a": `starts with "/"`, "": `starts with "/"`, "/~": "~0", "/a~2": "~0", "/a~": "~0", "/a~0~1": "", "/": "", "/*/b": "",
	} {
		_, err := pointer.Parse(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// naive is what a pointer leads to in decoded data.
func naive(value any, segments []string, members bool) (found []any) {
	if len(segments) == 0 {
		return []any{value}
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(segments[0])
	switch v := value.(type) {
	case []any:
		for i, element := range v {
			if segments[0] == "*" || segments[0] == strconv.Itoa(i) {
				found = append(found, naive(element, segments[1:], members)...)
			}
		}
	case map[string]any:
		if segments[0] == "*" && members {
			for _, name := range slices.Sorted(maps.Keys(v)) {
				found = append(found, naive(v[name], segments[1:], members)...)
			}
		} else if member, ok := v[name]; ok {
			found = naive(member, segments[1:], members)
		}
	}
	return found
}

func FuzzAppend(f *testing.F) {
	f.Add("/a/*/b", `{"a":[{"b":1},{"b":"x"}],"a":{"b":[true,null]}}`, true)
	f.Add("/*/0", `[[1,2],{"0":"\u00e9"}]`, false)
	f.Add("/a", `{"a`, false)
	f.Fuzz(func(t *testing.T, text, data string, members bool) {
		parse := pointer.Parse
		if members {
			parse = pointer.ParseWide
		}
		p, err := parse(text)
		if err != nil {
			return
		}
		got := p.Append(nil, []byte(data))
		var value any
		if json.Unmarshal([]byte(data), &value) != nil {
			return
		}
		var want, have []string
		for _, v := range naive(value, strings.Split(text[1:], "/"), members) {
			want = append(want, canonical(t, v))
		}
		for _, raw := range got {
			var v any
			if err := json.Unmarshal(raw, &v); err != nil {
				t.Fatalf("%s of %s: %s is no JSON", text, data, raw)
			}
			have = append(have, canonical(t, v))
		}
		slices.Sort(want)
		slices.Sort(have)
		if !slices.Equal(have, want) {
			t.Errorf("%s of %s: %v, want %v", text, data, have, want)
		}
	})
}

func canonical(t *testing.T, v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func join(values [][]byte) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, " ")
}
