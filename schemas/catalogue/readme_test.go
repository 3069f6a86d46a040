package catalogue

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tidings-dev/tidings/schemas"
)

var update = flag.Bool("update", false, "write README.md anew")

const page = "README.md"

// TestReadme keeps the page from drifting away from the files.
func TestReadme(t *testing.T) {
	var p readme
	p.write()
	if *update {
		if err := os.WriteFile(page, p.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, p.Bytes()) {
		t.Errorf("%s does not say what the files say: go test ./schemas/catalogue -update", page)
	}
}

const preface = `# Event types

Every event type Tidings knows. This page is made from the files in [events](events).

## How to add an event type

Write one file, ` + "`events/<type>.json`" + `:

` + "```json" + `
%s
` + "```" + `

- ` + "`type`" + ` is the CloudEvents type and the file's name; ` + "`domain`" + ` is where this page lists it.
- ` + "`dialects`" + ` gives the name the type bears in a dialect, and in ` + "`members`" + ` what of the data the dialect sends, if not all. A type without a name in a dialect is not sent in it; ` + "`standard` and `cloudevents`" + ` carry every type.
- ` + "`involves`" + ` points at the ids and e-mail addresses of the users the event is from, about or for, ` + "`filters`" + ` at the fields a subscription can be narrowed by, ` + "`channel`" + ` at the channel, if there is one. They are JSON pointers; a segment ` + "`*`" + ` stands for each element.
- ` + "`schema`" + ` is the JSON Schema (2020-12) of the event's data. It may refer to the [shared schemas](#shared-schemas), and to nothing else outside itself.
- ` + "`valid` and `invalid`" + ` are examples, at least one of each, which prove the schema: what is invalid has to fail with the given words.

What judging data costs is bounded: a schema may not apply more than 1,000 rules to one value, a pattern has a size, and of data that breaks its schema and has more than some ten thousand values nobody says where.

Then ` + "`go test ./schemas/catalogue -update`" + ` checks the file and writes this page. [form.json](form.json) is the schema of the file itself.

**A tenant's own types** need no change here: make them in the console, or by ` + "`PUT /v1/tenants/{tenant}/types/{type}`" + `; or put files of the same form in a folder and name it in ` + "`tidings.yaml`" + `. For that tenant they win over the types below.

` + "```yaml" + `
tenants:
  - id: acme
    types: [./events]   # each *.json in it is a type
` + "```" + `
`

// sample is the file that the page shows.
const sample = `{
  "type": "parcel.sent",
  "domain": "parcels",
  "meaning": "A parcel was handed to the carrier.",
  "dialects": {"roam": {"name": "parcel:sent"}},
  "involves": ["/to/email"],
  "filters": {"parcelId": "/id"},
  "schema": {
    "type": "object",
    "required": ["id"],
    "properties": {
      "id": {"type": "string", "minLength": 1, "description": "The parcel's id."},
      "to": {"$ref": "https://tidings.dev/schemas/defs/participant.json", "description": "Who gets it."}
    },
    "additionalProperties": false
  },
  "valid": [{"id": "p1"}],
  "invalid": [{"data": {"id": 1}, "error": "data/id: must be a string"}]
}`

func TestSample(t *testing.T) { mustParse(t, "parcel.sent.json", sample) }

// readme is the page as it grows.
type readme struct{ bytes.Buffer }

func (p *readme) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *readme) write() {
	p.line(preface, sample)
	p.line("## Types")
	domains := make(map[string][]*Type)
	for _, t := range Builtin() {
		domains[t.Domain] = append(domains[t.Domain], t)
	}
	for _, domain := range slices.Sorted(maps.Keys(domains)) {
		p.line("\n### %s\n", domain)
		p.line("| type | meaning | in dialects | filters |")
		p.line("|---|---|---|---|")
		for _, t := range domains[domain] {
			p.line("| [%s](#%s) | %s | %s | %s |", t.Type, anchor(t.Type), t.Meaning, names(t), filters(t))
		}
	}
	for _, t := range Builtin() {
		p.section(t)
	}
	p.shared()
}

