package catalogue

import (
	"bytes"
	"math"
	"regexp/syntax"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tidings-dev/tidings/schemas"
)

// The JSON Schema library takes what time and memory it takes, and data and
// schemas come from strangers: an event must not hold up the others of its
// partition. So what it would cost is reckoned first.
const (
	// maxEvaluations bounds how often a schema is applied to a value, over all
	// values of an event's data. A failing one costs some 4 µs and 1 KiB.
	maxEvaluations = 50_000
	// maxPerValue bounds the same for one value, down to sampleDepth.
	maxPerValue = 1_000
	sampleDepth = 8
	// maxNesting is how deep a recursive schema is followed.
	maxNesting = 64
	// maxPatternSteps bounds the bytes of an event's data times the size of the
	// largest pattern, which is what matching takes at worst.
	maxPatternSteps = 20_000_000
	// maxPattern bounds a compiled pattern, in instructions.
	maxPattern = 200
	// maxDefinition bounds a type's file, in bytes.
	maxDefinition = 256 << 10
)

// budget is what judging data by a schema costs.
type budget struct {
	// perValue is how often a schema is applied to one value, by how deep the
	// value lies; to a deeper one never, or without end if endless is set.
	perValue []float64
	endless  bool
	pattern  int // instructions of the largest pattern
}

// allows returns an error for data that is too much to judge.
func (b budget) allows(data []byte) error {
	if b.pattern*len(data) > maxPatternSteps {
		return schemas.Errorf(schemas.CodeInvalid, "data: is %d bytes, too many for the patterns of its schema: send at most %d", len(data), maxPatternSteps/b.pattern)
	}
	total, values := 0.0, 0
	for depth, n := range valuesByDepth(data) {
		cost := 1.0 // decoding
		switch {
		case depth < len(b.perValue):
			cost += b.perValue[depth]
		case b.endless:
			cost = math.Inf(1)
		}
		values += n
		if n > 0 {
			total += cost * float64(n)
		}
	}
	if total > maxEvaluations {
		return schemas.Errorf(schemas.CodeInvalid, "data: breaks its schema, or needs long judging; with %d values it is too large to say where: try with fewer", values)
	}
	return nil
}

// valuesByDepth is how many values there are at most at each depth.
func valuesByDepth(data []byte) []int {
	counts := []int{1}
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = textEnd(data, i)
		case '{', '[':
			if depth++; depth == len(counts) {
				counts = append(counts, 0)
			}
			counts[depth]++
		case '}', ']':
			depth = max(depth-1, 0)
		case ',':
			counts[depth]++
		}
	}
	return counts
}

// textEnd is where the string that begins at i ends.
func textEnd(data []byte, i int) int {
	for i++; i < len(data) && data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i
}

// reckon finds what a schema costs, and refuses one that costs too much.
func reckon(s *jsonschema.Schema) (budget, error) {
	r := reckoner{cost: map[place]float64{}, sizes: map[*jsonschema.Schema]bool{}}
	if err := r.patterns(s); err != nil {
		return budget{}, err
	}
	b := budget{pattern: r.largest}
	for depth := 0; ; depth++ {
		n := r.applied(s, depth)
		if math.IsInf(n, 1) {
			return budget{}, schemas.Errorf(schemas.CodeInvalid, "refers to itself without end: let a $ref lead back only from below, through properties or items")
		}
		if depth <= sampleDepth && n > maxPerValue {
			return budget{}, schemas.Errorf(schemas.CodeInvalid, "applies more than %d schemas to one value: use fewer alternatives (anyOf, oneOf, allOf, $ref)", maxPerValue)
		}
		if n == 0 {
			return b, nil
		}
		if depth == maxNesting {
			b.endless = true
			return b, nil
		}
		b.perValue = append(b.perValue, n)
	}
}

// place is a schema, asked about the values so many levels below.
type place struct {
	schema *jsonschema.Schema
	below  int
}

