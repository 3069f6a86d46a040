package fanout

import (
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// historyMatch tells which stored events a subscription's endpoint gets by its
// history.
type historyMatch struct {
	own    verdict
	others []verdict // of the endpoint's other subscriptions
}

// historyOf goes through the tenant's subscriptions, so it is for many events.
func (x *Index) historyOf(s schemas.Subscription) (m historyMatch, ok bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	own, ok := x.subscriptions[s.ID]
	if !ok {
		return historyMatch{}, false
	}
	m.own = verdict{entry: own, dialect: x.dialects[own.Endpoint]}
	for e := range x.of[own.Tenant].all {
		if e.Endpoint == own.Endpoint && e != own {
			m.others = append(m.others, verdict{entry: e, dialect: m.own.dialect})
		}
	}
	return m, true
}

// takes reports whether the subscription delivers an event that was stored at
// that time: it matches, and none of the endpoint's other subscriptions has it
// delivered or will.
func (m historyMatch) takes(e Event, at time.Time) bool {
	e.Sequence = 0 // whatever is history's
	about := aboutEvent(e)
	if !m.own.matches(about) {
		return false
	}
	for _, other := range m.others {
		if other.covers(m.own.Subscription, at) && other.matches(about) {
			return false
		}
	}
	return true
}

// matches judges a copy.
func (v verdict) matches(e *subject) bool {
	v.judge(e)
	return v.rank == rankMatches
}

// clockMargin is by how much the clocks of the registry's writers and of JetStream
// may differ. Within it an event may come twice, rather than not at all.
const clockMargin = time.Minute

// covers reports whether a subscription is there for events of that time in
// another one's stead: live, or by its own history. Of two histories the older
// subscription's is.
func (v verdict) covers(s schemas.Subscription, at time.Time) bool {
	if v.History == nil {
		return v.Created.Add(clockMargin).Before(at)
	}
	older := v.Created.Before(s.Created) || v.Created.Equal(s.Created) && v.ID < s.ID
	return older && !at.Before(v.History.From)
}
