package producers_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/producers/producerstest"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// The typed functions and the catalogue say the same twice, once in Go and once
// in JSON Schema. The tests of this file hold them together.

// publish calls the function, and returns the one event that comes of it.
func (f function) publish(t *testing.T, data any) schemas.Event {
	t.Helper()
	var sink producerstest.Sink
	if _, err := f.call(t.Context(), &sink, data); err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	return sink.Events()[0]
}

// eachFunction runs a test for each function and the catalogue's type for it.
func eachFunction(t *testing.T, test func(*testing.T, function, *catalogue.Type)) {
	t.Helper()
	types := make(map[string]*catalogue.Type)
	for _, c := range catalogue.Builtin() {
		types[c.Type] = c
	}
	for _, f := range functions() {
		t.Run(f.name, func(t *testing.T) {
			eventType := f.publish(t, f.minimal).Type()
			if types[eventType] == nil {
				t.Fatalf("publishes %s, which the catalogue lacks", eventType)
			}
			test(t, f, types[eventType])
		})
	}
}

// pipesOwn is the domain of the events that the pipe itself publishes, and no
// service.
const pipesOwn = "endpoints"

func TestEachTypeHasItsFunction(t *testing.T) {
	published := make(map[string]string) // event type → domain
	for _, f := range functions() {
		domain, _, _ := strings.Cut(f.name, ".")
		published[f.publish(t, f.minimal).Type()] = domain
	}
	known := make(map[string]string)
	for _, c := range catalogue.Builtin() {
		if c.Domain != pipesOwn {
			known[c.Type] = c.Domain
		}
	}
	if !maps.Equal(published, known) {
		t.Errorf("published: %v\ncatalogue: %v", published, known)
	}
	if len(published) != len(functions()) {
		t.Errorf("%d functions publish %d types, want one each", len(functions()), len(published))
	}
}

// TestFunctionTable reads the domain packages: functions() must know each
// function that publishes.
func TestFunctionTable(t *testing.T) {
	var known, found []string
	for _, f := range functions() {
		known = append(known, f.name)
	}
	sources, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.IsExported() && returnsReceipt(d) {
				found = append(found, file.Name.Name+"."+d.Name.Name)
			}
		}
	}
	slices.Sort(known)
	slices.Sort(found)
	if !slices.Equal(known, found) {
		t.Errorf("table:   %v\nsources: %v", known, found)
	}
}

func returnsReceipt(f *ast.FuncDecl) bool {
	if f.Type.Results == nil {
		return false
	}
	s, ok := f.Type.Results.List[0].Type.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Receipt"
}

// TestDataKeepsToItsSchema publishes as little and as much as the Go types can
// say.
func TestDataKeepsToItsSchema(t *testing.T) {
	eachFunction(t, func(t *testing.T, f function, c *catalogue.Type) {
		for name, data := range map[string]any{"minimal": f.minimal, "full": f.full()} {
			e := f.publish(t, data)
			if err := c.Validate(e.Data()); err != nil {
				t.Errorf("%s: %v\n%s", name, err, e.Data())
			}
			if got := strictly(t, f, e.Data()); name == "full" && !reflect.DeepEqual(got, data) {
				t.Errorf("decoded %+v\nwant    %+v", got, data)
			}
		}
	})
}

// TestExamplesSurviveGo decodes and encodes the catalogue's examples.
func TestExamplesSurviveGo(t *testing.T) {
	eachFunction(t, func(t *testing.T, f function, c *catalogue.Type) {
		for i, example := range c.Valid {
			again, err := json.Marshal(strictly(t, f, example))
			if err != nil {
				t.Fatal(err)
			}
			if diff := difference("data", value(t, example), value(t, again)); diff != "" {
				t.Errorf("example %d: %s\nis   %s\nwant %s", i, diff, again, example)
			}
			// The first example is as the webhook systems word it, nulls and order
			// included.
			if got, want := shared(t, again, example), order(t, "data", example); i == 0 && !slices.Equal(got, want) {
				t.Errorf("members are\n%q\nwant\n%q", got, want)
			}
		}
	})
}

// TestSchemasAndTypesHaveTheSameMembers walks both.
func TestSchemasAndTypesHaveTheSameMembers(t *testing.T) {
	eachFunction(t, func(t *testing.T, f function, c *catalogue.Type) {
		inGo, inSchema := make(members), make(members)
		inGo.ofType(t, "data", reflect.TypeOf(f.minimal))
		inSchema.ofSchema(t, "data", c.Schema)
		for m := range inSchema {
			if !inGo[m] {
				t.Errorf("%s is in the schema, and not in Go", m)
			}
		}
		for m := range inGo {
			if !inSchema[m] {
				t.Errorf("%s is in Go, and not in the schema", m)
			}
		}
	})
}

