package picture

import (
	"sync"
	"time"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// Picture is the registry in memory, in order of ids. A [registry.Watcher] feeds
// it. It is safe for concurrent use. What it returns is shared: do not change
// what its maps, slices and pointers hold.
//
// A page holds what comes after an id, up to a limit; all of it if the limit is
// 0. It costs as much as it holds, however large the registry is.
type Picture struct {
	mu            sync.RWMutex // guards all that follows
	tenants       shelf[schemas.Tenant]
	endpoints     shelf[schemas.Endpoint]
	subscriptions shelf[schemas.Subscription]
	tokens        shelf[schemas.Token]
	eventTypes    shelf[schemas.EventType]
	hashes        map[string]schemas.TokenID
}

// New is one of an empty registry.
func New() *Picture {
	return &Picture{
		tenants: newShelf(func(t *schemas.Tenant) (string, [2]string) { return string(t.ID), [2]string{everything} }),
		endpoints: newShelf(func(e *schemas.Endpoint) (string, [2]string) {
			groups := [2]string{string(e.Tenant)}
			if e.Owner != "" {
				groups[1] = ownerGroup(e.Tenant, e.Owner)
			}
			return string(e.ID), groups
		}),
		subscriptions: newShelf(func(s *schemas.Subscription) (string, [2]string) {
			return string(s.ID), [2]string{string(s.Tenant), string(s.Tenant) + "." + string(s.Endpoint)}
		}),
		tokens: newShelf(func(t *schemas.Token) (string, [2]string) {
			return string(t.ID), [2]string{everything, string(t.Tenant)}
		}),
		eventTypes: newShelf(func(t *schemas.EventType) (string, [2]string) {
			return eventTypeID(t.Tenant, t.Type), [2]string{string(t.Tenant) + "."}
		}),
		hashes: map[string]schemas.TokenID{},
	}
}

// Apply takes in one change.
func (p *Picture) Apply(c schemas.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case c.Tenant != nil:
		p.tenants.apply(c, c.Tenant)
	case c.Endpoint != nil:
		p.endpoints.apply(c, c.Endpoint)
	case c.Subscription != nil:
		p.subscriptions.apply(c, c.Subscription)
	case c.EventType != nil:
		p.eventTypes.apply(c, c.EventType)
	case c.Token != nil:
		if old, ok := p.tokens.get(string(c.Token.ID)); ok && p.hashes[old.Value.Hash] == old.Value.ID {
			delete(p.hashes, old.Value.Hash)
		}
		p.tokens.apply(c, c.Token)
		if !c.Removed {
			p.hashes[c.Token.Hash] = c.Token.ID
		}
	}
}

// Sizes are how many there are of each kind.
func (p *Picture) Sizes() map[string]int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return map[string]int{
		"tenants": len(p.tenants.all), "endpoints": len(p.endpoints.all), "subscriptions": len(p.subscriptions.all),
		"types": len(p.eventTypes.all), "tokens": len(p.tokens.all),
	}
}

// Tenant is one tenant.
func (p *Picture) Tenant(id schemas.TenantID) (registry.Record[schemas.Tenant], bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.tenants.get(string(id))
}

// Tenants is a page of all tenants.
func (p *Picture) Tenants(after schemas.TenantID, limit int) []registry.Record[schemas.Tenant] {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.tenants.page(everything, string(after), limit)
}

// Endpoint is one endpoint of a tenant; another's is not there.
func (p *Picture) Endpoint(tenant schemas.TenantID, id schemas.EndpointID) (registry.Record[schemas.Endpoint], bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	rec, ok := p.endpoints.get(string(id))
	if !ok || rec.Value.Tenant != tenant {
		return registry.Record[schemas.Endpoint]{}, false
	}
	return rec, true
}

// Endpoints is a page of a tenant's endpoints.
func (p *Picture) Endpoints(tenant schemas.TenantID, after schemas.EndpointID, limit int) []registry.Record[schemas.Endpoint] {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.endpoints.page(string(tenant), string(after), limit)
}

// EndpointsOf is a page of a tenant's endpoints that belong to a user.
func (p *Picture) EndpointsOf(tenant schemas.TenantID, owner string, after schemas.EndpointID, limit int) []registry.Record[schemas.Endpoint] {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.endpoints.page(ownerGroup(tenant, owner), string(after), limit)
}

func ownerGroup(tenant schemas.TenantID, owner string) string { return string(tenant) + "." + owner }

// TenantOf is whose endpoint has an id.
func (p *Picture) TenantOf(id schemas.EndpointID) (schemas.TenantID, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	rec, ok := p.endpoints.get(string(id))
	return rec.Value.Tenant, ok
}

// EndpointCount is how many endpoints a tenant has.
func (p *Picture) EndpointCount(tenant schemas.TenantID) int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.endpoints.count(string(tenant))
}

