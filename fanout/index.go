package fanout

import (
	"slices"
	"strings"
	"sync"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// Index finds the endpoints that subscribe to an event. For each tenant, and
// for each of its channels that has subscriptions of its own, it is a trie over
// the segments of the type patterns, so a match costs the length of the type and
// the number of endpoints found, not the number of subscriptions. It is safe for
// concurrent use.
type Index struct {
	mu            sync.RWMutex // guards all below
	roots         map[scope]*node
	tenants       map[schemas.TenantID]schemas.Tenant
	subscriptions map[schemas.SubscriptionID]schemas.Subscription
	// bound counts each tenant's subscriptions to one channel.
	bound map[schemas.TenantID]int
	// dialects are those of endpoints whose dialect does not carry every type.
	dialects map[schemas.EndpointID]schemas.Dialect
}

// scope is what a subscription is for: a tenant, on one channel only if that is
// set.
type scope struct {
	tenant  schemas.TenantID
	channel string
}

// node stands for the segments that lead to it.
type node struct {
	next map[string]*node // by segment; schemas.Wildcard for any
	// here are those whose pattern ends at this node, and rest those whose
	// pattern ends in a wildcard after it. The value counts the patterns.
	here, rest map[schemas.EndpointID]int
}

// NewIndex is an index of nothing.
func NewIndex() *Index {
	return &Index{
		roots:         map[scope]*node{},
		tenants:       map[schemas.TenantID]schemas.Tenant{},
		subscriptions: map[schemas.SubscriptionID]schemas.Subscription{},
		bound:         map[schemas.TenantID]int{},
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
	start := len(found)
	var channel string
	if x.asksForChannels(e.Tenant) {
		channel = e.Known.ChannelOf(e.Data) // which takes time, so not under the lock
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if channel != "" {
		found = x.roots[scope{e.Tenant, channel}].match(found, e.Type)
	}
	onChannel := len(found) - start
	ownRoute := slices.ContainsFunc(found[start:], func(id schemas.EndpointID) bool { return x.dialects[id] == schemas.DialectOneRoute })
	found = x.roots[scope{tenant: e.Tenant}].match(found, e.Type)
	kept := found[:start]
	for i, id := range found[start:] {
		dialect, closed := x.dialects[id]
		stepsBack := ownRoute && dialect == schemas.DialectOneRoute && i >= onChannel
		if !stepsBack && (!closed || e.Known.In(dialect)) {
			kept = append(kept, id)
		}
	}
	slices.Sort(kept[start:])
	return kept[:start+len(slices.Compact(kept[start:]))]
}

func (x *Index) asksForChannels(tenant schemas.TenantID) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.bound[tenant] > 0
}

// match walks the trie. left is what remains of the type, "" at its end.
func (n *node) match(found []schemas.EndpointID, left string) []schemas.EndpointID {
	if n == nil { // there is no such scope
		return found
	}
	for e := range n.rest {
		found = append(found, e)
	}
	segment, left, more := strings.Cut(left, ".")
	for _, step := range [...]string{segment, schemas.Wildcard} { // a type may itself hold a "*" segment: found twice, kept once
		child := n.next[step]
		switch {
		case child == nil:
		case more:
			found = child.match(found, left)
		default:
			for e := range child.here {
				found = append(found, e)
			}
		}
	}
	return found
}

func (x *Index) add(s schemas.Subscription) {
	in := scope{s.Tenant, s.Channel}
	root := x.roots[in]
	if root == nil {
		root = &node{}
		x.roots[in] = root
	}
	for _, p := range s.Types {
		root.count(p.Segments(), s.Endpoint, +1)
	}
	if s.Channel != "" {
		x.bound[s.Tenant]++
	}
}

func (x *Index) remove(s schemas.Subscription) {
	in := scope{s.Tenant, s.Channel}
	root := x.roots[in]
	for _, p := range s.Types {
		root.count(p.Segments(), s.Endpoint, -1)
	}
	if root.empty() {
		delete(x.roots, in)
	}
	if s.Channel == "" {
		return
	}
	if x.bound[s.Tenant]--; x.bound[s.Tenant] == 0 {
		delete(x.bound, s.Tenant)
	}
}

// count adds by to the endpoint's patterns at the end of path, and drops what
// has become empty.
func (n *node) count(path []string, e schemas.EndpointID, by int) {
	last := len(path) == 1
	if last && path[0] == schemas.Wildcard {
		n.rest = counted(n.rest, e, by)
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
		child.here = counted(child.here, e, by)
	} else {
		child.count(path[1:], e, by)
	}
	if child.empty() {
		delete(n.next, path[0])
	}
}

func counted(m map[schemas.EndpointID]int, e schemas.EndpointID, by int) map[schemas.EndpointID]int {
	if m == nil {
		m = map[schemas.EndpointID]int{}
	}
	if m[e] += by; m[e] == 0 {
		delete(m, e)
	}
	return m
}

func (n *node) empty() bool { return len(n.next) == 0 && len(n.here) == 0 && len(n.rest) == 0 }
