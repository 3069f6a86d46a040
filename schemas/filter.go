package schemas

import (
	"maps"
	"slices"
	"strings"
)

// Filter is a condition on an event, in one of the dialects of CloudEvents
// Subscriptions 1.0 (section 3.2.4) or in CEL. Exactly one member is set.
//
// Exact, Prefix and Suffix are true if every one of their members is. A member
// is named after a context attribute ("subject", "source", an extension) or, if
// the name starts with "/", by a JSON Pointer (RFC 6901) into the event's data,
// in which "*" stands for any element of an array or any member of an object. An
// attribute or value that is not there makes them false, and so does a value
// that is no string, number or boolean; a number and a boolean are compared as
// JSON writes them.
type Filter struct {
	Exact  map[string]string `json:"exact,omitempty"`
	Prefix map[string]string `json:"prefix,omitempty"`
	Suffix map[string]string `json:"suffix,omitempty"`
	All    []Filter          `json:"all,omitempty"`
	Any    []Filter          `json:"any,omitempty"`
	Not    *Filter           `json:"not,omitempty"`
	// SQL is an expression of CloudEvents SQL 1.0 over the attributes.
	SQL string `json:"sql,omitempty"`
	// CEL is an expression of the Common Expression Language over the attributes
	// and data, like `data.booking.status == "confirmed"`.
	CEL string `json:"cel,omitempty"`
}

// Bounds of the filters of one subscription.
const (
	MaxFilters     = 100  // over all levels
	MaxFilterDepth = 16   // of all, any and not
	MaxExpression  = 4096 // bytes of one SQL or CEL expression
	maxFilterValue = 1024 // bytes of a name or value to compare with
)

// ValidateFilters holds filters to their form and bounds; whether an expression
// compiles is not its business. The error names where: "filters[0].not.exact".
func ValidateFilters(filters []Filter) error {
	left := MaxFilters
	for i := range filters {
		if err := filters[i].validate(indexed("filters", i), MaxFilterDepth, &left); err != nil {
			return err
		}
	}
	return nil
}

func (f *Filter) validate(at string, depth int, left *int) error {
	*left--
	switch {
	case *left < 0:
		return Errorf(CodeInvalid, "%s: there are more than %d filters: use fewer", at, MaxFilters)
	case depth == 0:
		return Errorf(CodeInvalid, "%s: filters are nested deeper than %d: flatten them", at, MaxFilterDepth)
	case f.members() != 1:
		return Errorf(CodeInvalid, "%s: has %d conditions: give exactly one of exact, prefix, suffix, all, any, not, sql, cel", at, f.members())
	}
	for name, pairs := range map[string]map[string]string{"exact": f.Exact, "prefix": f.Prefix, "suffix": f.Suffix} {
		if err := validatePairs(at+"."+name, pairs); err != nil {
			return err
		}
	}
	for name, expression := range map[string]string{"sql": f.SQL, "cel": f.CEL} {
		if len(expression) > MaxExpression {
			return Errorf(CodeInvalid, "%s.%s: has %d bytes: use at most %d", at, name, len(expression), MaxExpression)
		}
	}
	for i := range f.All {
		if err := f.All[i].validate(indexed(at+".all", i), depth-1, left); err != nil {
			return err
		}
	}
	for i := range f.Any {
		if err := f.Any[i].validate(indexed(at+".any", i), depth-1, left); err != nil {
			return err
		}
	}
	if f.Not != nil {
		return f.Not.validate(at+".not", depth-1, left)
	}
	return nil
}

// members counts what is set.
func (f *Filter) members() int {
	n := 0
	for _, set := range [...]bool{
		len(f.Exact) > 0, len(f.Prefix) > 0, len(f.Suffix) > 0, len(f.All) > 0, len(f.Any) > 0,
		f.Not != nil, f.SQL != "", f.CEL != "",
	} {
		if set {
			n++
		}
	}
	return n
}

func validatePairs(at string, pairs map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		switch value := pairs[name]; {
		case len(name) > maxFilterValue || len(value) > maxFilterValue:
			return Errorf(CodeInvalid, "%s: a name or value has more than %d bytes: use less", at, maxFilterValue)
		case value == "":
			return Errorf(CodeInvalid, "%s.%s: the value is empty: CloudEvents attributes never are", at, name)
		case !strings.HasPrefix(name, "/") && !validAttribute(name):
			return Errorf(CodeInvalid, "%s: %q names neither an attribute (a-z and 0-9) nor data (a JSON Pointer like \"/user/id\")", at, name)
		}
	}
	return nil
}

// validAttribute tells whether a filter may name the attribute.
func validAttribute(name string) bool {
	return name != "data" && (reserved(name) || validExtension(name))
}
