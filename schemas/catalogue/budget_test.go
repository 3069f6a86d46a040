package catalogue

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// definition is a type's file with that schema, and data it allows.
func definition(schema, valid, invalid string) []byte {
	return fmt.Appendf(nil, `{"type": "a.b", "domain": "a", "meaning": "A.", "schema": %s, "valid": [%s], "invalid": [{"data": %s, "error": "data"}]}`, schema, valid, invalid)
}

// bomb applies 2^levels schemas to the member x.
func bomb(levels int) string {
	var defs []string
	for i := range levels {
		defs = append(defs, fmt.Sprintf(`"l%d": {"anyOf": [{"$ref": "#/$defs/l%d"}, {"$ref": "#/$defs/l%[2]d"}]}`, i, i+1))
	}
	defs = append(defs, fmt.Sprintf(`"l%d": {"type": "string"}`, levels))
	return `{"type": "object", "properties": {"x": {"$ref": "#/$defs/l0"}}, "$defs": {` + strings.Join(defs, ",") + `}}`
}

func TestParseRefusesSchemasThatCostTooMuch(t *testing.T) {
	for name, tt := range map[string]struct{ schema, want string }{
		"alternatives of alternatives":    {bomb(18), "applies more than 1000 schemas to one value"},
		"more of them":                    {bomb(60), "applies more than 1000 schemas to one value"},
		"two ways down at each level":     {`{"type": "object", "anyOf": [{"properties": {"c": {"$ref": "#"}}}, {"properties": {"c": {"$ref": "#"}}}]}`, "applies more than 1000 schemas to one value"},
		"a circle":                        {`{"type": "object", "$ref": "#"}`, "refers to itself without end"},
		"a circle of two":                 {`{"type": "object", "allOf": [{"anyOf": [{"$ref": "#"}]}]}`, "refers to itself without end"},
		"a pattern of patterns":           {`{"type": "object", "properties": {"x": {"pattern": "(((a?){30}b?){30})c$"}}}`, "steps for each character"},
		"a pattern of names":              {`{"type": "object", "patternProperties": {"(a{1000})": {}}}`, "steps for each character"},
		"a definition longer than a book": {`{"type": "object", "description": "` + strings.Repeat("x", maxDefinition) + `"}`, "use at most 262144"},
	} {
		_, err := Parse("a.b.json", definition(tt.schema, "{}", "1"))
		if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %.300v, want %q", name, err, tt.want)
		}
	}
}

// TestValidateIsBounded judges data that is made to be judged for long.
func TestValidateIsBounded(t *testing.T) {
	parsed := func(schema string) *Type {
		x, err := Parse("a.b.json", definition(schema, "{}", "1"))
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	recursive := parsed(`{"type": "object", "properties": {"c": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}}`)
	pattern := parsed(`{"type": "object", "properties": {"x": {"pattern": "^(a?){20}b$"}}}`)
	many := parsed(`{"type": "object", "properties": {"x": {"items": {"enum": [` + strings.TrimSuffix(enumOf(5000), ",") + `]}}}}`)
	list := func(value string, n int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(value+",", n), ",") + "]"
	}
	for name, tt := range map[string]struct {
		x          *Type
		data, want string
	}{
		"half a million wrong elements": {builtinByType()["recording.saved"], `{"participants":` + list("1", 500_000) + `}`, "too large to say where"},
		"as deep as can be":             {recursive, strings.Repeat(`{"c":`, 5000) + "1" + strings.Repeat("}", 5000), "too large to say where"},
		"deep, and not too deep":        {recursive, strings.Repeat(`{"c":`, 40) + "1" + strings.Repeat("}", 40), "data/c/c/c"},
		"a long text for a pattern":     {pattern, `{"x":"` + strings.Repeat("a", 1_000_000) + `"}`, "too many for the patterns"},
		"a long list for a long enum":   {many, `{"x":` + list(`"w"`, 20_000) + `}`, "too large to say where"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := tt.x.Validate([]byte(tt.data))
		runtime.ReadMemStats(&after)
		if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %.200v, want %q", name, err, tt.want)
		}
		if made := (after.TotalAlloc - before.TotalAlloc) >> 20; made > 10 {
			t.Errorf("%s: made %d MiB of garbage", name, made)
		}
	}
}

func enumOf(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"v%d",`, i)
	}
	return b.String()
}

// TestLargeGoodDataPasses: what is right needs no explanation, however much it
// is.
func TestLargeGoodDataPasses(t *testing.T) {
	x := builtinByType()["recording.saved"]
	data := `{"recordingId":"r","location":"l","startTime":"2026-01-05T15:00:00Z","endTime":"2026-01-05T15:42:00Z","participants":[` +
		strings.TrimSuffix(strings.Repeat(`{"name":"Ada","user":"u1"},`, 30_000), ",") + `]}`
	if err := x.Validate([]byte(data)); err != nil {
		t.Error(err)
	}
	if err := x.Validate([]byte(strings.Replace(data, `"name":"Ada"`, `"name":1`, 1))); err == nil || !strings.Contains(err.Error(), "too large to say where") {
		t.Errorf("got %v", err)
	}
}
