package fanout

import (
	"slices"
	"strings"
	"sync"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// Index finds the endpoints that subscribe to an event. For each tenant it is
// a trie over the segments of the type patterns, so a match costs the length
// of the type and the number of endpoints found, not the number of
// subscriptions. It is safe for concurrent use.
type Index struct {
	mu            sync.RWMutex // guards all below
	roots         map[schemas.TenantID]*node
	tenants       map[schemas.TenantID]schemas.Tenant
	subscriptions map[schemas.SubscriptionID]schemas.Subscription
	// dialects are those of endpoints whose dialect does not carry every type.
	dialects map[schemas.EndpointID]schemas.Dialect
}

// node stands for the segments that lead to it.
type node struct {
	next map[string]*node // by segment; schemas.Wildcard for any
	// here are those whose pattern ends at this node, and rest those whose
	// pattern ends in a wildcard after it. The value counts the patterns.
	here, rest map[subscriber]int
}

// subscriber is an endpoint, on one channel only if that is set.
type subscriber struct {
	endpoint schemas.EndpointID
	channel  string
}

// NewIndex is an index of nothing.
func NewIndex() *Index {
	return &Index{
		roots:         map[schemas.TenantID]*node{},
		tenants:       map[schemas.TenantID]schemas.Tenant{},
		subscriptions: map[schemas.SubscriptionID]schemas.Subscription{},
		dialects:      map[schemas.EndpointID]schemas.Dialect{},
	}
}

// Apply takes in one change of the registry.
func (x *Index) Apply(c schemas.Change) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case c.Tenant != nil && c.Removed:
		delete(x.tenants, c.Tenant.ID)
	case c.Tenant != nil:
		x.tenants[c.Tenant.ID] = *c.Tenant
	case c.Endpoint != nil && (c.Removed || c.Endpoint.Dialect.Open()):
		delete(x.dialects, c.Endpoint.ID)
	case c.Endpoint != nil:
		x.dialects[c.Endpoint.ID] = c.Endpoint.Dialect
	case c.Subscription != nil:
		if old, ok := x.subscriptions[c.Subscription.ID]; ok {
			x.remove(old)
			delete(x.subscriptions, old.ID)
		}
		if !c.Removed {
			x.subscriptions[c.Subscription.ID] = *c.Subscription
			x.add(*c.Subscription)
		}
	}
}

// Tenant finds a tenant.
func (x *Index) Tenant(id schemas.TenantID) (t schemas.Tenant, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	t, ok = x.tenants[id]
	return t, ok
}

// Event is what subscriptions are matched with.
type Event struct {
	Tenant schemas.TenantID
	Type   string
	// Known is the type as the catalogue has it, or nil.
	Known *catalogue.Type
	Data  []byte
}

// Match appends to found the endpoints of the tenant that get the event, each
// once, in order of their ids: those that subscribe to its type, on its channel
// if they name one, and whose dialect carries it. Where a channel has a OneRoute
// endpoint of its own, the tenant's others of that dialect step back.
func (x *Index) Match(found []schemas.EndpointID, e Event) []schemas.EndpointID {
	var room [16]subscriber // most events find fewer, and need no memory
	start := len(found)
	x.mu.RLock()
	defer x.mu.RUnlock()
	root := x.roots[e.Tenant]
	if root == nil {
		return found
	}
	subscribers := root.match(room[:0], e.Type)
	channel := x.channel(subscribers, e)
	ownRoute := false
	for _, s := range subscribers {
		if s.channel == channel && s.channel != "" && x.dialects[s.endpoint] == schemas.DialectOneRoute {
			ownRoute = true
		}
	}
	for _, s := range subscribers {
		dialect, closed := x.dialects[s.endpoint]
		switch {
		case s.channel != "" && s.channel != channel:
		case closed && !carries(e.Known, dialect):
		case ownRoute && s.channel == "" && dialect == schemas.DialectOneRoute:
		default:
			found = append(found, s.endpoint)
		}
	}
	slices.Sort(found[start:])
	return found[:start+len(slices.Compact(found[start:]))]
}

func carries(known *catalogue.Type, d schemas.Dialect) bool {
	if known == nil {
		return false
	}
	_, ok := known.Dialects[d]
	return ok
}

// channel is the event's, which is looked for only if somebody asks for one.
func (x *Index) channel(subscribers []subscriber, e Event) string {
	if !slices.ContainsFunc(subscribers, func(s subscriber) bool { return s.channel != "" }) {
		return ""
	}
	return e.Known.ChannelOf(e.Data)
}

// match walks the trie. left is what remains of the type, "" at its end.
func (n *node) match(found []subscriber, left string) []subscriber {
	for s := range n.rest {
		found = append(found, s)
	}
	segment, left, more := strings.Cut(left, ".")
	for _, step := range [...]string{segment, schemas.Wildcard} { // a type may itself hold a "*" segment: found twice, kept once
		child := n.next[step]
		switch {
		case child == nil:
		case more:
			found = child.match(found, left)
		default:
			for s := range child.here {
				found = append(found, s)
			}
		}
	}
	return found
}

func (x *Index) add(s schemas.Subscription) {
	root := x.roots[s.Tenant]
	if root == nil {
		root = &node{}
		x.roots[s.Tenant] = root
	}
	for _, p := range s.Types {
		root.count(p.Segments(), subscriber{s.Endpoint, s.Channel}, +1)
	}
}

func (x *Index) remove(s schemas.Subscription) {
	root := x.roots[s.Tenant]
	for _, p := range s.Types {
		root.count(p.Segments(), subscriber{s.Endpoint, s.Channel}, -1)
	}
	if root.empty() {
		delete(x.roots, s.Tenant)
	}
}

// count adds by to the subscriber's patterns at the end of path, and drops what
// has become empty.
func (n *node) count(path []string, s subscriber, by int) {
	last := len(path) == 1
	if last && path[0] == schemas.Wildcard {
		n.rest = counted(n.rest, s, by)
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
		child.here = counted(child.here, s, by)
	} else {
		child.count(path[1:], s, by)
	}
	if child.empty() {
		delete(n.next, path[0])
	}
}

func counted(m map[subscriber]int, s subscriber, by int) map[subscriber]int {
	if m == nil {
		m = map[subscriber]int{}
	}
	if m[s] += by; m[s] == 0 {
		delete(m, s)
	}
	return m
}

func (n *node) empty() bool { return len(n.next) == 0 && len(n.here) == 0 && len(n.rest) == 0 }
