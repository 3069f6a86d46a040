package catalogue

import (
	"encoding/json"
	"strings"
	"testing"
)

// quickSchemas have what the built-in types have not.
var quickSchemas = []string{
	`{}`,
	`{"type": "object", "properties": {"é": {"type": "null"}, "a": true, "b": false}, "required": ["a", "c"], "additionalProperties": {"type": "integer"}}`,
	`{"enum": ["a", "é", null, true, 1, {"a": 1}]}`,
	`{"const": "a"}`,
	`{"const": null}`,
	`{"type": ["string", "array"], "minItems": 1, "maxLength": 2}`,
	`{"type": "string", "minLength": 1, "maxLength": 3}`,
	`{"type": ["string", "null"], "format": "date-time"}`,
	`{"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 3}`,
	`{"anyOf": [{"type": "string"}, {"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": false}]}`,
	`{"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "string"}}}], "maxProperties": 2}`,
	`{"$ref": "#/$defs/x", "required": ["y"], "$defs": {"x": {"type": "object"}}}`,
	`{"type": "object", "not": {"required": ["a"]}}`,
	`{"type": "string", "format": "uuid"}`,
}

// quickTypes are types of all sorts.
func quickTypes(t testing.TB) []*Type {
	types := Builtin()
	for _, schema := range quickSchemas {
		types = append(types, schemaType(t, schema))
	}
	return types
}

// FuzzQuick looks for data that the quick judgement passes and the validator
// refuses.
func FuzzQuick(f *testing.F) {
	types := quickTypes(f)
	for _, x := range types {
		for _, data := range x.Valid {
			f.Add([]byte(data))
		}
		for _, example := range x.Invalid {
			f.Add([]byte(example.Data))
		}
	}
	for _, data := range []string{
		`"2026-01-02T15:04:05+23:59"`, `"2026-01-02T24:00:00Z"`, `"2026-02-29T15:04:60Z"`, `"2026-01-02t15:04:05z"`, `"2026-01-02T15:04:05,5Z"`, `"2026-01-02T15:04:05-24:00"`, `"2024-02-29T15:04:05.5-00:00"`,
		`{"a": 1, "a": "x", "c": 0, "\u0061": 1}`, "{\"\xff\": 1, \"a\": 2, \"c\": 3}", `"\ud800"`, "\"\xed\xa0\x80\"", `-0`, `-`, `01`, `1.`, `1e`, `1E+5`,
		`[1,]`, `{"a":}`, `{"a":1,}`, `[`, `{`, `"`, `"\`, `"\u00`, "\"\n\"", `nul`, `true `, ` [1.5] `, `{"next": {"next": "x"}}`,
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := decode(data)
		for _, x := range types {
			if !x.quick.allows(data) {
				continue
			}
			if err != nil || !json.Valid(data) {
				t.Fatalf("%s: passed what is not JSON: %q", x.Type, data)
			}
			if err := x.rules.Validate(value); err != nil {
				t.Fatalf("%s %s: passed %q: %v", x.Type, x.Schema, data, err)
			}
		}
	})
}

// TestQuickIsOfUse wants it to judge what it is there for: it may not doubt any
// good event of a built-in type.
func TestQuickIsOfUse(t *testing.T) {
	for _, x := range Builtin() {
		for i, data := range x.Valid {
			if !x.quick.allows(data) {
				t.Errorf("%s: doubts valid/%d", x.Type, i)
			}
		}
	}
	for schema, good := range map[string][]string{
		`{"type": "object", "properties": {"a": {"minLength": 2, "type": "string"}}}`: {`{}`, `{"a": "éé"}`, ` { "a" : "xx" , "z" : [ { } , [ ] , "\u00e9\n" , 1e5 , -0.5 ] } `},
		`{"enum": ["a", null, false]}`: {`"a"`, `null`, `false`},
		`{"type": "number"}`:           {`0`, `-1`, `1.5`, `1e5`, `2E-3`},
		`{"items": {"type": "integer"}, "type": "array", "maxItems": 2}`:               {`[]`, `[1, -2]`},
		`{"type": "string", "format": "date-time"}`:                                    {`"2026-01-02T15:04:05Z"`, `"2026-01-02T15:04:05.123456789+05:30"`},
		`{"anyOf": [{"type": "null"}, {"items": {"$ref": "#"}}]}`:                      {`null`, `[null, [null]]`, `"x"`},
		`{"additionalProperties": {"type": "boolean"}, "required": ["a"]}`:             {`{"a": true, "b": false}`},
		`{"$ref": "#/$defs/x", "type": "object", "$defs": {"x": {"required": ["a"]}}}`: {`{"a": 1}`},
	} {
		x := schemaType(t, schema)
		for _, data := range good {
			if !x.quick.allows([]byte(data)) {
				t.Errorf("%s: doubts %s", schema, data)
			}
		}
	}
}

// TestQuickIsBounded shows it what could take for ever.
func TestQuickIsBounded(t *testing.T) {
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	for _, schema := range quickSchemas {
		x := schemaType(t, schema)
		for _, data := range []string{deep, `{"next": ` + deep + `}`, `1`, ``} {
			if x.quick.allows([]byte(data)) && data != "1" {
				t.Errorf("%s: passed %.20q", schema, data)
			}
		}
	}
}

// FuzzIsTime compares with the validator's format alone.
func FuzzIsTime(f *testing.F) {
	x := schemaType(f, `{"type": "string", "format": "date-time"}`)
	for _, text := range []string{
		"2026-01-02T15:04:05Z", "2026-01-02T15:04:05.5+23:59", "2024-02-29T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
		"2000-02-29T23:59:59-00:00", "2026-04-31T00:00:00Z", "2026-12-31T24:00:00Z", "2016-12-31T23:59:60Z", "2026-01-02T15:04:05-24:00",
		"2026-01-02T15:04:05+01:60", "2026-01-02T15:04:05,5Z", "2026-01-02t15:04:05z", "2026-01-02T15:04:05.Z", "0000-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if isTime([]byte(text)) && x.rules.Validate(text) != nil {
			t.Errorf("passed %q", text)
		}
	})
}
