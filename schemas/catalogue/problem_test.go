package catalogue

import (
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// schemaType is a type with just a schema.
func schemaType(t testing.TB, schema string) *Type {
	t.Helper()
	x := &Type{Type: "x", Schema: []byte(schema)}
	if where, err := compile(x); err != nil {
		t.Fatalf("%s: %s: %v", schema, where, err)
	}
	return x
}

func TestProblem(t *testing.T) {
	const user = `{"anyOf": [{"$ref": "https://tidings.dev/schemas/defs/roamUser.json"}, {"type": "null"}]}`
	for _, c := range []struct{ schema, data, want string }{
		{`{"type": "string"}`, `1`, `data: must be a string, is a number`},
		{`{"type": ["object", "null", "array"]}`, `true`, `data: must be an array or an object or null, is a boolean`},
		{`{"type": "integer"}`, `1.5`, `data: must be an integer, is a number`},
		{`{"type": "object"}`, ``, `data: must be an object, is null`},
		{`{"type": "object"}`, `{`, `data: is not JSON: unexpected EOF`},
		{`{"type": "object"}`, `{} {}`, `data: is not JSON: there is more after the value`},
		{`{"required": ["b", "a"]}`, `{}`, `data/b: is missing`},
		{`{"additionalProperties": false}`, `{"b/~": 1, "c": 1}`, `data/b~1~0: is not a known member`},
		{`{"properties": {"a": false}}`, `{"a": 1}`, `data/a: may not be there`},
		{`{"dependentRequired": {"a": ["b"]}}`, `{"a": 1}`, `data/b: is missing, and "a" needs it`},
		{`{"enum": ["a", 1, null]}`, `"b"`, `data: must be one of "a", 1, null`},
		{`{"const": {"a": 1}}`, `"b"`, `data: must be {"a":1}`},
		{`{"format": "date-time"}`, `"x"`, `data: must be a time of RFC 3339, like "2026-01-02T15:04:05Z"`},
		{`{"format": "uuid"}`, `"x"`, `data: must be of the format "uuid"`},
		{`{"format": "email"}`, `"x"`, `data: must be an e-mail address`},
		{`{"format": "uri"}`, `"x"`, `data: must be an absolute URI`},
		{`{"format": "date"}`, `"x"`, `data: must be a date, like "2026-01-02"`},
		{`{"pattern": "^a$"}`, `"x"`, `data: must match the pattern ^a$`},
		{`{"not": {"type": "null"}}`, `null`, `data: must not match what the schema excludes`},
		{`{"oneOf": [{"minimum": 1}, {"maximum": 9}]}`, `5`, `data: must match one alternative only, matches several`},
		{`{"oneOf": [{"type": "string"}, {"type": "null"}]}`, `5`, `data: must be a string or null, is a number`},
		{`{"minLength": 2}`, `"x"`, `data: must have at least 2 characters, has 1`},
		{`{"minLength": 2}`, `""`, `data: must not be empty`},
		{`{"maxLength": 1}`, `"xx"`, `data: must have at most 1 character, has 2`},
		{`{"minItems": 1}`, `[]`, `data: must have at least 1 element, has 0`},
		{`{"maxItems": 1}`, `[1, 2]`, `data: must have at most 1 element, has 2`},
		{`{"uniqueItems": true}`, `[1, 2, 1]`, `data: must not repeat an element: 0 and 2 are the same`},
		{`{"minProperties": 1}`, `{}`, `data: must have at least 1 member, has 0`},
		{`{"maxProperties": 0}`, `{"a": 1}`, `data: must have at most 0 members, has 1`},
		{`{"contains": {"const": 1}}`, `[2]`, `data: lacks an element that the schema demands`},
		{`{"contains": {"const": 1}, "minContains": 2}`, `[1]`, `data: must have at least 2 of the elements that the schema demands, has 1`},
		{`{"contains": {"const": 1}, "maxContains": 1}`, `[1, 1]`, `data: must have at most 1 of the elements that the schema limits, has 2`},
		{`{"minimum": 1}`, `0`, `data: must be at least 1`},
		{`{"maximum": 1.5}`, `2`, `data: must be at most 1.5`},
		{`{"exclusiveMinimum": 1e30}`, `0`, `data: must be more than 1e+30`},
		{`{"exclusiveMaximum": 1}`, `1`, `data: must be less than 1`},
		{`{"multipleOf": 3}`, `1`, `data: must be a multiple of 3`},
		{`{"propertyNames": {"maxLength": 1}}`, `{"ab": 1}`, `data: the member name "ab" is not allowed where it stands`},
		{`{"unevaluatedProperties": false}`, `{"a": 1}`, `data/a: may not be there`},
		{`{"items": {"type": "string"}}`, `["a","a",1,"a","a","a","a","a","a","a",1]`, `data/2: must be a string, is a number`},
		{`{"allOf": [{"required": ["z"]}, {"properties": {"b": {"type": "null"}}}]}`, `{"b": 1}`, `data/b: must be null, is a number`},
		{user, `{"id": "u", "name": 1}`, `data/name: must be a string, is a number`},
		{user, `7`, `data: must be an object or null, is a number`},
		{`{"anyOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"a": {"properties": {"b": {"type": "null"}}}}}]}`, `{"a": {"b": 1}}`, `data/a/b: must be null, is a number`},
	} {
		x := schemaType(t, c.schema)
		err := x.Validate([]byte(c.data))
		if err == nil || err.Error() != c.want || !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("%s of %s:\ngot  %v\nwant %s", c.data, c.schema, err, c.want)
		}
	}
}

