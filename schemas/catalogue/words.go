package catalogue

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// leaf words an error that has no deeper one. The words name the rule and never
// the value, which may be private; a value's type and length are not.
func leaf(e *jsonschema.ValidationError) problem {
	p := problem{path: e.InstanceLocation}
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return mismatch(e.InstanceLocation, k.Got, k.Want)
	case *kind.Required:
		p.path, p.rule = child(e, k.Missing[0]), "is missing"
	case *kind.AdditionalProperties:
		p.path, p.rule = child(e, slices.Min(k.Properties)), "is not a known member"
	case *kind.FalseSchema:
		p.rule = "may not be there"
	case *kind.DependentRequired:
		p.path, p.rule = child(e, k.Missing[0]), fmt.Sprintf("is missing, and %q needs it", k.Prop)
	case *kind.Dependency:
		p.path, p.rule = child(e, k.Missing[0]), fmt.Sprintf("is missing, and %q needs it", k.Prop)
	case *kind.Enum:
		p.rule = "must be one of " + values(k.Want)
	case *kind.Const:
		p.rule = "must be " + values([]any{k.Want})
	case *kind.Format:
		p.rule = "must be " + format(k.Want)
	case *kind.Pattern:
		p.rule = "must match the pattern " + k.Want
	case *kind.Not:
		p.rule = "must not match what the schema excludes"
	case *kind.RefCycle:
		p.rule = "cannot be judged: the schema refers to itself in a circle"
	case *kind.OneOf:
		p.rule = "must match one alternative only, matches several"
	default:
		p.rule = bound(e.ErrorKind)
	}
	return p
}

// bound words an error about a size.
func bound(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.MinLength:
		if k.Got == 0 {
			return "must not be empty"
		}
		return counted("least", k.Want, "character", k.Got)
	case *kind.MaxLength:
		return counted("most", k.Want, "character", k.Got)
	case *kind.MinItems:
		return counted("least", k.Want, "element", k.Got)
	case *kind.MaxItems:
		return counted("most", k.Want, "element", k.Got)
	case *kind.MinProperties:
		return counted("least", k.Want, "member", k.Got)
	case *kind.MaxProperties:
		return counted("most", k.Want, "member", k.Got)
	case *kind.UniqueItems:
		return fmt.Sprintf("must not repeat an element: %d and %d are the same", k.Duplicates[0], k.Duplicates[1])
	case *kind.Contains:
		return "lacks an element that the schema demands"
	case *kind.MinContains:
		return fmt.Sprintf("must have at least %d of the elements that the schema demands, has %d", k.Want, len(k.Got))
	case *kind.MaxContains:
		return fmt.Sprintf("must have at most %d of the elements that the schema limits, has %d", k.Want, len(k.Got))
	default:
		return limit(k)
	}
}

// limit words an error about a number.
func limit(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Minimum:
		return "must be at least " + number(k.Want)
	case *kind.Maximum:
		return "must be at most " + number(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be more than " + number(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + number(k.Want)
	case *kind.MultipleOf:
		return "must be a multiple of " + number(k.Want)
	default:
		return "breaks the rule " + strconv.Quote(strings.Join(k.KeywordPath(), "/"))
	}
}

// counted words a bound, like "must have at least 1 element, has 0".
func counted(bound string, want int, what string, got int) string {
	if want != 1 {
		what += "s"
	}
	return fmt.Sprintf("must have at %s %d %s, has %d", bound, want, what, got)
}

// mismatch is the problem of a value that is of the wrong type.
func mismatch(path []string, got string, want []string) problem {
	names := make([]string, 0, len(want))
	for _, w := range want {
		if w != "null" {
			names = append(names, article(w))
		}
	}
	if len(names) < len(want) { // null comes last, being the exception
		names = append(names, "null")
	}
	return problem{
		path: path,
		rule: "must be " + strings.Join(names, " or ") + ", is " + article(got),
		got:  got,
		want: want,
	}
}

func article(jsonType string) string {
	switch jsonType {
	case "null":
		return jsonType
	case "array", "integer", "object":
		return "an " + jsonType
	default:
		return "a " + jsonType
	}
}

func format(name string) string {
	switch name {
	case "date-time":
		return "a time of RFC 3339, like \"2026-01-02T15:04:05Z\""
	case "date":
		return "a date, like \"2026-01-02\""
	case "email":
		return "an e-mail address"
	case "uri":
		return "an absolute URI"
	case "regex":
		return "a regular expression as Go knows them (RE2)"
	default:
		return "of the format " + strconv.Quote(name)
	}
}

// maxValues is how many values of an enumeration an error lists.
const maxValues = 20

func values(of []any) string {
	texts := make([]string, 0, min(len(of), maxValues+1))
	for _, v := range of[:min(len(of), maxValues)] {
		text, err := json.Marshal(v)
		if err != nil {
			text = []byte("?") // cannot be: it came from JSON
		}
		texts = append(texts, string(text))
	}
	if len(of) > maxValues {
		texts = append(texts, "…")
	}
	return strings.Join(texts, ", ")
}

func number(r *big.Rat) string {
	if r.IsInt() && r.Num().IsInt64() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}
