package config

import (
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/tidings-dev/tidings/schemas"
)

// place is a value of a static file, and where it stands. A value that is not
// there, or is null, is empty text, false, 0, and has no items. Reading a value
// as what it is not adds a problem to the source and gives the same.
type place struct {
	src          *source
	node         ast.Node
	field        string
	line, column int
}

// at is the same place with another position.
func (p place) at(t *token.Token) place {
	if t != nil && t.Position != nil {
		p.line, p.column = t.Position.Line, t.Position.Column
	}
	return p
}

// refuse says what is wrong with the value, and what to do.
func (p place) refuse(format string, args ...any) { p.src.refuse(p, format, args...) }

// value is what the place holds, or nil.
func (p place) value() ast.Node { return p.src.resolve(p.node) }

// given reports whether there is a value.
func (p place) given() bool { return p.value() != nil }

// record wants a mapping, of no other names than these. It reports whether
// there is one.
func (p place) record(names ...string) bool { return p.recordOf(names, true) }

// recordOf shows unknown names only if they cannot be a misplaced secret.
func (p place) recordOf(names []string, show bool) bool {
	ok := false
	for name, member := range p.members() {
		ok = true
		switch {
		case slices.Contains(names, name):
		case show:
			member.refuse("is unknown: use %s", strings.Join(names, ", "))
		default:
			member.field = p.field
			member.refuse("has an unknown member: use %s", strings.Join(names, ", "))
		}
	}
	return ok
}

// lacks refuses a record that has no members, or is not there; what is no record
// has been refused.
func (p place) lacks(what string) {
	n := p.value()
	if _, ok := n.(ast.MapNode); ok || n == nil {
		p.refuse("declares nothing: give %s", what)
	}
}

// member is the one of that name of a mapping. If it is not there, its problems
// are told at the mapping.
func (p place) member(name string) place {
	none := p
	none.node, none.field = nil, join(p.field, name)
	pairs, _ := p.pairs(maxAliases)
	for _, pair := range pairs {
		if keyOf(p.src, pair) == name {
			none.node = pair.Value
			return none.at(tokenOf(pair.Key))
		}
	}
	return none
}

// members are those of a mapping, in the order of the file.
func (p place) members() iter.Seq2[string, place] {
	return func(yield func(string, place) bool) {
		if !p.given() {
			return
		}
		pairs, ok := p.pairs(maxAliases)
		if !ok {
			p.refuse("must be a mapping, like {name: value}")
			return
		}
		seen := map[string]bool{}
		for _, pair := range pairs {
			m := p
			m.node = pair.Value
			m = m.at(tokenOf(pair.Key))
			name := keyOf(p.src, pair)
			switch {
			case name == "":
				m.refuse("has a member whose name is no plain text")
				continue
			case seen[name]:
				m.refuse("has a member twice: leave one out")
				continue
			}
			seen[name] = true
			m.field = join(p.field, name)
			if !p.src.spend() || !yield(name, m) {
				return
			}
		}
	}
}

// pairs are a mapping's own members, and those of its merge key ("<<") that are
// not among them. Merge keys lead to one another at most so often.
func (p place) pairs(merges int) (own []*ast.MappingValueNode, ok bool) {
	m, ok := p.value().(ast.MapNode)
	if !ok {
		return nil, false
	}
	var merged []*ast.MappingValueNode
	for i := m.MapRange(); i.Next(); {
		if !i.Key().IsMergeKey() {
			own = append(own, i.KeyValue())
			continue
		}
		from := p
		from.node = i.Value()
		if merges > 0 {
			merged, ok = from.pairs(merges - 1)
		}
		if merges == 0 || !ok {
			from.at(i.Key().GetToken()).refuse("\"<<\" takes one alias of a mapping, and at most %d in a row", maxAliases)
		}
	}
	for _, pair := range merged {
		name := keyOf(p.src, pair)
		if !slices.ContainsFunc(own, func(o *ast.MappingValueNode) bool { return keyOf(p.src, o) == name }) {
			own = append(own, pair)
		}
	}
	return own, true
}

// items are those of a list.
func (p place) items() []place {
	if !p.given() {
		return nil
	}
	list, ok := p.value().(*ast.SequenceNode)
	if !ok {
		p.refuse("must be a list, like [a, b]")
		return nil
	}
	var items []place
	for i, n := range list.Values {
		if !p.src.spend() {
			return nil
		}
		items = append(items, p.item(i, n))
	}
	return items
}