// Subscription is one subscription of a tenant; another's is not there.
func (p *Picture) Subscription(tenant schemas.TenantID, id schemas.SubscriptionID) (registry.Record[schemas.Subscription], bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	rec, ok := p.subscriptions.get(string(id))
	if !ok || rec.Value.Tenant != tenant {
		return registry.Record[schemas.Subscription]{}, false
	}
	return rec, true
}

// Subscriptions is a page of a tenant's subscriptions, of one endpoint or, if it
// is empty, of all.
func (p *Picture) Subscriptions(tenant schemas.TenantID, endpoint schemas.EndpointID, after schemas.SubscriptionID, limit int) []registry.Record[schemas.Subscription] {
	p.mu.RLock()
	defer p.mu.RUnlock()
	group := string(tenant)
	if endpoint != "" {
		group += "." + string(endpoint)
	}
	return p.subscriptions.page(group, string(after), limit)
}

// Token is one token.
func (p *Picture) Token(id schemas.TokenID) (registry.Record[schemas.Token], bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.tokens.get(string(id))
}

// Tokens is a page of a tenant's tokens or, if it is empty, of all.
func (p *Picture) Tokens(tenant schemas.TenantID, after schemas.TokenID, limit int) []registry.Record[schemas.Token] {
	p.mu.RLock()
	defer p.mu.RUnlock()
	group := string(tenant)
	if tenant == "" {
		group = everything
	}
	return p.tokens.page(group, string(after), limit)
}

// TokenByHash is the token that a caller presents.
func (p *Picture) TokenByHash(hash string) (registry.Record[schemas.Token], bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	id, ok := p.hashes[hash]
	if !ok {
		return registry.Record[schemas.Token]{}, false
	}
	return p.tokens.get(string(id))
}

// EventTypes is a page of the event types that a tenant brought along or, if it
// is empty, of those for all tenants, in order of their names.
func (p *Picture) EventTypes(tenant schemas.TenantID, after string, limit int) []registry.Record[schemas.EventType] {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if after != "" {
		after = eventTypeID(tenant, after)
	}
	return p.eventTypes.page(string(tenant)+".", after, limit)
}

// EventType is an event type that a tenant brought along or, if it is empty, one
// for all tenants.
func (p *Picture) EventType(tenant schemas.TenantID, name string) (registry.Record[schemas.EventType], bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.eventTypes.get(eventTypeID(tenant, name))
}

// eventTypeID orders a tenant's types by their names: no tenant's id has a dot.
func eventTypeID(tenant schemas.TenantID, name string) string { return string(tenant) + "." + name }

// everything is the group of all values: no id has its form.
const everything = "*"

// shelf is the records of one kind, by id and in groups.
type shelf[T any] struct {
	of     func(*T) (id string, groups [2]string) // an empty group is none
	all    map[string]*kept[T]
	groups map[string]*ordered[*kept[T]]
}

// kept is a record whose value is the change's own: other pictures share it.
type kept[T any] struct {
	value   *T
	version uint64
	updated time.Time
}

func (k *kept[T]) record() registry.Record[T] {
	return registry.Record[T]{Value: *k.value, Version: k.version, Updated: k.updated}
}

func newShelf[T any](of func(*T) (string, [2]string)) shelf[T] {
	return shelf[T]{of: of, all: map[string]*kept[T]{}, groups: map[string]*ordered[*kept[T]]{}}
}

func (s *shelf[T]) apply(c schemas.Change, v *T) {
	id, groups := s.of(v)
	old := s.all[id]
	if old != nil {
		if _, was := s.of(old.value); c.Removed || was != groups {
			s.leave(id, was)
		}
	}
	if c.Removed {
		delete(s.all, id)
		return
	}
	k := &kept[T]{value: v, version: c.Version, updated: c.Updated}
	s.all[id] = k
	for _, name := range groups {
		if name == "" {
			continue
		}
		if s.groups[name] == nil {
			s.groups[name] = &ordered[*kept[T]]{}
		}
		s.groups[name].put(id, k)
	}
}

func (s *shelf[T]) leave(id string, groups [2]string) {
	for _, name := range groups {
		if g := s.groups[name]; g != nil {
			if g.remove(id); g.empty() {
				delete(s.groups, name)
			}
		}
	}
}

func (s *shelf[T]) get(id string) (registry.Record[T], bool) {
	if k := s.all[id]; k != nil {
		return k.record(), true
	}
	return registry.Record[T]{}, false
}

func (s *shelf[T]) count(group string) int {
	g := s.groups[group]
	if g == nil {
		return 0
	}
	return g.len()
}

func (s *shelf[T]) page(group, after string, limit int) []registry.Record[T] {
	g := s.groups[group]
	if g == nil {
		return nil
	}
	found := g.after(after, limit)
	page := make([]registry.Record[T], len(found))
	for i, k := range found {
		page[i] = k.record()
	}
	return page
}
