// Package document reads the JSON bodies of requests, and applies JSON Merge
// Patches (RFC 7396) to them. Each error says which member is wrong.
package document

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Error is an error about one member of a body.
type Error struct {
	Field string
	Err   error
}

// Error is the text of the error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap leads to the error itself.
func (e *Error) Unwrap() error { return e.Err }

// Invalid is the refusal of one member.
func Invalid(field, format string, args ...any) error {
	return &Error{field, schemas.Errorf(schemas.CodeInvalid, "%s: "+format, slices.Concat([]any{field}, args)...)}
}

// Decode reads a body into v, a pointer to a struct. Members v has no field for are
// refused; names are compared exactly.
func Decode(body []byte, v any) error {
	if err := WellFormed(body); err != nil {
		return err
	}
	return decodeInto(body, reflect.ValueOf(v).Elem(), "", maxDepth)
}

// WellFormed says where a body is not JSON.
func WellFormed(body []byte) error {
	var whole any
	err := json.Unmarshal(body, &whole)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return schemas.Errorf(schemas.CodeInvalid, "the body is not JSON: %w, at byte %d", err, syntax.Offset)
	}
	if err != nil {
		return schemas.Errorf(schemas.CodeInvalid, "the body is not JSON: %w", err)
	}
	return nil
}

// maxDepth bounds how deep a body may be nested: each level is read once more.
// Filters may be 16 deep, with a list at each level.
const maxDepth = 48

// decodeInto reads member by member, so that each error can say where.
func decodeInto(raw json.RawMessage, v reflect.Value, path string, depth int) error {
	if depth == 0 {
		return Invalid("body", "is nested deeper than %d levels: flatten it", maxDepth)
	}
	if string(raw) == "null" {
		v.SetZero()
		return nil
	}
	_, text := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr())
	_, custom := reflect.TypeAssert[json.Unmarshaler](v.Addr())
	if text || custom {
		return decodeLeaf(raw, v, path)
	}
	switch v.Kind() {
	case reflect.Struct:
		return decodeStruct(raw, v, path, depth)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return decodeInto(raw, v.Elem(), path, depth)
	case reflect.Slice:
		var elements []json.RawMessage
		if json.Unmarshal(raw, &elements) != nil {
			return Invalid(nameOf(path), "write a list")
		}
		v.Set(reflect.MakeSlice(v.Type(), len(elements), len(elements)))
		for i, e := range elements {
			if err := decodeInto(e, v.Index(i), path+"["+strconv.Itoa(i)+"]", depth-1); err != nil {
				return err
			}
		}
		return nil
	case reflect.Map:
		return decodeMap(raw, v, path, depth)
	default:
		return decodeLeaf(raw, v, path)
	}
}

func decodeLeaf(raw json.RawMessage, v reflect.Value, path string) error {
	err := json.Unmarshal(raw, v.Addr().Interface())
	if _, own := errors.AsType[*schemas.Error](err); own {
		return Invalid(nameOf(path), "%w", err)
	}
	if err != nil {
		return Invalid(nameOf(path), "write %s", kindOf(v))
	}
	return nil
}

func decodeMap(raw json.RawMessage, v reflect.Value, path string, depth int) error {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return Invalid(nameOf(path), "write an object")
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(members)))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		value := reflect.New(v.Type().Elem()).Elem()
		if err := decodeInto(members[name], value, join(path, name), depth-1); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), value)
	}
	return nil
}

func decodeStruct(raw json.RawMessage, v reflect.Value, path string, depth int) error {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return Invalid(nameOf(path), "write an object")
	}
	fields := map[string]reflect.Value{}
	for _, f := range reflect.VisibleFields(v.Type()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			fields[name] = v.FieldByIndex(f.Index)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		field, known := fields[name]
		if !known {
			return Invalid(join(path, name), "is not a member that can be set here: leave it out, or use one of %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		}
		if err := decodeInto(members[name], field, join(path, name), depth-1); err != nil {
			return err
		}
	}
	return nil
}

func join(path, name string) string {
	if len(name) > maxShown {
		name = strings.ToValidUTF8(name[:maxShown], "") + "…"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// maxShown bounds how much of a name is repeated, in bytes.
const maxShown = 100

func nameOf(path string) string {
	if path == "" {
		return "body"
	}
	return path
}

// kindOf is what to write for a value, where its type does not say that itself.
func kindOf(v reflect.Value) string {
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		return `a time like "2026-01-31T12:00:00Z"`
	case reflect.TypeFor[schemas.Rate]():
		return `a string like "10/s", "600/m" or "1000/h"`
	}
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.String:
		return "a string"
	default:
		return fmt.Sprintf("what the description shows for it (%s)", v.Kind())
	}
}

// fieldWords finds the member that an error of package schemas is about:
// "endpoint ep_1: policy.timeout 10m: …".
var fieldWords = regexp.MustCompile(`(?:^|: )([a-z_]+)((?:\.[\w-]+|\[\d+\])*)(?:[ :]|$)`)

// About adds to an error the member of v's struct that it names.
func About(err error, v any) error {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || e.Code != schemas.CodeInvalid {
		return err
	}
	if _, has := errors.AsType[*Error](err); has {
		return err
	}
	for _, found := range fieldWords.FindAllStringSubmatch(e.Message, -1) {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == found[1] {
				return &Error{found[1] + found[2], err}
			}
		}
	}
	return err
}

// Patch changes v, a pointer to a struct, as the patch says (RFC 7396).
func Patch(v any, patch []byte) error {
	if err := WellFormed(patch); err != nil {
		return err
	}
	var changes map[string]any
	if numbered(patch, &changes) != nil || changes == nil {
		return Invalid("body", "write an object with the members to change")
	}
	target := reflect.ValueOf(v).Elem()
	// Null would remove a member that is unknown before anybody sees it.
	if err := decodeInto(patch, reflect.New(target.Type()).Elem(), "", maxDepth); err != nil {
		return err
	}
	now, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var document any
	if err := numbered(now, &document); err != nil {
		return err
	}
	merged, err := json.Marshal(merge(document, changes))
	if err != nil {
		return err
	}
	target.SetZero()
	return decodeInto(merged, target, "", maxDepth)
}

// numbered keeps numbers as they are written.
func numbered(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(v)
}

// merge is MergePatch of RFC 7396, section 2.
func merge(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = merge(object[name], value)
		}
	}
	return object
}