// strictly decodes data as a receiver in Go would, who wants to know all of it.
func strictly(t *testing.T, f function, data []byte) any {
	t.Helper()
	v := reflect.New(reflect.TypeOf(f.minimal))
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v.Interface()); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	return v.Elem().Interface()
}

func value(t *testing.T, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// difference says where two values differ, or nothing. A member that is not
// there is like one that says nothing, and a time is a time however written.
func difference(at string, a, b any) string {
	switch x := a.(type) {
	case map[string]any:
		y, _ := b.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(x)) {
			if diff := difference(at+"."+name, x[name], y[name]); diff != "" {
				return diff
			}
		}
		for _, name := range slices.Sorted(maps.Keys(y)) {
			if _, ok := x[name]; !ok && !empty(y[name]) {
				return fmt.Sprintf("%s.%s is new", at, name)
			}
		}
		return ""
	case []any:
		y, _ := b.([]any)
		if len(x) != len(y) {
			return fmt.Sprintf("%s has %d elements, want %d", at, len(y), len(x))
		}
		for i := range x {
			if diff := difference(fmt.Sprintf("%s[%d]", at, i), x[i], y[i]); diff != "" {
				return diff
			}
		}
		return ""
	}
	if a == b || empty(a) && empty(b) || sameTime(a, b) {
		return ""
	}
	return fmt.Sprintf("%s is %v, want %v", at, b, a)
}

func empty(v any) bool {
	list, isList := v.([]any)
	return v == nil || v == false || v == "" || v == json.Number("0") || isList && len(list) == 0
}

func sameTime(a, b any) bool {
	x, errX := time.Parse(time.RFC3339, fmt.Sprint(a))
	y, errY := time.Parse(time.RFC3339, fmt.Sprint(b))
	return errX == nil && errY == nil && x.Equal(y)
}

// shared are the members of data that other has too, in the order of data.
func shared(t *testing.T, data, other []byte) []string {
	t.Helper()
	have := order(t, "data", other)
	return slices.DeleteFunc(order(t, "data", data), func(m string) bool { return !slices.Contains(have, m) })
}

// order lists the members of the objects in data as they stand in it.
func order(t *testing.T, at string, data []byte) (list []string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	open, err := d.Token()
	for err == nil && d.More() {
		inner := at + ".*"
		if open == json.Delim('{') {
			var name json.Token
			name, err = d.Token()
			inner = fmt.Sprint(at, ".", name)
			list = append(list, inner)
		}
		var v json.RawMessage
		err = cmp.Or(err, d.Decode(&v))
		list = append(list, order(t, inner, v)...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// members are the members that data can have, like "data.hosts.*.email".
type members map[string]bool

func (m members) ofType(t *testing.T, at string, goType reflect.Type) {
	t.Helper()
	switch goType.Kind() {
	case reflect.Pointer:
		m.ofType(t, at, goType.Elem())
	case reflect.Slice:
		m.ofType(t, at+".*", goType.Elem())
	case reflect.Struct:
		if goType == reflect.TypeFor[time.Time]() {
			return
		}
		for f := range goType.Fields() {
			checkMarshals(t, goType, f)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			m[at+"."+name] = true
			m.ofType(t, at+"."+name, f.Type)
		}
	}
}

// checkMarshals wants the methods that a field's tags and type rely on.
func checkMarshals(t *testing.T, goType reflect.Type, f reflect.StructField) {
	t.Helper()
	timed := f.Type == reflect.TypeFor[time.Time]()
	unix, zero := f.Tag.Get("unix") != "", f.Tag.Get("zero") != ""
	if (timed || unix || zero) && !goType.Implements(reflect.TypeFor[json.Marshaler]()) {
		t.Errorf("%s has the field %s, and does not marshal with producers.Encode", goType, f.Name)
	}
	if unix && !reflect.PointerTo(goType).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		t.Errorf("%s has the field %s, and does not unmarshal with producers.Decode", goType, f.Name)
	}
}

func (m members) ofSchema(t *testing.T, at string, schema json.RawMessage) {
	t.Helper()
	var s struct {
		Ref        string                     `json:"$ref"`
		Properties map[string]json.RawMessage `json:"properties"`
		Items      json.RawMessage            `json:"items"`
		AnyOf      []json.RawMessage          `json:"anyOf"`
	}
	if err := json.Unmarshal(schema, &s); err != nil {
		t.Fatal(err)
	}
	if s.Ref != "" {
		def, err := os.ReadFile(filepath.Join("..", "schemas", "catalogue", "events", "defs", path.Base(s.Ref)))
		if err != nil {
			t.Fatal(err)
		}
		m.ofSchema(t, at, def)
	}
	for name, property := range s.Properties {
		m[at+"."+name] = true
		m.ofSchema(t, at+"."+name, property)
	}
	for _, alternative := range s.AnyOf {
		m.ofSchema(t, at, alternative)
	}
	if s.Items != nil {
		m.ofSchema(t, at+".*", s.Items)
	}
}
