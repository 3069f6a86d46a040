package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/schemas"
)

func TestAliasesAndMergeKeys(t *testing.T) {
	got, err := read(t, `---
tenants:
  - id: acme
    endpoints:
      - &first
        id: ep_a
        url: https://a.example.com
        secrets: &keys [{value: !!str `+secretA+`}]
        policy: &policy {concurrency: 4}
      - <<: *first
        id: ep_b
        ? url
        : https://b.example.com
      - id: ep_c
        name: ~
        url: |-
          https://c.example.com
        secrets: *keys
        policy: {<<: *policy, concurrency: 5}
...
`)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, e := range got.Endpoints {
		words = append(words, fmt.Sprint(e.ID, " ", e.Name, e.URL, " ", e.Policy.Concurrency, " ", e.Secrets[0].Reveal() == secretA))
	}
	want := []string{"ep_a https://a.example.com 4 true", "ep_b https://b.example.com 4 true", "ep_c https://c.example.com 5 true"}
	if !reflect.DeepEqual(words, want) {
		t.Errorf("got  %q\nwant %q", words, want)
	}
}

func TestReadFileRefusesStrangeYAML(t *testing.T) {
	chain := "tenants:\n  - &a0 {id: a0}\n"
	for i := range 12 {
		chain += fmt.Sprintf("  - &a%d {<<: *a%d, id: a%d}\n", i+1, i, i+1)
	}
	wide := "types: &x [" + strings.Repeat("a, ", 999) + "a]\ntenants:\n" + strings.Repeat("  - {id: a, types: *x}\n", 120)
	cases := []struct{ name, text, want string }{
		{"broken", "tenants: [hunter2", ":1:10: is not YAML: sequence end token ']' not found"},
		{"broken, with a secret in the parser's words", "tenants: |x hunter2\n a", "is not YAML: invalid header option: …"},
		{"two documents", "tenants: []\n---\ntenants: []\n", ":2:1: is a second document: put all in one"},
		{"text", "hunter2\n", ":1:1: must be a mapping"},
		{"a list", "- hunter2\n", ":1:1: must be a mapping"},
		{"an alias of nothing", "tenants: *hunter2\n", ":1:10: the alias names no anchor before it"},
		{"an alias in its own anchor", "tenants: &a [{id: acme, endpoints: *a}]\n", "endpoints[0].url: is missing"},
		{"an alias without end", acme("subscriptions: [{types: [a.b], filters: &f [{all: *f}]}]"), "filters are nested deeper than 16"},
		{"many aliases without end", acme("subscriptions: [{types: [a.b], filters: &f [{all: *f}, {any: *f}]}]"), "yaml: its aliases repeat more than 100000 values"},
		{"an anchor twice", "tenants: &a [{id: &a acme}]\n", ":1:19: the anchor has the name of one before"},
		{"an anchor of an alias", "types: &a []\ntenants: &b *a\n", ":2:13: is not YAML"},
		{"a merge of a list", "types: &a []\n<<: *a\n", `:2:1: "<<" takes one alias of a mapping`},
		{"merges without end", chain, `"<<" takes one alias of a mapping, and at most 8 in a row`},
		{"a merge of itself", "tenants:\n  - &a {<<: *a, id: a}\n", `"<<" takes one alias of a mapping, and at most 8 in a row`},
		{"a tag", "tenants: !!binary hunter2\n", ":1:10: the tag has no meaning here"},
		{"a mapping for a name", "{a: b}: c\n", ":1:"},
		{"no name", "? \n: c\n", ":1:"},
		{"a number for a name", "1: c\n", ":1:1: 1: is unknown"},
		{"a name that is long and strange", `"` + strings.Repeat("a b", 100) + `": c` + "\n", `: ["a ba ba b`},
		{"lists too deep", strings.Repeat("[", 5000), ":1:101: is nested deeper than 100"},
		{"mappings too deep", strings.Repeat("{a: ", 5000), ":1:401: is nested deeper than 100"},
		{"entries too deep", strings.Repeat("- ", 5000), ":1:201: is nested deeper than 100"},
		{"a bomb of aliases", wide, "its aliases repeat more than 100000 values"},
		{"too large", "# " + strings.Repeat("a", 16<<20), "is larger than 16384 KiB"},
		{"a number too large", acme("policy: {concurrency: 99999999999999999999}"), "policy.concurrency: must be a whole number"},
		{"a fraction", acme("policy: {concurrency: 1.5}"), "policy.concurrency: must be a whole number"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d, err := read(t, c.text)
			refused(t, d, err, "tidings.yaml:", c.want)
		})
	}
}

// TestReadFileManyTimes: what was read before has no part in what is read now.
func TestReadFileManyTimes(t *testing.T) {
	path := writeFiles(t, acme("url: https://example.com", "secrets: [{value: "+secretA+"}]", "subscribe: [a.b]"), nil)
	first, err := config.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if again, err := config.ReadFile(path); err != nil || !reflect.DeepEqual(first, again) {
			t.Fatalf("got %+v, %v; before %+v", again, err, first)
		}
	}
}

// FuzzReadFile wants each file read or refused: with its name, a field wherever
// the YAML is whole, and without what only a secret says.
func FuzzReadFile(f *testing.F) {
	for _, text := range []string{
		everything, everyDialect, "", "tenants: [", "a: &a [*a]\n", "<<: {a: b}\n", "? {a: b}\n: c\n", "%YAML 1.2\n---\n", "tenants: [{id: acme, endpoints: [{secrets: [{value: x}]}]}]",
		acme("url: https://example.com", "secrets: [{value: hunter2}]", "headers: {X-Key: {value: hunter2}}"), "\xff\xfe", "a: \"\\q\"\n", "- - - a\n", "a: |2\n  b\n", "!!map {a: 1}", "tenants: !x\n",
	} {
		f.Add([]byte(text))
	}
	dir := f.TempDir()
	path := filepath.Join(dir, "tidings.yaml")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := config.ReadFile(path)
		if err == nil {
			valid(t, d)
			return
		}
		wellSaid(t, path, err)
		if !reflect.DeepEqual(d, config.Declarations{}) {
			t.Errorf("a part of it was returned: %+v", d)
		}
	})
}

// valid wants what was read to be fit for the registry.
func valid(t *testing.T, d config.Declarations) {
	t.Helper()
	var errs []error
	for _, e := range d.Endpoints {
		errs = append(errs, e.Validate())
	}
	for _, s := range d.Subscriptions {
		errs = append(errs, s.Validate())
	}
	for _, k := range d.Tokens {
		errs = append(errs, k.Validate())
	}
	if err := errors.Join(errs...); err != nil {
		t.Errorf("this is wrong, and was not refused: %v", err)
	}
}

// wellSaid wants problems that have what there is to say.
func wellSaid(t *testing.T, path string, err error) {
	t.Helper()
	var m *config.Mistakes
	if !errors.As(err, &m) || !schemas.HasCode(err, schemas.CodeInvalid) || len(m.Problems) == 0 || len(m.Problems) > config.MaxProblems {
		t.Fatalf("got %v", err)
	}
	for _, p := range m.Problems {
		if p.File != path || p.Problem == "" || p.Field != "" && p.Line < 1 || (p.Line == 0) != (p.Column == 0) {
			t.Errorf("a problem lacks something: %+v", p)
		}
	}
}
