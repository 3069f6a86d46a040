package fanout

import (
	"slices"
	"strings"
	"sync"

	"github.com/tidings-dev/tidings/schemas"
)

// Index finds the endpoints that subscribe to an event. For each tenant it is
// a trie over the segments of the type patterns, so a match costs the length
// of the type and the number of endpoints found, not the number of
// subscriptions. It is safe for concurrent use.
type Index struct {
	mu            sync.RWMutex // guards all below
	tenants       map[schemas.TenantID]*node
	known         map[schemas.TenantID]bool
	subscriptions map[schemas.SubscriptionID]schemas.Subscription
}

// node stands for the segments that lead to it.
type node struct {
	next map[string]*node // by segment; schemas.Wildcard for any
	// here are the endpoints whose pattern ends at this node, and rest those
	// whose pattern ends in a wildcard after it. The value counts the patterns.
	here, rest map[schemas.EndpointID]int
}

// NewIndex is an index of nothing.
func NewIndex() *Index {
	return &Index{
		tenants:       map[schemas.TenantID]*node{},
		known:         map[schemas.TenantID]bool{},
		subscriptions: map[schemas.SubscriptionID]schemas.Subscription{},
	}
}

// Apply takes in one change of the registry.
func (x *Index) Apply(c schemas.Change) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case c.Tenant != nil && c.Removed:
		delete(x.known, c.Tenant.ID)
	case c.Tenant != nil:
		x.known[c.Tenant.ID] = true
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

// Knows reports whether the tenant exists.
func (x *Index) Knows(tenant schemas.TenantID) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.known[tenant]
}

// Match appends to found the endpoints of the tenant that subscribe to the
// type, each once, in order of their ids.
func (x *Index) Match(found []schemas.EndpointID, tenant schemas.TenantID, eventType string) []schemas.EndpointID {
	start := len(found)
	x.mu.RLock()
	if root := x.tenants[tenant]; root != nil {
		found = root.match(found, eventType)
	}
	x.mu.RUnlock()
	slices.Sort(found[start:])
	return found[:start+len(slices.Compact(found[start:]))]
}

// match walks the trie. left is what remains of the type, "" at its end.
func (n *node) match(found []schemas.EndpointID, left string) []schemas.EndpointID {
	for endpoint := range n.rest {
		found = append(found, endpoint)
	}
	segment, left, more := strings.Cut(left, ".")
	for _, step := range [...]string{segment, schemas.Wildcard} { // a type may itself hold a "*" segment: found twice, kept once
		child := n.next[step]
		switch {
		case child == nil:
		case more:
			found = child.match(found, left)
		default:
			for endpoint := range child.here {
				found = append(found, endpoint)
			}
		}
	}
	return found
}

func (x *Index) add(s schemas.Subscription) {
	root := x.tenants[s.Tenant]
	if root == nil {
		root = &node{}
		x.tenants[s.Tenant] = root
	}
	for _, p := range s.Types {
		root.count(p.Segments(), s.Endpoint, +1)
	}
}

func (x *Index) remove(s schemas.Subscription) {
	root := x.tenants[s.Tenant]
	for _, p := range s.Types {
		root.count(p.Segments(), s.Endpoint, -1)
	}
	if root.empty() {
		delete(x.tenants, s.Tenant)
	}
}

// count adds by to the endpoint's patterns at the end of path, and drops what
// has become empty.
func (n *node) count(path []string, endpoint schemas.EndpointID, by int) {
	last := len(path) == 1
	if last && path[0] == schemas.Wildcard {
		n.rest = counted(n.rest, endpoint, by)
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
		child.here = counted(child.here, endpoint, by)
	} else {
		child.count(path[1:], endpoint, by)
	}
	if child.empty() {
		delete(n.next, path[0])
	}
}

func counted(m map[schemas.EndpointID]int, endpoint schemas.EndpointID, by int) map[schemas.EndpointID]int {
	if m == nil {
		m = map[schemas.EndpointID]int{}
	}
	if m[endpoint] += by; m[endpoint] == 0 {
		delete(m, endpoint)
	}
	return m
}

func (n *node) empty() bool { return len(n.next) == 0 && len(n.here) == 0 && len(n.rest) == 0 }
