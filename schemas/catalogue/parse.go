package catalogue

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/pointer"
)

// extension ends the name of every file of the catalogue.
const extension = ".json"

// Parse reads the file of an event type, whose name says the type too, and
// checks everything in it: its form, that the schema compiles, that the
// pointers are pointers, and that the examples do what they are examples of. The
// error is a [*schemas.Error] of [schemas.CodeInvalid] that names file and
// member:
//
//	lobby.booked.json: valid/0: data/lobby/id: is missing
func Parse(name string, file []byte) (*Type, error) {
	t, where, err := parse(path.Base(name), file)
	switch {
	case err == nil:
		return t, nil
	case where == "":
		return nil, schemas.Errorf(schemas.CodeInvalid, "%s: %w", name, err)
	default:
		return nil, schemas.Errorf(schemas.CodeInvalid, "%s: %s: %w", name, where, err)
	}
}

// ReadDir parses every file of a folder whose name ends in ".json", in the
// order of their names. Errors name the file.
func ReadDir(dir fs.FS) ([]*Type, error) {
	names, err := fs.Glob(dir, "*"+extension)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, schemas.Errorf(schemas.CodeInvalid, "holds no event type, or does not exist: put one *%s file there for each", extension)
	}
	slices.Sort(names)
	types := make([]*Type, 0, len(names))
	for _, name := range names {
		file, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		t, err := Parse(name, file)
		if err != nil {
			return nil, err
		}
		types = append(types, t)
	}
	return types, nil
}

// parse reads the file called name. Where is the member that err is about.
func parse(name string, file []byte) (t *Type, where string, err error) {
	if err := tooLarge(file); err != nil {
		return nil, "", err
	}
	value, err := decode(file)
	if err != nil {
		return nil, "", schemas.Errorf(schemas.CodeInvalid, "is not JSON: %w", err)
	}
	if err := form().Validate(value); err != nil {
		return nil, "", problemOf(err)
	}
	t = &Type{definition: bytes.Clone(file)}
	if err := json.Unmarshal(file, t); err != nil {
		return nil, "", err // cannot be: it has the form
	}
	if want := t.Type + extension; name != want {
		return nil, "type", schemas.Errorf(schemas.CodeInvalid, "the file of %q must be called %q", t.Type, want)
	}
	for _, check := range []func(*Type) (string, error){checkPointers, compile, checkDialects, checkExamples} {
		if where, err := check(t); err != nil {
			return nil, where, err
		}
	}
	return t, "", nil
}

func checkDialects(t *Type) (where string, err error) {
	for _, d := range slices.Sorted(maps.Keys(t.Dialects)) {
		where := "dialects/" + escape.Replace(string(d))
		if d == "" {
			return where, schemas.Errorf(schemas.CodeInvalid, "a dialect without a name: leave it out")
		}
		if err := schemas.ValidateDialect(d, ""); err != nil {
			return where, err
		}
		if d.Open() {
			return where, schemas.Errorf(schemas.CodeInvalid, "the dialect carries every type under the type's own name: leave it out")
		}
		for i, member := range t.Dialects[d].Members {
			if !t.has(member) {
				return where + "/members/" + strconv.Itoa(i), schemas.Errorf(schemas.CodeInvalid, "the schema has no member %q", member)
			}
		}
	}
	return "", nil
}

// has reports whether data may have the member at its top.
func (t *Type) has(member string) bool {
	rules := t.rules
	if rules.Ref != nil && rules.Properties == nil {
		rules = rules.Ref
	}
	_, ok := rules.Properties[member]
	return ok || rules.AdditionalProperties != false
}

func checkPointers(t *Type) (where string, err error) {
	for i, text := range t.Involves {
		if err := checkPointer(text, true); err != nil {
			return "involves/" + strconv.Itoa(i), err
		}
	}
	t.involving, _ = pointers(t.Involves)
	for _, name := range slices.Sorted(maps.Keys(t.Filters)) {
		if name == "" {
			return "filters", schemas.Errorf(schemas.CodeInvalid, "a filter has no name: give it one")
		}
		if err := checkPointer(t.Filters[name], false); err != nil {
			return "filters/" + escape.Replace(name), err
		}
	}
	if t.Channel == "" {
		return "", nil
	}
	if err := checkPointer(t.Channel, false); err != nil {
		return "channel", err
	}
	t.channel, err = pointer.Parse(t.Channel)
	return "channel", err
}

func checkExamples(t *Type) (where string, err error) {
	for i, data := range t.Valid {
		if err := t.Validate(data); err != nil {
			return "valid/" + strconv.Itoa(i), err
		}
	}
	for i, example := range t.Invalid {
		where := "invalid/" + strconv.Itoa(i)
		err := t.Validate(example.Data)
		if err == nil {
			return where, schemas.Errorf(schemas.CodeInvalid, "the schema allows this data: change one of them")
		}
		if !strings.Contains(err.Error(), example.Error) {
			return where, schemas.Errorf(schemas.CodeInvalid, "the error is %q, and does not contain %q", err, example.Error)
		}
	}
	return "", nil
}
