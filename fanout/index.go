package fanout

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-dev/tidings/fanout/filter"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// Index finds the endpoints that subscribe to an event. For each tenant, and
// for each of its channels that has subscriptions of its own, it is a trie over
// the segments of the type patterns, so a match costs the length of the type and
// the number of endpoints found, not the number of subscriptions. Where the
// patterns end, those subscriptions that ask for more are found by one value they
// ask for: the user of personal access, or what a filter, an expression among
// them, says something must be equal to. What else they ask for is tried on those found. It is safe for
// concurrent use.
type Index struct {
	// Refused, if set, is told of each subscription whose filters do not compile,
	// and that therefore matches nothing. Set it before the first Apply.
	Refused func(error)

	compiler *filter.Compiler
	failures atomic.Uint64

	mu            sync.RWMutex // guards all below
	roots         map[scope]*node
	tenants       map[schemas.TenantID]schemas.Tenant
	subscriptions map[schemas.SubscriptionID]*entry
	// of are each tenant's subscriptions.
	of map[schemas.TenantID]*followers
	// dialects are those of endpoints whose dialect does not carry every type.
	dialects map[schemas.EndpointID]schemas.Dialect
	ordered  map[schemas.EndpointID]struct{} // endpoints that want order
}

// followers are the subscriptions of a tenant.
type followers struct {
	all   map[*entry]struct{}
	bound int // how many of them name a channel
}

// scope is what a subscription is for: a tenant, on one channel only if that is
// set.
type scope struct {
	tenant  schemas.TenantID
	channel string
}

// entry is a subscription in the index. It never changes once it is there.
type entry struct {
	*schemas.Subscription           // shared with other pictures
	updated               time.Time // when it was last written
	condition             *filter.Condition
	refused               error // why it has no condition, and matches nothing
	// plain ones ask for nothing but type and channel.
	plain bool
	keys  []filter.Key // what it may be found by
	// key is the one of them that it is found by where its patterns end, or nil. It
	// is set as it is added.
	key *filter.Key
}

func (x *Index) entryOf(s *schemas.Subscription) *entry {
	e := &entry{Subscription: s}
	if e.condition, e.refused = x.compiler.Compile(s.Filters); e.refused != nil {
		return e
	}
	e.plain = e.condition == nil && len(s.User) == 0 && s.History == nil
	if len(s.User) == 0 {
		e.keys = e.condition.Keys()
	}
	return e
}

// NewIndex is an index of nothing.
func NewIndex() *Index {
	return &Index{
		compiler:      filter.NewCompiler(),
		roots:         map[scope]*node{},
		tenants:       map[schemas.TenantID]schemas.Tenant{},
		subscriptions: map[schemas.SubscriptionID]*entry{},
		of:            map[schemas.TenantID]*followers{},
		dialects:      map[schemas.EndpointID]schemas.Dialect{},
		ordered:       map[schemas.EndpointID]struct{}{},
	}
}

// Apply takes in one change of the registry.
func (x *Index) Apply(c schemas.Change) {
	var e *entry
	if c.Subscription != nil && !c.Removed {
		e = x.entryOf(c.Subscription) // which takes time, so not under the lock
		e.updated = c.Updated
		if e.refused != nil && x.Refused != nil {
			x.Refused(schemas.Errorf(schemas.CodeInvalid, "subscription %s matches nothing: %w", e.ID, e.refused))
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case c.Tenant != nil && c.Removed:
		delete(x.tenants, c.Tenant.ID)
	case c.Tenant != nil:
		x.tenants[c.Tenant.ID] = *c.Tenant
	case c.Endpoint != nil:
		x.applyEndpoint(c.Endpoint, c.Removed)
	case c.Subscription != nil:
		if old, ok := x.subscriptions[c.Subscription.ID]; ok {
			x.remove(old)
		}
		if e != nil {
			x.add(e)
		}
	}
}

// applyEndpoint keeps what is not as with most endpoints. The caller holds mu.
func (x *Index) applyEndpoint(e *schemas.Endpoint, removed bool) {
	delete(x.dialects, e.ID)
	delete(x.ordered, e.ID)
	if removed {
		return
	}
	if !e.Dialect.Open() {
		x.dialects[e.ID] = e.Dialect
	}
	if e.Policy.Order == schemas.OrderFIFO {
		x.ordered[e.ID] = struct{}{}
	}
}

// Ordered reports whether an endpoint wants its deliveries in order.
func (x *Index) Ordered(id schemas.EndpointID) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	_, ordered := x.ordered[id]
	return ordered
}

