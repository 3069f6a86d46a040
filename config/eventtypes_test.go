package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// definition is the file of an event type whose data has one number.
func definition(eventType, field string) string {
	return fmt.Sprintf(`{
		"type": %q, "domain": "orders", "meaning": "An order <was> placed.",
		"dialects": {"relaybox": {"name": "order:place", "members": [%[2]q]}},
		"involves": ["/users/*/id"], "filters": {"by": "/by"}, "channel": "/shop/id",
		"schema": {"type": "object", "required": [%[2]q], "properties": {%[2]q: {"type": "number", "maximum": 1e3}}},
		"valid": [{%[2]q: 1.50}], "invalid": [{"data": null, "error": "data: must be an object"}]
	}`, eventType, field)
}

// told are event types in words: whose, what, and its schema.
// The rest must be as in [definition].
func told(t *testing.T, d config.Declarations) []string {
	t.Helper()
	var words []string
	for _, e := range d.EventTypes {
		known, err := catalogue.Parse(e.Type+".json", e.Definition)
		if err != nil {
			t.Fatalf("what was read does not parse: %v", err)
		}
		words = append(words, fmt.Sprintf("%q %s %s", e.Tenant, e.Type, known.Schema))
		order := known.Dialects[schemas.DialectRelayBox]
		if order.Name != "order:place" || len(order.Members) != 1 || len(known.Involves) != 1 || known.Filters["by"] != "/by" ||
			known.Channel != "/shop/id" || len(known.Valid) != 1 || len(known.Invalid) != 1 || known.Meaning != "An order <was> placed." {
			t.Errorf("%s lost something: %s", e.Type, e.Definition)
		}
	}
	return words
}

func TestReadFileWithEventTypes(t *testing.T) {
	elsewhere := t.TempDir() // an absolute folder
	if err := os.WriteFile(filepath.Join(elsewhere, "order.returned.json"), []byte(definition("order.returned", "sum")), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readBeside(t, `
types: [types, more/types, `+elsewhere+`]
tenants:
  - id: acme
    types: [acme]
  - id: beta
    types: [beta]
    endpoints:
      - id: ep_beta
        url: https://example.com
        dialect: relaybox
        secrets: [{value: key}]
        subscribe: ["order:place"]
`, map[string]string{
		"types/order.placed.json":        definition("order.placed", "total"),
		"types/order.canceled.json":      definition("order.canceled", "total"),
		"types/README.md":                "Not a type.",
		"types/old/order.forgotten.json": "{",
		"more/types/order.paid.json":     definition("order.paid", "total"),
		"acme/order.placed.json":         definition("order.placed", "sum"),
		"acme/user.created.json":         definition("user.created", "sum"),
		"beta/order.placed.json":         definition("order.placed", "total"),
	})
	if err != nil {
		t.Fatal(err)
	}
	schema := func(field string) string {
		known, err := catalogue.Parse("x.json", []byte(definition("x", field)))
		if err != nil {
			t.Fatal(err)
		}
		return string(known.Schema)
	}
	total, sum := schema("total"), schema("sum")
	want := []string{
		`"" order.canceled ` + total, `"" order.placed ` + total, `"" order.paid ` + total, `"" order.returned ` + sum,
		`"acme" order.placed ` + sum, `"acme" user.created ` + sum, `"beta" order.placed ` + total,
	}
	if words := told(t, got); !reflect.DeepEqual(words, want) {
		t.Errorf("got  %q\nwant %q", words, want)
	}
	if s := got.Subscriptions; len(s) != 1 || !reflect.DeepEqual(s[0].Types, []schemas.TypePattern{"order.placed"}) {
		t.Errorf("subscriptions %+v, want the type that bears the name among the tenant's own", s)
	}
}

func TestReadFileRefusesBadEventTypes(t *testing.T) {
	const (
		forAll  = "types: [mine]\n"
		forAcme = "tenants: [{id: acme, types: [mine]}]\n"
	)
	one := func(name, content string) map[string]string { return map[string]string{name: content} }
	good := definition("order.placed", "total")
	twice := map[string]string{"mine/order.placed.json": good, "more/order.placed.json": good}
	cases := []struct {
		name, text string
		files      map[string]string
		want       []string
	}{
		{"no JSON", forAll, one("mine/order.placed.json", "{"), []string{"types[0]: ", "mine: order.placed.json: is not JSON"}},
		{"of a tenant", forAcme, one("mine/order.placed.json", "{"), []string{"tenants[0].types[0]: ", "mine: order.placed.json: is not JSON"}},
		{"a member is missing", forAll, one("mine/order.placed.json", `{"type": "order.placed"}`), []string{"mine: order.placed.json: ", "is missing"}},
		{"an unknown member", forAll, one("mine/order.placed.json", strings.Replace(good, "involves", "concerns", 1)), []string{"mine: order.placed.json: ", "concerns"}},
		{"the name of another type", forAll, one("mine/order.paid.json", good), []string{`mine: order.paid.json: type: the file of "order.placed" must be called "order.placed.json"`}},
		{"an example that is none", forAll, one("mine/order.placed.json", strings.Replace(good, "1.50", `"1.50"`, 1)), []string{"mine: order.placed.json: valid/0: data/total: must be a number, is a string"}},
		{"an unknown dialect", forAll, one("mine/order.placed.json", strings.Replace(good, "relaybox", "latin", 1)), []string{`mine: order.placed.json: dialects/latin: dialect "latin" is unknown`}},
		{"the good beside the bad", forAll, map[string]string{"mine/a.json": "", "mine/order.placed.json": good}, []string{"mine: a.json: "}},
		{"no such folder", forAll, nil, []string{"types[0]: ", "mine: holds no event type, or does not exist"}},
		{"no such folder of a tenant", forAcme, nil, []string{"tenants[0].types[0]: ", "mine: holds no event type, or does not exist"}},
		{"a folder of something else", forAll, one("mine/README.md", good), []string{"mine: holds no event type, or does not exist"}},
		{"a file for a folder", forAll, one("mine", good), []string{"mine: holds no event type, or does not exist"}},
		{"twice for all", "types: [mine, more]\n", twice, []string{`event type "order.placed" is defined twice`}},
		{"twice for a tenant", "tenants: [{id: acme, types: [mine, more]}]\n", twice, []string{`event type "order.placed" is defined twice`}},
		{"a folder twice", "types: [mine, ./mine]\n", twice, []string{`event type "order.placed" is defined twice`}},
		{"text for a list", "types: mine\n", twice, []string{":1:1: types: must be a list"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d, err := readBeside(t, c.text, c.files)
			refused(t, d, err, append(c.want, "tidings.yaml")...)
		})
	}
}
