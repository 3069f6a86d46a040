package fanout

import (
	"slices"
	"sync"

	"github.com/tidings-dev/tidings/fanout/filter"
	"github.com/tidings-dev/tidings/schemas"
)

// match is one event being matched.
type match struct {
	x       *Index
	e       Event
	channel string
	hits    []hit
	event   filter.Event
	// missing are values that the search came to need. They are read without the
	// lock, however large the data, and the search is done again.
	missing []filter.Source
	// users are the ids that the event involves, once identified is set.
	users      [][]byte
	identified bool
	askedUsers bool // the search came to need users
	onChannel  bool // the search is among those of the channel
	visit      func(*leaf)
}

// hit is an endpoint whose subscription was found.
type hit struct {
	endpoint  schemas.EndpointID
	entry     *entry          // what is yet to be tried; nil if nothing is
	dialect   schemas.Dialect // empty if it carries every type
	onChannel bool
}

// matches are there to be used again: a match takes no memory of its own.
var matches = sync.Pool{New: func() any {
	m := &match{}
	m.visit = m.collect
	return m
}}

func (m *match) begin(x *Index, e Event) {
	m.x, m.e = x, e
	m.event.Reset(e.Header, e.Data)
	if x.asksForChannels(e.Tenant) {
		m.channel = e.Known.ChannelOf(e.Data) // which takes time, so not under the lock
	}
}

// maxPooled is how many hits are worth keeping room for.
const maxPooled = 4096

func (m *match) release() {
	if n := m.event.Failures(); n > 0 {
		m.x.failures.Add(uint64(n))
	}
	if cap(m.hits) > maxPooled {
		m.hits = nil
	}
	clear(m.hits)
	clear(m.users)
	m.event.Reset(nil, nil)
	*m = match{hits: m.hits[:0], missing: m.missing[:0], users: m.users[:0], event: m.event, visit: m.visit}
	matches.Put(m)
}

func (x *Index) asksForChannels(tenant schemas.TenantID) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	t := x.of[tenant]
	return t != nil && t.bound > 0
}

// search finds subscriptions by type, channel, user and key.
func (m *match) search() {
	for {
		m.searchOnce()
		if len(m.missing) == 0 && (m.identified || !m.askedUsers) {
			return
		}
		for _, source := range m.missing {
			m.event.Texts(source)
		}
		m.missing = m.missing[:0]
		if m.askedUsers && !m.identified {
			m.identify()
		}
	}
}

func (m *match) searchOnce() {
	m.x.mu.RLock()
	defer m.x.mu.RUnlock()
	m.hits = m.hits[:0]
	if m.onChannel = m.channel != ""; m.onChannel {
		m.x.roots[scope{m.e.Tenant, m.channel}].visit(m.e.Type, m.visit)
	}
	m.onChannel = false
	m.x.roots[scope{tenant: m.e.Tenant}].visit(m.e.Type, m.visit)
}

// identify reads whom the event involves. A type that the catalogue does not
// know involves nobody.
func (m *match) identify() {
	m.identified = true
	for _, p := range m.e.Known.Involving() {
		m.users = p.Texts(m.users, m.e.Data)
	}
}

// collect takes what a leaf has. The index is locked.
func (m *match) collect(l *leaf) {
	for endpoint := range l.plain.all {
		m.hit(endpoint, nil)
	}
	if l.more == nil {
		return
	}
	for e := range l.more.rest.all {
		m.hit(e.Endpoint, e)
	}
	for i := range l.more.keyed {
		m.collectKeyed(&l.more.keyed[i])
	}
	if len(l.more.users) == 0 {
		return
	}
	m.askedUsers = true
	for _, id := range m.users {
		for _, e := range l.more.users[string(id)] {
			m.hit(e.Endpoint, e)
		}
	}
}

func (m *match) collectKeyed(b *byKey) {
	if !b.source.OfData() {
		if value, ok := m.event.Attribute(b.source.Name()); ok {
			for _, e := range b.entries[value] {
				m.hit(e.Endpoint, e)
			}
		}
		return
	}
	texts, known := m.event.Known(b.source)
	if !known {
		m.missing = append(m.missing, b.source)
		return
	}
	for _, text := range texts {
		for _, e := range b.entries[string(b.source.Form(text))] {
			m.hit(e.Endpoint, e)
		}
	}
}

func (m *match) hit(endpoint schemas.EndpointID, e *entry) {
	m.hits = append(m.hits, hit{endpoint, e, m.x.dialects[endpoint], m.onChannel})
}

// try drops the hits whose subscription asks for what the event does not meet.
// The index is not locked: a tenant's costly filters delay no other's.
func (m *match) try() {
	m.hits = slices.DeleteFunc(m.hits, func(h hit) bool {
		return h.entry != nil && (!h.entry.History.Live(m.e.Sequence) || !h.entry.condition.Holds(&m.event))
	})
}

// ownRoute reports whether the event's channel has a OneRoute endpoint that gets
// the event. A user's own takes nothing from the organisation.
func (m *match) ownRoute() bool {
	return slices.ContainsFunc(m.hits, func(h hit) bool {
		return h.onChannel && h.dialect == schemas.DialectOneRoute && (h.entry == nil || len(h.entry.User) == 0)
	})
}