// Tenant finds a tenant.
func (x *Index) Tenant(id schemas.TenantID) (t schemas.Tenant, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	t, ok = x.tenants[id]
	return t, ok
}

// Failures is how many times a filter's expression could not be judged, like one
// that asks for a member which the event does not have. Where an equality in it
// was enough to pass the subscription by, it was not tried.
func (x *Index) Failures() uint64 { return x.failures.Load() }

// Event is what subscriptions are matched with.
type Event struct {
	Tenant schemas.TenantID
	Type   string
	// Known is the type as the catalogue has it, or nil.
	Known *catalogue.Type
	// Header are its attributes.
	Header schemas.Header
	Data   []byte
	// Sequence is where EVENTS holds it.
	Sequence uint64
}

// Match appends to found the endpoints of the tenant that get the event, each
// once, in order of their ids: those that subscribe to its type, on its channel
// if they name one, with filters and a user that it meets, and whose dialect
// carries it. Where a channel has a OneRoute endpoint of its own that gets the
// event, the tenant's others of that dialect step back.
func (x *Index) Match(found []schemas.EndpointID, e Event) []schemas.EndpointID {
	m := matches.Get().(*match)
	defer m.release()
	m.begin(x, e)
	m.search()
	m.try()
	start := len(found)
	ownRoute := m.ownRoute()
	for _, h := range m.hits {
		stepsBack := ownRoute && h.dialect == schemas.DialectOneRoute && !h.onChannel
		if !stepsBack && e.Known.In(h.dialect) {
			found = append(found, h.endpoint)
		}
	}
	slices.Sort(found[start:])
	return found[:start+len(slices.Compact(found[start:]))]
}

func (x *Index) add(e *entry) {
	x.subscriptions[e.ID] = e
	t := x.of[e.Tenant]
	if t == nil {
		t = &followers{all: map[*entry]struct{}{}}
		x.of[e.Tenant] = t
	}
	t.all[e] = struct{}{}
	if e.Channel != "" {
		t.bound++
	}
	if e.refused != nil {
		return
	}
	in := scope{e.Tenant, e.Channel}
	root := x.roots[in]
	if root == nil {
		root = &node{}
		x.roots[in] = root
	}
	e.choose(root)
	for _, p := range e.Types {
		root.change(p.Segments(), e, +1)
	}
}

// choose has the subscription found by the key that the fewest others share where
// its first pattern ends: of "status is open" and "id is 7" by the latter, unless
// it is the first.
func (e *entry) choose(root *node) {
	fewest := 0
	for i := range e.keys {
		k, n := &e.keys[i], 0
		if len(e.keys) > 1 {
			n = root.crowd(e.Types[0].Segments(), *k)
		}
		if e.key == nil || n < fewest {
			e.key, fewest = k, n
		}
	}
}

func (x *Index) remove(e *entry) {
	delete(x.subscriptions, e.ID)
	t := x.of[e.Tenant]
	if delete(t.all, e); len(t.all) == 0 {
		delete(x.of, e.Tenant)
	}
	if e.Channel != "" {
		t.bound--
	}
	if e.refused != nil {
		return
	}
	in := scope{e.Tenant, e.Channel}
	root := x.roots[in]
	for _, p := range e.Types {
		root.change(p.Segments(), e, -1)
	}
	if root.empty() {
		delete(x.roots, in)
	}
}