type reckoner struct {
	cost    map[place]float64
	sizes   map[*jsonschema.Schema]bool // whose patterns are known
	largest int
}

// applied is how often schemas are applied, at most, to one value that lies so
// many levels below one to which s is applied.
func (r *reckoner) applied(s *jsonschema.Schema, below int) float64 {
	if s == nil {
		return 0
	}
	at := place{s, below}
	if n, ok := r.cost[at]; ok {
		return n
	}
	r.cost[at] = math.Inf(1) // should the schema refer to itself
	n := 0.0
	if below == 0 {
		n = 1
		if s.Enum != nil {
			n += float64(len(s.Enum.Values)) / 16
		}
	}
	for _, same := range inPlace(s) {
		n += r.applied(same, below)
	}
	if below > 0 {
		for _, group := range under(s) {
			most := 0.0
			for _, one := range group {
				most = max(most, r.applied(one, below-1))
			}
			n += most
		}
	}
	r.cost[at] = n
	return n
}

// inPlace are the schemas that s applies to the same value.
func inPlace(s *jsonschema.Schema) []*jsonschema.Schema {
	list := []*jsonschema.Schema{s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else}
	if s.DynamicRef != nil {
		list = append(list, s.DynamicRef.Ref)
	}
	list = append(append(append(list, s.AllOf...), s.AnyOf...), s.OneOf...)
	for _, d := range s.DependentSchemas {
		list = append(list, d)
	}
	for _, d := range s.Dependencies {
		if d, ok := d.(*jsonschema.Schema); ok {
			list = append(list, d)
		}
	}
	return list
}

// under are the schemas that s applies to what the value holds, in groups of
// which one at most is applied to the same.
func under(s *jsonschema.Schema) [][]*jsonschema.Schema {
	groups := [][]*jsonschema.Schema{
		{s.PropertyNames}, {s.UnevaluatedProperties}, {s.Contains}, {s.Items2020}, {s.UnevaluatedItems}, {s.ContentSchema}, s.PrefixItems,
	}
	var named []*jsonschema.Schema
	for _, p := range s.Properties {
		named = append(named, p)
	}
	groups = append(groups, named)
	for _, p := range s.PatternProperties {
		groups = append(groups, []*jsonschema.Schema{p})
	}
	for _, other := range []any{s.AdditionalProperties, s.Items, s.AdditionalItems} {
		switch other := other.(type) {
		case *jsonschema.Schema:
			groups = append(groups, []*jsonschema.Schema{other})
		case []*jsonschema.Schema:
			groups = append(groups, other)
		}
	}
	return groups
}

// patterns finds the largest pattern of s and all it leads to.
func (r *reckoner) patterns(s *jsonschema.Schema) error {
	if s == nil || r.sizes[s] {
		return nil
	}
	r.sizes[s] = true
	if s.Pattern != nil {
		if err := r.pattern(s.Pattern.String()); err != nil {
			return err
		}
	}
	for p := range s.PatternProperties {
		if err := r.pattern(p.String()); err != nil {
			return err
		}
	}
	next := inPlace(s)
	for _, group := range under(s) {
		next = append(next, group...)
	}
	for _, one := range next {
		if err := r.patterns(one); err != nil {
			return err
		}
	}
	return nil
}

func (r *reckoner) pattern(text string) error {
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return err
	}
	if len(program.Inst) > maxPattern {
		return schemas.Errorf(schemas.CodeInvalid, "the pattern %.40q takes %d steps for each character: use at most %d, with fewer or smaller counts", text, len(program.Inst), maxPattern)
	}
	r.largest = max(r.largest, len(program.Inst))
	return nil
}

// tooLarge refuses a definition that is longer than any that is meant.
func tooLarge(file []byte) error {
	if len(bytes.TrimSpace(file)) > maxDefinition {
		return schemas.Errorf(schemas.CodeInvalid, "is %d bytes: use at most %d", len(file), maxDefinition)
	}
	return nil
}
