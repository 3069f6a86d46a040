package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	// base is where schemas would be found if they were published. Nobody looks
	// there: it makes their names absolute.
	base = "https://tidings.dev/schemas/"
	// defs is where a schema refers to what types share, as "defs/user.json" or
	// with base before it.
	defs = "defs/"
)

// shared are the schemas that types share, by their URL.
var shared = sync.OnceValue(func() map[string]any {
	dir := folder("events/defs")
	names, err := fs.Glob(dir, "*"+extension)
	byURL := make(map[string]any)
	for _, name := range names {
		var file []byte
		if file, err = fs.ReadFile(dir, name); err != nil {
			break
		}
		if byURL[base+defs+name], err = decode(file); err != nil {
			break
		}
	}
	if err != nil {
		panic("catalogue: " + err.Error()) // a test reads every file
	}
	return byURL
})

// form is the schema of a type's file itself.
var form = sync.OnceValue(func() *jsonschema.Schema {
	file, err := files.ReadFile("form.json")
	if err != nil {
		panic("catalogue: " + err.Error()) // it is embedded
	}
	rules, err := compileSchema(base+"form.json", file)
	if err != nil {
		panic("catalogue: form.json: " + err.Error()) // every test would fail
	}
	return rules
})

// loader gives a compiler the shared schemas and refuses everything else.
type loader struct{}

// Load is what a compiler calls.
func (loader) Load(url string) (any, error) {
	doc, ok := shared()[url]
	if !ok {
		return nil, fmt.Errorf("a schema may refer to itself and to %s", strings.Join(slices.Sorted(maps.Keys(shared())), ", "))
	}
	return doc, nil
}

// compile makes the type's schema ready for use.
func compile(t *Type) (where string, err error) {
	rules, err := compileSchema(base+t.Type+extension, t.Schema)
	if err != nil {
		if p, ok := errors.AsType[problem](err); ok {
			return p.location("schema"), errors.New(p.rule)
		}
		return "schema", err
	}
	if t.budget, err = reckon(rules); err != nil {
		return "schema", err
	}
	t.rules = rules
	t.quick = make(quicks).of(rules)
	return "", nil
}

// compileSchema compiles a schema of that URL.
func compileSchema(url string, schema []byte) (*jsonschema.Schema, error) {
	doc, err := decode(schema)
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(loader{})
	if err := c.AddResource(url, doc); err != nil {
		return nil, err
	}
	rules, err := c.Compile(url)
	if err != nil {
		return nil, compileError(err)
	}
	return rules, nil
}

// compileError words an error of the compiler as the house does.
func compileError(err error) error {
	if invalid, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		return problemOf(invalid.Err)
	}
	if refused, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		return fmt.Errorf("it refers to %q: %w", refused.URL, refused.Err)
	}
	return err
}

// decode reads JSON for the validator; nothing is null.
func decode(data []byte) (any, error) {
	if len(data) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the value")
	}
	return tame(value), nil
}

// maxExact is how many characters of a number are judged exactly: more than
// any integer of 128 bits has.
const maxExact = 40

// tame makes every number in a value safe to calculate with. Numbers stay as
// they are written, so that large integers lose no digit; but those that are
// very long or have an exponent become the nearest double, which is what most
// readers take them for anyhow (RFC 8259, section 6). The validator calculates
// with fractions of any size: at "1e9999999" it panics, and a million digits
// take it five seconds.
func tame(value any) any {
	switch v := value.(type) {
	case json.Number:
		if len(v) <= maxExact && !strings.ContainsAny(string(v), "eE") {
			return v
		}
		f, _ := strconv.ParseFloat(string(v), 64) // out of range: an infinity
		return max(-math.MaxFloat64, min(f, math.MaxFloat64))
	case []any:
		for i := range v {
			v[i] = tame(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = tame(v[name])
		}
	}
	return value
}
