package fanout

import (
	"slices"
	"strings"

	"github.com/tidings-dev/tidings/fanout/filter"
	"github.com/tidings-dev/tidings/schemas"
)

// node stands for the segments that lead to it.
type node struct {
	next map[string]*node // by segment; schemas.Wildcard for any
	// here are those whose pattern ends at this node, and rest those whose
	// pattern ends in a wildcard after it.
	here, rest leaf
}

// leaf is where patterns end.
type leaf struct {
	// plain are the endpoints of subscriptions that ask for no more, once for each
	// pattern.
	plain tally[schemas.EndpointID]
	more  *more // nil if all are plain
}

// more are the subscriptions of a leaf that ask for more, each in one of these.
type more struct {
	users map[string][]*entry // by each id of their user
	keyed []byKey
	rest  tally[*entry] // the others, once for each pattern
}

// byKey are those found by what one attribute or value is equal to.
type byKey struct {
	source  filter.Source
	entries map[string][]*entry
}

// visit calls at for each leaf that the type reaches. left is what remains of the
// type, "" at its end. A type that itself holds a "*" segment may reach a leaf
// twice.
func (n *node) visit(left string, at func(*leaf)) {
	if n == nil { // there is no such scope
		return
	}
	at(&n.rest)
	segment, left, more := strings.Cut(left, ".")
	for _, step := range [...]string{segment, schemas.Wildcard} {
		child := n.next[step]
		switch {
		case child == nil:
		case more:
			child.visit(left, at)
		default:
			at(&child.here)
		}
	}
}

// change adds the entry at the end of path, or removes it if by is -1, and drops
// what has become empty.
func (n *node) change(path []string, e *entry, by int) {
	last := len(path) == 1
	if last && path[0] == schemas.Wildcard {
		n.rest.change(e, by)
		return
	}
	child := n.next[path[0]]
	if child == nil {
		child = &node{}
		if n.next == nil {
			n.next = map[string]*node{}
		}
		n.next[path[0]] = child
	}
	if last {
		child.here.change(e, by)
	} else {
		child.change(path[1:], e, by)
	}
	if child.empty() {
		delete(n.next, path[0])
	}
}

func (n *node) empty() bool { return len(n.next) == 0 && n.here.empty() && n.rest.empty() }

func (l *leaf) empty() bool { return l.plain.empty() && l.more == nil }

func (l *leaf) change(e *entry, by int) {
	if e.plain {
		l.plain.change(e.Endpoint, by)
		return
	}
	if l.more == nil {
		l.more = &more{}
	}
	if l.more.change(e, by); l.more.empty() {
		l.more = nil
	}
}

func (m *more) empty() bool { return len(m.users) == 0 && len(m.keyed) == 0 && m.rest.empty() }

func (m *more) change(e *entry, by int) {
	switch {
	case len(e.User) > 0:
		for _, id := range e.User {
			m.users = listed(m.users, id, e, by)
		}
	case e.key != nil:
		i := slices.IndexFunc(m.keyed, func(b byKey) bool { return b.source.Same(e.key.Source) })
		if i < 0 {
			i = len(m.keyed)
			m.keyed = append(m.keyed, byKey{source: e.key.Source})
		}
		b := &m.keyed[i]
		if b.entries = listed(b.entries, e.key.Value, e, by); len(b.entries) == 0 {
			m.keyed = slices.Delete(m.keyed, i, i+1)
		}
	default:
		m.rest.change(e, by)
	}
}

// crowd is how many subscriptions are found by a key where a pattern ends.
func (n *node) crowd(path []string, k filter.Key) int {
	for i, segment := range path {
		if i == len(path)-1 && segment == schemas.Wildcard {
			return n.rest.crowd(k)
		}
		if n = n.next[segment]; n == nil {
			return 0
		}
	}
	return n.here.crowd(k)
}

func (l *leaf) crowd(k filter.Key) int {
	if l.more == nil {
		return 0
	}
	i := slices.IndexFunc(l.more.keyed, func(b byKey) bool { return b.source.Same(k.Source) })
	if i < 0 {
		return 0
	}
	return len(l.more.keyed[i].entries[k.Value])
}

// listed adds e to the list of key, or removes it once.
func listed(m map[string][]*entry, key string, e *entry, by int) map[string][]*entry {
	if m == nil {
		m = map[string][]*entry{}
	}
	list := m[key]
	if by > 0 {
		m[key] = append(list, e)
		return m
	}
	if i := slices.Index(list, e); i >= 0 {
		list[i] = list[len(list)-1]
		list[len(list)-1] = nil
		m[key] = list[:len(list)-1]
	}
	if len(m[key]) == 0 {
		delete(m, key)
	}
	return m
}
