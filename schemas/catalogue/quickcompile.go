package catalogue

import (
	"reflect"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// judged are the keywords, as the validator's schema holds them, that [quick]
// judges, and those that are no rules. A schema with any other is in doubt.
var judged = []string{
	"Bool", "Ref", "AllOf", "AnyOf", "Types", "Enum", "Const", "Format", "MinLength", "MaxLength", "MinItems", "MaxItems",
	"Required", "Properties", "AdditionalProperties", "Items2020",

	"DraftVersion", "Location", "ID", "Anchor", "Title", "Description", "Default", "Comment",
	"ReadOnly", "WriteOnly", "Examples", "Deprecated",
}

// quicks makes a quick rule of each schema once: schemas refer to one another in
// circles.
type quicks map[*jsonschema.Schema]*quick

func (made quicks) of(s *jsonschema.Schema) *quick {
	if s == nil {
		return nil
	}
	if q, ok := made[s]; ok {
		return q
	}
	q := &quick{fewest: -1, most: -1}
	made[s] = q
	if s.DraftVersion != 2020 || !known(s) {
		q.doubt = true
		return q
	}
	made.fill(q, s)
	return q
}

// known reports whether every keyword of the schema is judged.
func known(s *jsonschema.Schema) bool {
	v := reflect.ValueOf(*s)
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && !v.Field(i).IsZero() && !slices.Contains(judged, f.Name) {
			return false
		}
	}
	return true
}

func (made quicks) fill(q *quick, s *jsonschema.Schema) {
	if s.Bool != nil {
		q.doubt, q.own = !*s.Bool, true
		return
	}
	for _, of := range slices.Concat([]*jsonschema.Schema{s.Ref}, s.AllOf) {
		if of != nil {
			q.all = append(q.all, made.of(of))
		}
	}
	for _, of := range s.AnyOf {
		q.any = append(q.any, made.of(of))
	}
	if s.Types != nil {
		q.types = typesOf(*s.Types)
	}
	q.values = valuesOf(s)
	if s.Format != nil {
		q.format = s.Format.Name
		q.doubt = q.format != "date-time"
	}
	q.bounds(s)
	q.items = made.of(s.Items2020)
	made.fillMembers(q, s)
	q.own = q.hasOwn()
}

// hasOwn reports whether the rule is more than the sum of those it combines.
// One that combines none is.
func (q *quick) hasOwn() bool {
	return len(q.all) == 0 && q.any == nil ||
		q.types != 0 || q.values != nil || q.format != "" || q.fewest >= 0 || q.most >= 0 ||
		q.items != nil || q.others != nil || len(q.members) > 0
}

// bounds takes over how long strings and arrays may be. A rule for both is
// rare, and left in doubt.
func (q *quick) bounds(s *jsonschema.Schema) {
	for _, low := range []*int{s.MinLength, s.MinItems} {
		if low != nil {
			q.fewest = *low
		}
	}
	for _, high := range []*int{s.MaxLength, s.MaxItems} {
		if high != nil {
			q.most = *high
		}
	}
	ofText := s.MinLength != nil || s.MaxLength != nil
	ofArray := s.MinItems != nil || s.MaxItems != nil
	if ofText && (q.types == 0 || q.types&typeArray != 0) || ofArray && (q.types == 0 || q.types&typeString != 0) {
		q.doubt = true
	}
}

func (made quicks) fillMembers(q *quick, s *jsonschema.Schema) {
	switch others := s.AdditionalProperties.(type) {
	case *jsonschema.Schema:
		q.others = made.of(others)
	case bool:
		if !others {
			q.others = &quick{doubt: true}
		}
	}
	names := slices.Clone(s.Required)
	for name := range s.Properties {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(s.Required) > 64 {
		q.doubt = true
		return
	}
	q.members = make(map[string]member, len(names))
	for i, name := range names {
		m := member{quick: q.others}
		if p, ok := s.Properties[name]; ok {
			m.quick = made.of(p)
		}
		if i < len(s.Required) {
			m.bit = 1 << i
			q.required |= m.bit
		}
		q.members[name] = m
	}
}

func typesOf(types jsonschema.Types) (set jsonTypes) {
	for _, name := range types.ToStrings() {
		switch name {
		case "null":
			set |= typeNull
		case "boolean":
			set |= typeBoolean
		case "integer":
			set |= typeInteger
		case "number":
			set |= typeNumber
		case "string":
			set |= typeString
		case "array":
			set |= typeArray
		case "object":
			set |= typeObject
		}
	}
	return set
}

// valuesOf are those of enum or const that can be compared as they are. Both at
// once are one too many.
func valuesOf(s *jsonschema.Schema) map[any]bool {
	var list []any
	switch {
	case s.Const != nil && s.Enum != nil:
	case s.Const != nil:
		list = []any{*s.Const}
	case s.Enum != nil:
		list = s.Enum.Values
	default:
		return nil
	}
	values := make(map[any]bool, len(list))
	for _, v := range list {
		switch v.(type) {
		case string, bool, nil:
			values[v] = true
		}
	}
	return values
}
