package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var update = flag.Bool("update", false, "write README.md, the reference, anew")

// TestReference holds README.md to the description that the API serves.
func TestReference(t *testing.T) {
	text, err := os.ReadFile("openapi.yaml")
	must(t, err)
	var doc yaml.MapSlice
	must(t, yaml.UnmarshalWithOptions(text, &doc, yaml.UseOrderedMap()))
	want := reference(doc)
	if *update {
		must(t, os.WriteFile("README.md", want, 0o600))
	}
	got, err := os.ReadFile("README.md")
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Error("README.md is not what openapi.yaml says: go test ./config/api -run TestReference -update")
	}
}

// member is one of an object; nil if it has none of that name.
func member(object any, path ...string) any {
	for _, name := range path {
		members, _ := object.(yaml.MapSlice)
		object = nil
		for _, m := range members {
			if m.Key == name {
				object = m.Value
			}
		}
	}
	return object
}

func textOf(object any, path ...string) string {
	text, _ := member(object, path...).(string)
	return strings.TrimSpace(text)
}

// members are all of an object's.
func members(object any, path ...string) yaml.MapSlice {
	all, _ := member(object, path...).(yaml.MapSlice)
	return all
}

// reference is the description as people read it: by tag, then the schemas.
func reference(doc yaml.MapSlice) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# The API\n\nMade from [openapi.yaml](openapi.yaml) by `go test ./config/api -run TestReference -update`. A server serves the description at `/openapi.json` and `/openapi.yaml`.\n\n%s\n\n", textOf(doc, "info", "description"))
	tags, _ := member(doc, "tags").([]any)
	for _, tag := range tags {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", textOf(tag, "name"), textOf(tag, "name"), textOf(tag, "description"))
	}
	b.WriteString("- [Schemas](#schemas)\n")
	for _, tag := range tags {
		fmt.Fprintf(&b, "\n## %s\n", textOf(tag, "name"))
		for _, path := range members(doc, "paths") {
			for _, op := range path.Value.(yaml.MapSlice) {
				names, _ := member(op.Value, "tags").([]any)
				if slices.Contains(names, member(tag, "name")) {
					operation(&b, doc, path.Key.(string), strings.ToUpper(op.Key.(string)), op.Value)
				}
			}
		}
	}
	b.WriteString("\n## Schemas\n")
	for _, s := range members(doc, "components", "schemas") {
		fmt.Fprintf(&b, "\n### %s\n\n", s.Key)
		schema(&b, s.Value)
	}
	return b.Bytes()
}

