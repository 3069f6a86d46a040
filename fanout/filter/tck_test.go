package filter

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/cloudevents/sdk-go/v2/binding/spec"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/goccy/go-yaml"

	"github.com/tidings-dev/tidings/schemas"
)

// kit is a file of the specification's kit for CloudEvents SQL 1.0, as the
// CloudEvents SDK for Go 2.16.2 has it (testdata/tck, Apache License 2.0).
type kit struct {
	Name  string    `yaml:"name"`
	Tests []kitCase `yaml:"tests"`
}

type kitCase struct {
	Name       string         `yaml:"name"`
	Expression string         `yaml:"expression"`
	Result     any            `yaml:"result"`
	Error      string         `yaml:"error"`
	Event      map[string]any `yaml:"event"`
	Overrides  map[string]any `yaml:"eventOverrides"`
}

func TestKit(t *testing.T) {
	files, err := filepath.Glob("testdata/tck/*.yaml")
	if err != nil || len(files) != 18 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	cases := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var k kit
		if err := yaml.Unmarshal(text, &k); err != nil {
			t.Fatal(err)
		}
		for _, c := range k.Tests {
			cases++
			t.Run(k.Name+"/"+c.Name, func(t *testing.T) { c.run(t) })
		}
	}
	if cases < 150 {
		t.Errorf("the kit has %d cases only", cases)
	}
}

func (c kitCase) run(t *testing.T) {
	n, err := newSQL("sql", c.Expression)
	// An unknown function is refused when it is written, where the kit wants an
	// error when it is called.
	if refused := c.Error == "parse" || c.Error == "missingFunction"; (err != nil) != refused {
		t.Fatalf("%s: %v, want an error: %t", c.Expression, err, refused)
	}
	if err != nil {
		return
	}
	e := c.event(t)
	value, err := n.expression.Evaluate(e)
	if (err != nil) != (c.Error != "") {
		t.Errorf("%s: %v, want %q", c.Expression, err, c.Error)
	}
	if got, want := asJSON(t, value), asJSON(t, c.Result); got != want {
		t.Errorf("%s is %s, want %s", c.Expression, got, want)
	}
}

func (c kitCase) event(t *testing.T) schemas.Event {
	t.Helper()
	e := event.New() // of the kit: "any valid event"
	e.SetID("1")
	e.SetSource("/kit")
	e.SetType("kit.case")
	if c.Event != nil {
		e = schemas.Event{}
		if err := json.Unmarshal([]byte(asJSON(t, c.Event)), &e); err != nil {
			t.Fatal(err)
		}
	}
	e.SetSpecVersion(event.CloudEventsVersionV1)
	for name, value := range c.Overrides {
		switch v := value.(type) {
		case uint64:
			value = int32(v)
		case int64:
			value = int32(v)
		}
		if err := spec.V1.SetAttribute(e.Context, name, value); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
