package catalogue

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// problem is one rule that a value breaks. The validator finds all of them, in
// an order that changes; a person wants one, and the same one each time.
type problem struct {
	path []string // where in the value
	rule string   // in plain words
	// got is what the value is, and want what it may be, if that is the problem.
	got  string
	want []string
}

// problemOf is the problem to tell of a validator's error.
func problemOf(err error) problem {
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return first(invalid)
	}
	return problem{rule: err.Error()}
}

// Error tells the problem of a value that has no name.
func (p problem) Error() string { return p.at("") }

// at tells the problem of a value that is called root.
func (p problem) at(root string) string {
	if where := p.location(root); where != "" {
		return where + ": " + p.rule
	}
	return p.rule
}

// location is the JSON pointer after root.
func (p problem) location(root string) string {
	var b strings.Builder
	b.WriteString(root)
	for _, segment := range p.path {
		b.WriteByte('/')
		b.WriteString(escape.Replace(segment))
	}
	if root == "" {
		return strings.TrimPrefix(b.String(), "/")
	}
	return b.String()
}

// first is the problem to tell: where several rules have to hold, the one whose
// place comes first; where one of several is enough, see [closest].
func first(e *jsonschema.ValidationError) problem {
	switch k := e.ErrorKind.(type) {
	case *kind.AnyOf:
		return closest(e)
	case *kind.OneOf:
		if k.Subschemas == nil {
			return closest(e)
		}
	case *kind.PropertyNames:
		// The validator goes on to overwrite the place of this one.
		return problem{rule: fmt.Sprintf("the member name %q is not allowed where it stands", k.Property)}
	case *kind.Contains, *kind.MinContains:
		// The causes are what every element lacks.
	default:
		if len(e.Causes) > 0 {
			return slices.MinFunc(firsts(e.Causes), compare)
		}
	}
	return leaf(e)
}

func firsts(causes []*jsonschema.ValidationError) []problem {
	problems := make([]problem, len(causes))
	for i, cause := range causes {
		problems[i] = first(cause)
	}
	return problems
}

// closest is the problem of the alternative that was probably meant: of those
// that are of the value's type, the one that fails deepest inside it. If all are
// of another type, the value may be any of those.
func closest(e *jsonschema.ValidationError) problem {
	problems := firsts(e.Causes)
	fit := slices.DeleteFunc(slices.Clone(problems), func(p problem) bool {
		return p.want != nil && len(p.path) == len(e.InstanceLocation)
	})
	if len(fit) > 0 {
		deepest := fit[0]
		for _, p := range fit {
			if len(p.path) > len(deepest.path) {
				deepest = p
			}
		}
		return deepest
	}
	var want []string
	for _, p := range problems {
		want = append(want, p.want...)
	}
	slices.Sort(want)
	return mismatch(e.InstanceLocation, problems[0].got, slices.Compact(want))
}

// compare orders problems by their place.
func compare(a, b problem) int {
	for i := range min(len(a.path), len(b.path)) {
		if c := compareSegments(a.path[i], b.path[i]); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(a.path), len(b.path)), cmp.Compare(a.rule, b.rule))
}

// compareSegments puts the elements of an array in their order.
func compareSegments(a, b string) int {
	i, errA := strconv.Atoi(a)
	j, errB := strconv.Atoi(b)
	if errA == nil && errB == nil {
		return cmp.Or(cmp.Compare(i, j), cmp.Compare(a, b))
	}
	return cmp.Compare(a, b)
}

func child(e *jsonschema.ValidationError, name string) []string {
	return append(slices.Clone(e.InstanceLocation), name)
}
