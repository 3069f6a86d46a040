package fanout

import (
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// historyMatch tells which stored events a subscription's endpoint gets by its
// history.
type historyMatch struct {
	index  *Index
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
	m = historyMatch{index: x, own: verdict{entry: own, dialect: x.dialects[own.Endpoint]}}
	for e := range x.of[own.Tenant].all {
		if e.Endpoint == own.Endpoint && e != own {
			m.others = append(m.others, verdict{entry: e, dialect: m.own.dialect})
		}
	}
	return m, true
}

// takes reports whether the subscription delivers an event that was stored at
// that time: it matches, and none of the endpoint's other subscriptions has had
// it delivered live.
func (m historyMatch) takes(e Event, at time.Time) bool {
	about := aboutEvent(e)
	about.Sequence = 0 // whatever is history's
	if !m.own.matches(about) {
		return false
	}
	if m.own.dialect == schemas.DialectOneRoute && m.own.Channel == "" && m.index.hasOwnRoute(e) {
		return false
	}
	for _, other := range m.others {
		if other.hadLive(e.Sequence, at) && other.matches(about) {
			return false
		}
	}
	return true
}

// hasOwnRoute reports whether the event's channel has a OneRoute endpoint that
// gets the event.
func (x *Index) hasOwnRoute(e Event) bool {
	m := matches.Get().(*match) //nolint:forcetypeassert // what New makes
	defer m.release()
	m.begin(x, e)
	m.search()
	m.try()
	return m.ownRoute()
}

// matches judges a copy.
func (v verdict) matches(e *subject) bool {
	v.judge(e)
	return v.rank == rankMatches
}

// clockMargin is by how much the clocks of the registry and of EVENTS may differ.
// Within it an event may come twice, rather than not at all.
const clockMargin = time.Minute

// hadLive reports whether the subscription was there for an event of the live
// flow, and such as it is now.
func (v verdict) hadLive(sequence uint64, at time.Time) bool {
	return v.History.Live(sequence) && v.updated.Add(clockMargin).Before(at)
}