func TestEnumOfManyIsCut(t *testing.T) {
	x := schemaType(t, `{"enum": [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22]}`)
	if err := x.Validate([]byte(`0`)); err == nil || !strings.HasSuffix(err.Error(), "19, 20, …") {
		t.Errorf("got %v", err)
	}
}

// TestProblemIsStable wants the same text of data that is wrong all over.
func TestProblemIsStable(t *testing.T) {
	x := builtinByType()["user.updated"]
	data := []byte(`{"current": {"email": 1, "id": "", "active": "x"}, "previous": 7, "more": 1, "and": 2}`)
	want := x.Validate(data).Error()
	for range 200 {
		if got := x.Validate(data).Error(); got != want {
			t.Fatalf("%s, then %s", want, got)
		}
	}
	if want != "data/and: is not a known member" {
		t.Error(want)
	}
}

// TestNumbers are those that a calculation would take long for, or panic at.
func TestNumbers(t *testing.T) {
	long := strings.Repeat("7", 1<<20)
	x := schemaType(t, `{"properties": {"n": {"type": "integer", "minimum": 10, "maximum": 9007199254740995}}}`)
	start := time.Now()
	for _, c := range []struct{ n, want string }{
		{"9007199254740993", ""},
		{"9007199254740995", ""},
		{"9007199254740996", "data/n: must be at most 9007199254740995"},
		{"1e2", ""},
		{"1e999999", "data/n: must be at most 9007199254740995"},
		{"1e9999999", "data/n: must be at most 9007199254740995"},
		{"-1e9999999", "data/n: must be at least 10"},
		{"1e-9999999", "data/n: must be at least 10"},
		{"11.5", "data/n: must be an integer, is a number"},
		{long, "data/n: must be at most 9007199254740995"},
		{"0." + long, "data/n: must be an integer, is a number"},
	} {
		text := ""
		if err := x.Validate([]byte(`{"n": ` + c.n + `}`)); err != nil {
			text = err.Error()
		}
		if text != c.want {
			t.Errorf("%.20s: got %q, want %q", c.n, text, c.want)
		}
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	room := builtinByType()["room.message.published"]
	if err := room.Validate([]byte(`{"id":"m","body":1e9999999,"roomId":"r","timestamp":1736071201200,"event":"e"}`)); err != nil {
		t.Errorf("a free value may be any number: %v", err)
	}
}