func operation(b *bytes.Buffer, doc yaml.MapSlice, path, method string, op any) {
	fmt.Fprintf(b, "\n### %s\n\n`%s %s`", textOf(op, "summary"), method, path)
	if row := rights[method+" "+path]; row != "" {
		fmt.Fprintf(b, ", for the scopes %s", strings.Join(scopes(row), ", "))
	}
	b.WriteString("\n")
	if text := textOf(op, "description"); text != "" {
		fmt.Fprintf(b, "\n%s\n", text)
	}
	given, _ := member(op, "parameters").([]any)
	for i, p := range given {
		if ref := textOf(p, "$ref"); ref != "" {
			p = member(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "- %s `%s`, %s%s\n", textOf(p, "in"), textOf(p, "name"), form(member(p, "schema")), said(textOf(p, "description")))
	}
	for _, media := range members(op, "requestBody", "content") {
		fmt.Fprintf(b, "\nBody, `%s`: %s\n", media.Key, form(member(media.Value, "schema")))
		if example := member(media.Value, "example"); example != nil {
			fmt.Fprintf(b, "\n```json\n%s\n```\n", ordered(example))
		}
	}
	b.WriteString("\n")
	var refused []string
	for _, answer := range members(op, "responses") {
		status := answer.Key.(string)
		if status >= "400" {
			refused = append(refused, status)
			continue
		}
		fmt.Fprintf(b, "- **%s** %s", status, textOf(answer.Value, "description"))
		for _, media := range members(answer.Value, "content") {
			if shape := form(member(media.Value, "schema")); shape != "" {
				fmt.Fprintf(b, " %s.", shape)
			}
		}
		b.WriteString("\n")
	}
	if len(refused) > 0 {
		fmt.Fprintf(b, "- %s: a [Problem](#problem)\n", strings.Join(refused, ", "))
	}
}

// scopes are those that a row of the table of rights lets in.
func scopes(row string) (names []string) {
	known := map[string]string{"read": "`tenant:read`", "write": "`tenant:write`", "personal": "`personal`", "publish": "`publish`", "admin": "`admin`"}
	for i, cell := range strings.Fields(row) {
		if name := known[callers[i]]; name != "" && (cell == "ok" || cell == "404") {
			names = append(names, name)
		}
	}
	return names
}

// schema lists the members of an object, or says what else it is.
func schema(b *bytes.Buffer, s any) {
	if text := textOf(s, "description"); text != "" {
		fmt.Fprintf(b, "%s\n\n", text)
	}
	properties := members(s, "properties")
	if len(properties) == 0 {
		fmt.Fprintf(b, "%s\n", strings.TrimPrefix(form(s), ", "))
		return
	}
	required, _ := member(s, "required").([]any)
	for _, p := range properties {
		always := ""
		if slices.Contains(required, p.Key) {
			always = ", always"
		}
		fmt.Fprintf(b, "- **%s** %s%s%s\n", p.Key, form(p.Value), always, said(textOf(p.Value, "description")))
	}
}

func said(description string) string {
	if description == "" {
		return ""
	}
	return ": " + strings.Join(strings.Fields(description), " ")
}

// form is a schema in a few words.
func form(s any) string {
	if ref := textOf(s, "$ref"); ref != "" {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		return fmt.Sprintf("[%s](#%s)", name, strings.ToLower(name))
	}
	if kinds, ok := member(s, "oneOf").([]any); ok {
		return either(kinds)
	}
	if kinds, ok := member(s, "allOf").([]any); ok {
		return strings.ReplaceAll(either(kinds), " or ", " and ")
	}
	if values, ok := member(s, "enum").([]any); ok {
		var words []string
		for _, v := range values {
			if v == "" {
				v = `""`
			}
			words = append(words, fmt.Sprintf("`%v`", v))
		}
		return strings.Join(words, " or ")
	}
	if value := member(s, "const"); value != nil {
		return fmt.Sprintf("`%v`", value)
	}
	kind := fmt.Sprint(member(s, "type"))
	switch {
	case kind == "array":
		return "array of " + form(member(s, "items"))
	case kind == "object" && members(s, "properties") != nil:
		var inner []string
		for _, p := range members(s, "properties") {
			inner = append(inner, fmt.Sprintf("`%s` %s", p.Key, form(p.Value)))
		}
		return "object of " + strings.Join(inner, ", ")
	case member(s, "type") == nil:
		return "any JSON"
	}
	for _, bound := range []string{"minimum", "maximum", "maxLength", "maxItems", "default", "pattern"} {
		if value := member(s, bound); value != nil {
			kind += fmt.Sprintf(", %s `%v`", bound, value)
		}
	}
	return kind
}

func either(kinds []any) string {
	var words []string
	for _, k := range kinds {
		words = append(words, form(k))
	}
	return strings.Join(words, " or ")
}

// ordered is an example as JSON, its members in the order of the file.
func ordered(v any) string {
	switch v := v.(type) {
	case yaml.MapSlice:
		var parts []string
		for _, m := range v {
			parts = append(parts, fmt.Sprintf("%q: %s", m.Key, ordered(m.Value)))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		var parts []string
		for _, item := range v {
			parts = append(parts, ordered(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		text, _ := json.Marshal(v)
		return string(text)
	}
}