// section is what the page says of one type.
func (p *readme) section(t *Type) {
	p.line("\n## %s\n\n%s\n", t.Type, t.Meaning)
	p.fields(t.rules)
	var example bytes.Buffer
	if err := json.Indent(&example, t.Valid[0], "", "  "); err != nil {
		panic(err) // it was parsed
	}
	p.line("\n```json\n%s\n```", example.Bytes())
}

func (p *readme) shared() {
	p.line("\n## Shared schemas")
	for _, url := range slices.Sorted(maps.Keys(shared())) {
		s, err := compileSchema(base+"one.json", []byte(`{"$ref": "`+url+`"}`))
		if err != nil {
			panic(err)
		}
		p.line("\n### Shared: %s\n\n%s Refer to it as `%s`.\n", sharedName(url), s.Ref.Title, url)
		p.fields(s.Ref)
	}
}

func (p *readme) fields(s *jsonschema.Schema) {
	p.line("| field | type | required | description |")
	p.line("|---|---|---|---|")
	if s.Ref != nil {
		s = s.Ref // data that is a shared schema as a whole
	}
	p.members("", s)
}

// members are the rows of an object's members, in the order of the alphabet:
// the validator forgets the file's.
func (p *readme) members(where string, s *jsonschema.Schema) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		member := s.Properties[name]
		required := ""
		if slices.Contains(s.Required, name) {
			required = "yes"
		}
		path := where + "/" + escape.Replace(name)
		p.line("| `%s` | %s | %s | %s |", path, kindOf(member), required, cell(member.Description))
		p.members(path, member)
		if member.Items2020 != nil && member.Items2020.Ref == nil {
			p.members(path+"/"+everyElement, member.Items2020)
		}
	}
}

// kindOf is the type of a field, in short.
func kindOf(s *jsonschema.Schema) string {
	switch {
	case s.Ref != nil:
		name := sharedName(s.Ref.Location)
		return fmt.Sprintf("[%s](#shared-%s)", name, anchor(name))
	case s.AnyOf != nil:
		var kinds []string
		for _, alternative := range s.AnyOf {
			kinds = append(kinds, kindOf(alternative))
		}
		return strings.Join(kinds, " or ")
	case s.Enum != nil:
		return codes(s.Enum.Values)
	case s.Const != nil:
		return codes([]any{*s.Const})
	case s.Types == nil:
		return "any"
	}
	kinds := s.Types.ToStrings()
	for i, k := range kinds {
		switch {
		case k == "array" && s.Items2020 != nil:
			kinds[i] = "array of " + kindOf(s.Items2020)
		case k == "string" && s.Format != nil:
			kinds[i] = s.Format.Name
		}
	}
	if kinds[0] == "null" { // it comes last, being the exception
		kinds = append(kinds[1:], "null")
	}
	return strings.Join(kinds, " or ")
}

func codes(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprintf("`%v`", v)
	}
	return strings.Join(texts, ", ")
}

func sharedName(url string) string {
	return strings.TrimSuffix(path.Base(strings.TrimSuffix(url, "#")), extension)
}

// anchor is what GitHub makes of a heading.
func anchor(heading string) string {
	return strings.ToLower(strings.NewReplacer(".", "", " ", "-").Replace(heading))
}

func names(t *Type) string {
	var texts []string
	for _, d := range schemas.Dialects() {
		if words, ok := t.Dialects[d]; ok {
			texts = append(texts, fmt.Sprintf("%s `%s`", d, words.Name))
		}
	}
	return strings.Join(texts, ", ")
}

func filters(t *Type) string {
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(t.Filters)) {
		texts = append(texts, "`"+name+"`")
	}
	return strings.Join(texts, ", ")
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