func (p place) item(i int, n ast.Node) place {
	p.node, p.field = n, p.field+"["+strconv.Itoa(i)+"]"
	return p.at(tokenOf(n))
}

// spend takes one from what may be looked at, and says once that nothing is left.
func (s *source) spend() bool {
	s.items--
	if s.items == -1 {
		s.problems, s.dropped = nil, 0 // which repeat too
		place{src: s}.refuse("its aliases repeat more than %d values: write out less", maxItems)
		s.closed = true
	}
	return s.items >= 0
}

// text is a scalar as it is written; a number or boolean is text too.
func (p place) text() string {
	n := p.value()
	if n == nil {
		return ""
	}
	text, ok := scalar(n)
	if !ok {
		p.refuse("must be text")
	}
	return text
}

// texts are those of a list, which has no empty ones.
func (p place) texts() []string {
	var texts []string
	for _, item := range p.items() {
		texts = append(texts, item.text())
	}
	return texts
}

func (p place) flag() bool {
	n := p.value()
	b, ok := n.(*ast.BoolNode)
	if n != nil && !ok {
		p.refuse("must be true or false")
	}
	return ok && b.Value
}

func (p place) number() int {
	n := p.value()
	if n == nil {
		return 0
	}
	text, _ := scalar(n)
	v, err := strconv.Atoi(text)
	if _, ok := n.(*ast.IntegerNode); !ok || err != nil {
		p.refuse("must be a whole number")
		return 0
	}
	return v
}

func (p place) moment() time.Time {
	if !p.given() {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, p.text())
	if err != nil {
		p.refuse("must be a time (RFC 3339), like 2027-01-31T15:04:05Z")
		return time.Time{}
	}
	return t.UTC()
}

func (p place) duration() (d schemas.Duration) {
	if p.given() {
		p.blame(d.UnmarshalText([]byte(p.text())))
	}
	return d
}

// aboutRecord begins the errors of package schemas; the field says more.
var aboutRecord = regexp.MustCompile(`^(tenant|endpoint|subscription|token) [A-Za-z0-9_-]*: `)

// blame tells an error about the record that is here, at the field that its
// text begins with. Nil is no problem.
func (p place) blame(err error) {
	if err == nil {
		return
	}
	message := err.Error()
	message = strings.TrimPrefix(message, aboutRecord.FindString(message))
	for {
		next, rest, ok := p.step(message)
		if !ok {
			break
		}
		p, message = next, rest
	}
	message = strings.TrimLeft(message, ": ")
	p.refuse("%s", subject(p.src.secrets[p.field], message))
}

// subject puts who a message is about before it; nobody adds nothing.
func subject(who, message string) string {
	switch {
	case who == "":
		return message
	case strings.HasPrefix(message, "is ") || strings.HasPrefix(message, "has "):
		return who + " " + message
	}
	return who + ": " + message
}

// step is the member or item of p that a message names at its beginning, and
// the rest of the message.
func (p place) step(message string) (next place, rest string, ok bool) {
	if inner, isItem := strings.CutPrefix(message, "["); isItem {
		index, rest, _ := strings.Cut(inner, "]")
		i, err := strconv.Atoi(index)
		list, isList := p.value().(*ast.SequenceNode)
		if err != nil || !isList || i < 0 || i >= len(list.Values) {
			return p, message, false
		}
		return p.item(i, list.Values[i]), rest, true
	}
	name := strings.TrimPrefix(message, ".")
	rest = ""
	if end := strings.IndexAny(name, " .[:"); end >= 0 {
		name, rest = name[:end], name[end:]
	}
	if name == "" {
		return p, message, false
	}
	next = p.member(name)
	return next, rest, next.node != nil
}

// scalar is the text of a node that is one.
func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// keyOf is the name of a member; empty if it is none.
func keyOf(s *source, pair *ast.MappingValueNode) string {
	name, _ := scalar(s.resolve(pair.Key))
	return name
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// join is the field of a member.
func join(field, name string) string {
	switch {
	case !plainName.MatchString(name):
		return field + "[" + strconv.Quote(name[:min(len(name), 128)]) + "]"
	case field == "":
		return name
	}
	return field + "." + name
}
