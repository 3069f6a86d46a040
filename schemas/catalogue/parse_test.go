package catalogue

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tidings-dev/tidings/schemas"
)

// small is a file with one of everything.
const small = `{
  "type": "parcel.sent",
  "domain": "parcels",
  "meaning": "A parcel was sent.",
  "dialects": {"roam": {"name": "parcel:sent", "members": ["id"]}},
  "involves": ["/to/*/email"],
  "filters": {"id": "/id"},
  "channel": "/id",
  "schema": {
    "type": "object",
    "required": ["id"],
    "properties": {
      "id": {"type": "string", "minLength": 1},
      "to": {"type": "array", "items": {"$ref": "https://tidings.dev/schemas/defs/participant.json"}}
    },
    "additionalProperties": false
  },
  "valid": [{"id": "p1"}],
  "invalid": [{"data": {"id": 1}, "error": "data/id: must be a string"}]
}`

func mustParse(t testing.TB, name, file string) *Type {
	t.Helper()
	x, err := Parse(name, []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestParse(t *testing.T) {
	x := mustParse(t, "types/parcel.sent.json", small)
	if x.Type != "parcel.sent" || x.Domain != "parcels" || x.Meaning != "A parcel was sent." || x.Channel != "/id" ||
		x.Dialects[schemas.DialectRoam].Name != "parcel:sent" || x.Involves[0] != "/to/*/email" || x.Filters["id"] != "/id" ||
		string(x.Valid[0]) != `{"id": "p1"}` || x.Invalid[0].Error != "data/id: must be a string" {
		t.Errorf("got %+v", x)
	}
	if string(x.Definition()) != small {
		t.Errorf("the definition is %s", x.Definition())
	}
}

// TestParseRefuses changes one thing in a file that is right.
func TestParseRefuses(t *testing.T) {
	const file = "parcel.sent.json: "
	for _, c := range []struct{ old, changed, want string }{
		{small, ``, file + `must be an object, is null`},
		{small, `[]`, file + `must be an object, is an array`},
		{`"p1"}]`, `"p1"}`, file + `is not JSON: invalid character ':' after array element`},
		{`}]` + "\n}", `}]` + "\n}{}", file + `is not JSON: there is more after the value`},
		{`"domain"`, `"colour": 1, "domain"`, file + `colour: is not a known member`},
		{`"domain"`, `"Domain"`, file + `Domain: is not a known member`},
		{`"domain": "parcels",`, ``, file + `domain: is missing`},
		{`"parcels"`, `"parcels | lost"`, file + `domain: must match the pattern ^[a-zA-Z0-9_]+$`},
		{`"A parcel was sent."`, `7`, file + `meaning: must be a string, is a number`},
		{`"A parcel was sent."`, `""`, file + `meaning: must not be empty`},
		{`"parcel.sent"`, `"parcel.lost"`, file + `type: the file of "parcel.lost" must be called "parcel.lost.json"`},
		{`"parcel.sent"`, `"parcel..sent"`, file + `type: must match the pattern ^[a-zA-Z0-9_]+([.][a-zA-Z0-9_]+)*$`},
		{`"roam"`, `"slack"`, file + `dialects/slack: dialect "slack" is unknown: use "standard"`},
		{`"roam"`, `""`, file + `dialects/: a dialect without a name: leave it out`},
		{`"roam"`, `"standard"`, file + `dialects/standard: the dialect carries every type under the type's own name: leave it out`},
		{`"name": "parcel:sent"`, `"name": ""`, file + `dialects/roam/name: must not be empty`},
		{`"name": "parcel:sent", `, ``, file + `dialects/roam/name: is missing`},
		{`"name": "parcel:sent"`, `"called": "parcel:sent"`, file + `dialects/roam/called: is not a known member`},
		{`["id"]}},`, `["di"]}},`, file + `dialects/roam/members/0: the schema has no member "di"`},
		{`["id"]}},`, `[]}},`, file + `dialects/roam/members: must have at least 1 element, has 0`},
		{`["id"]}},`, `["id", "id"]}},`, file + `dialects/roam/members: must not repeat an element: 0 and 1 are the same`},
		{`"/to/*/email"`, `"to"`, file + `involves/0: write a JSON pointer, which starts with "/"`},
		{`"/to/*/email"`, `"/to~2"`, file + `involves/0: write "~0" for "~" and "~1" for "/" in a JSON pointer`},
		{`{"id": "/id"}`, `{"id": ""}`, file + `filters/id: write a JSON pointer, which starts with "/"`},
		{`{"id": "/id"}`, `{"a/b": "/to/*/email"}`, file + `filters/a~1b: point at one value: "*" stands for several`},
		{`{"id": "/id"}`, `{"": "/id"}`, file + `filters: a filter has no name: give it one`},
		{`"channel": "/id"`, `"channel": "id"`, file + `channel: write a JSON pointer, which starts with "/"`},
		{`"type": "object",`, `"type": "objekt",`, file + `schema/type: must be one of "array", "boolean", "integer", "null", "number", "object", "string"`},
		{`"minLength": 1`, `"minLength": -1`, file + `schema/properties/id/minLength: must be at least 0`},
		{`"minLength": 1`, `"pattern": "(?=a)"`, file + `schema/properties/id/pattern: must be a regular expression as Go knows them (RE2)`},
		{`defs/participant.json"`, `defs/nobody.json"`, file + `schema: it refers to "https://tidings.dev/schemas/defs/nobody.json": a schema may refer to itself and to https://tidings.dev/schemas/defs/chatMessage.json, `},
		{`https://tidings.dev/schemas/defs/participant.json`, `https://example.com/x.json`, file + `schema: it refers to "https://example.com/x.json": a schema may`},
		{`https://tidings.dev/schemas/defs/participant.json`, `file:///etc/passwd`, file + `schema: it refers to "file:///etc/passwd": a schema may`},
		{`"required": ["id"],`, `"$schema": "http://json-schema.org/draft-07/schema#",`, file + `schema/$schema: must be "https://json-schema.org/draft/2020-12/schema"`},
		{`"valid": [{"id": "p1"}]`, `"valid": []`, file + `valid: must have at least 1 element, has 0`},
		{`"valid": [{"id": "p1"}]`, `"valid": [{"id": "p1"}, {"id": ""}]`, file + `valid/1: data/id: must not be empty`},
		{`"invalid": [`, `"invalid": [], "x": [`, file + `invalid: must have at least 1 element, has 0`},
		{`{"id": 1}`, `{"id": "p2"}`, file + `invalid/0: the schema allows this data: change one of them`},
		{`must be a string"`, `must be a number"`, file + `invalid/0: the error is "data/id: must be a string, is a number", and does not contain "data/id: must be a number"`},
		{`"data": {"id": 1}, `, ``, file + `invalid/0/data: is missing`},
	} {
		changed := strings.Replace(small, c.old, c.changed, 1)
		if changed == small {
			t.Errorf("%q is not in the file", c.old)
		}
		_, err := Parse("parcel.sent.json", []byte(changed))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("%s for %s:\ngot  %v\nwant %s", c.changed, c.old, err, c.want)
		}
	}
}

func TestParseTakesWhatIsOptional(t *testing.T) {
	x := mustParse(t, "x.json", `{"type": "x", "domain": "d", "meaning": "M.", "schema": {"type": "null"}, "valid": [null],
		"invalid": [{"data": 0, "error": "data: must be null, is a number"}]}`)
	if err := x.Validate(nil); err != nil {
		t.Errorf("no data is not null: %v", err)
	}
	// A URL that is relative is the shared schema's too.
	mustParse(t, "parcel.sent.json", strings.Replace(small, "https://tidings.dev/schemas/defs/", "defs/", 1))
}

func TestReadDir(t *testing.T) {
	b := strings.ReplaceAll(small, "parcel.sent", "a.b")
	dir := fstest.MapFS{
		"parcel.sent.json": {Data: []byte(small)},
		"a.b.json":         {Data: []byte(b)},
		"README.md":        {Data: []byte("not a type")},
		"more/x.json":      {Data: []byte("nor this")},
	}
	types, err := ReadDir(dir)
	if err != nil || len(types) != 2 || types[0].Type != "a.b" || types[1].Type != "parcel.sent" {
		t.Fatalf("got %v, %v", types, err)
	}
	dir["c.json"] = &fstest.MapFile{Data: []byte(b)}
	if _, err := ReadDir(dir); err == nil || !strings.HasPrefix(err.Error(), `c.json: type: the file of "a.b"`) {
		t.Errorf("got %v", err)
	}
}
