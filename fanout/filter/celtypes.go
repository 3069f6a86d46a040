package filter

import (
	"strings"

	"cel.dev/cel-go/cel"
	celtypes "cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// objectPrefix begins the names that objects have as types, so that no
// expression can mean one.
const objectPrefix = "object:"

// readable is the text of an error without the names we made up.
var readable = strings.NewReplacer(objectPrefix, "object ", "wrapper(", "nullable(")

func typeName(t *cel.Type) string { return readable.Replace(t.String()) }

// objects are the objects of a schema, as types of CEL. They are there for the
// checker alone: values are maps.
type objects struct {
	celtypes.Provider
	members map[string]map[string]*cel.Type // by the object's name
	open    map[string]bool                 // those that may have other members, which nobody knows
	made    map[*jsonschema.Schema]*cel.Type
}

// FindStructType is the type of that name.
func (o *objects) FindStructType(name string) (*cel.Type, bool) {
	if _, ok := o.members[name]; ok {
		return celtypes.NewTypeTypeWithParam(cel.ObjectType(name)), true
	}
	return o.Provider.FindStructType(name)
}

// FindStructFieldNames are the members of an object.
func (o *objects) FindStructFieldNames(name string) (names []string, ok bool) {
	members, ok := o.members[name]
	for member := range members {
		names = append(names, member)
	}
	return names, ok
}

// FindStructFieldType is the type of a member.
func (o *objects) FindStructFieldType(name, field string) (*celtypes.FieldType, bool) {
	members, ok := o.members[name]
	if !ok {
		return o.Provider.FindStructFieldType(name, field)
	}
	if t, ok := members[field]; ok {
		return &celtypes.FieldType{Type: t}, true
	}
	return &celtypes.FieldType{Type: cel.DynType}, o.open[name]
}

// NewValue makes nothing: expressions cannot name the types.
func (o *objects) NewValue(name string, fields map[string]ref.Val) ref.Val {
	return o.Provider.NewValue(name, fields)
}

// typeOf is the type of what a schema allows, dyn where it allows several.
func (o *objects) typeOf(s *jsonschema.Schema, name string) *cel.Type {
	s = referred(s)
	if s == nil || s.Bool != nil {
		return cel.DynType
	}
	if t, ok := o.made[s]; ok {
		return t
	}
	v := flatten(s)
	word, nullable := v.only()
	switch word {
	case "string":
		return orNull(cel.StringType, nullable)
	case "boolean":
		return orNull(cel.BoolType, nullable)
	case "integer":
		return orNull(cel.IntType, nullable)
	case "array":
		if !nullable {
			o.made[s] = cel.DynType // it may contain itself
			o.made[s] = cel.ListType(o.typeOf(v.items, name+"[]"))
			return o.made[s]
		}
	case "object":
		return o.object(s, v, name)
	}
	return cel.DynType // a "number" may be an int or a double
}

// referred is the schema that one refers to and adds nothing to.
func referred(s *jsonschema.Schema) *jsonschema.Schema {
	for range maxReferences {
		if s == nil || s.Ref == nil || s.Types != nil || len(s.Properties) > 0 || len(s.AllOf) > 0 || s.Items2020 != nil {
			break
		}
		s = s.Ref
	}
	return s
}

// only is the one type that there may be, beside null.
func (v *view) only() (word string, nullable bool) {
	if v.types == nil {
		return "", false
	}
	for _, t := range v.types.ToStrings() {
		switch {
		case t == "null":
			nullable = true
		case word != "":
			return "", false
		default:
			word = t
		}
	}
	return word, nullable
}

func orNull(t *cel.Type, nullable bool) *cel.Type {
	if nullable {
		return cel.NullableType(t)
	}
	return t
}

func (o *objects) object(s *jsonschema.Schema, v view, name string) *cel.Type {
	if len(v.properties) == 0 {
		return cel.DynType
	}
	id := objectPrefix + name
	t := cel.ObjectType(id)
	o.made[s] = t // it may contain itself
	members := make(map[string]*cel.Type, len(v.properties))
	o.members[id], o.open[id] = members, v.open
	for member, of := range v.properties {
		members[member] = o.typeOf(of, name+"."+member)
	}
	return t
}

// view is what a schema says, with what it refers to.
type view struct {
	types      *jsonschema.Types
	properties map[string]*jsonschema.Schema
	items      *jsonschema.Schema
	open       bool // there may be other members, by what is not looked at
}

// flatten follows references and allOf. Members that several schemas name have
// the rules of the first.
func flatten(s *jsonschema.Schema) view {
	v := view{properties: map[string]*jsonschema.Schema{}}
	v.add(s, 0)
	return v
}

// maxReferences bounds references to references.
const maxReferences = 10

func (v *view) add(s *jsonschema.Schema, depth int) {
	if s == nil || depth > maxReferences {
		return
	}
	if v.types == nil {
		v.types = s.Types
	}
	if v.items == nil {
		v.items = s.Items2020
	}
	for name, p := range s.Properties {
		if _, ok := v.properties[name]; !ok {
			v.properties[name] = p
		}
	}
	v.open = v.open || opens(s)
	v.add(s.Ref, depth+1)
	for _, of := range s.AllOf {
		v.add(of, depth+1)
	}
}

// opens reports a schema that may allow members in a way that is not looked at.
func opens(s *jsonschema.Schema) bool {
	_, others := s.AdditionalProperties.(*jsonschema.Schema)
	return others || len(s.PatternProperties) > 0 || len(s.AnyOf) > 0 || len(s.OneOf) > 0 ||
		s.If != nil || len(s.DependentSchemas) > 0 || s.UnevaluatedProperties != nil || s.DynamicRef != nil
}
