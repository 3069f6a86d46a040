package filter

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

// Condition is what an event must meet: all of a subscription's filters. It never
// changes, and is safe for concurrent use with an [Event] each.
type Condition struct{ filters []node }

// node is one filter.
type node interface {
	holds(*Event) bool
	// failure says where and why it does not hold, if it does not.
	failure(*Event) (where, why string)
}

// Failure is the first filter that fails.
type Failure struct {
	Index int    // of the filter
	Where string // like "filters[0].exact.subject"
	Why   string // in words, without data of the event
}

// Holds reports whether the event meets the condition. A nil condition holds.
func (c *Condition) Holds(e *Event) bool {
	return c == nil || !slices.ContainsFunc(c.filters, func(n node) bool { return !n.holds(e) })
}

// Failure is why the condition does not hold; false if it does.
func (c *Condition) Failure(e *Event) (f Failure, failed bool) {
	if c == nil {
		return Failure{}, false
	}
	for i, n := range c.filters {
		if !n.holds(e) {
			where, why := n.failure(e)
			return Failure{i, where, why}, true
		}
	}
	return Failure{}, false
}

// how values are compared.
type how string

const (
	exact  how = "exact"
	prefix how = "prefix"
	suffix how = "suffix"
)

// pair compares one attribute or value.
type pair struct {
	where  string
	source Source
	how    how
	value  string
}

func (p *pair) holds(e *Event) bool {
	found, _ := e.some(p.source, p.fits)
	return found
}

func (p *pair) fits(value string) bool {
	switch p.how {
	case prefix:
		return strings.HasPrefix(value, p.value)
	case suffix:
		return strings.HasSuffix(value, p.value)
	default:
		return value == p.value
	}
}

func (p *pair) failure(e *Event) (where, why string) {
	noun := "the attribute " + p.source.name
	if p.source.OfData() {
		noun = "the value at " + strconv.Quote(p.source.name)
	}
	if _, there := e.some(p.source, p.fits); !there {
		return p.where, noun + " is not there"
	}
	verb := map[how]string{exact: "is not", prefix: "does not start with", suffix: "does not end in"}[p.how]
	return p.where, fmt.Sprintf("%s %s %q", noun, verb, p.value)
}

type all []node

func (a all) holds(e *Event) bool {
	return !slices.ContainsFunc(a, func(n node) bool { return !n.holds(e) })
}

func (a all) failure(e *Event) (where, why string) {
	for _, n := range a {
		if !n.holds(e) {
			return n.failure(e)
		}
	}
	return "", ""
}

type either struct {
	where string
	nodes []node
}

func (a *either) holds(e *Event) bool {
	return slices.ContainsFunc(a.nodes, func(n node) bool { return n.holds(e) })
}

func (a *either) failure(*Event) (where, why string) {
	return a.where, fmt.Sprintf("none of its %d filters holds", len(a.nodes))
}

type not struct {
	where string
	node  node
}

func (n *not) holds(e *Event) bool { return !n.node.holds(e) }

func (n *not) failure(*Event) (where, why string) { return n.where, "the filter in it holds" }

// Compiler makes conditions. Conditions of one compiler share the expressions
// that are the same. It is safe for concurrent use.
type Compiler struct{ programs shared }

// NewCompiler is a compiler that has compiled nothing.
func NewCompiler() *Compiler { return &Compiler{programs: newShared()} }

// Compile makes a condition, nil for no filters. An error is that of [Check],
// which knows of no types here.
func (c *Compiler) Compile(filters []schemas.Filter) (*Condition, error) {
	if len(filters) == 0 {
		return nil, nil
	}
	if err := schemas.ValidateFilters(filters); err != nil {
		return nil, err
	}
	nodes, err := c.list("filters", filters)
	if err != nil {
		return nil, err
	}
	return &Condition{nodes}, nil
}

func (c *Compiler) list(at string, filters []schemas.Filter) (nodes []node, err error) {
	for i := range filters {
		n, err := c.node(fmt.Sprintf("%s[%d]", at, i), &filters[i])
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func (c *Compiler) node(at string, f *schemas.Filter) (node, error) {
	switch {
	case len(f.Exact) > 0:
		return pairs(at, exact, f.Exact)
	case len(f.Prefix) > 0:
		return pairs(at, prefix, f.Prefix)
	case len(f.Suffix) > 0:
		return pairs(at, suffix, f.Suffix)
	case len(f.All) > 0:
		nodes, err := c.list(at+".all", f.All)
		return all(nodes), err
	case len(f.Any) > 0:
		nodes, err := c.list(at+".any", f.Any)
		return &either{at + ".any", nodes}, err
	case f.Not != nil:
		n, err := c.node(at+".not", f.Not)
		return &not{at + ".not", n}, err
	case f.SQL != "":
		return newSQL(at+".sql", f.SQL)
	default:
		return c.cel(at+".cel", f.CEL)
	}
}

func pairs(at string, how how, by map[string]string) (node, error) {
	nodes := make(all, 0, len(by))
	for _, name := range slices.Sorted(maps.Keys(by)) {
		where := at + "." + string(how) + "." + name
		source, err := newSource(name)
		if err != nil {
			return nil, schemas.Errorf(schemas.CodeInvalid, "%s: %w", where, err)
		}
		nodes = append(nodes, &pair{where, source, how, by[name]})
	}
	return nodes, nil
}
