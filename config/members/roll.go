package members

import (
	"maps"
	"slices"
	"time"
)

// roll is who is alive, as far as this member has heard. Silence counts, not the
// expiry of a key: a member that was cut off may never hear of that.
type roll struct {
	self  string
	ttl   time.Duration
	heard map[string]time.Time // when, of this member too
}

func newRoll(o Options) *roll {
	return &roll{self: o.ID, ttl: o.TTL, heard: map[string]time.Time{o.ID: {}}}
}

// hear takes in a sign of life, or of the end, and reports whether it changes
// who is there.
func (r *roll) hear(id string, alive bool, now time.Time) (changed bool) {
	_, before := r.heard[id]
	if alive {
		r.heard[id] = now
	} else if id != r.self {
		delete(r.heard, id)
	}
	_, after := r.heard[id]
	return before != after
}

// forget drops who has not been heard for the time to live, and returns them.
// Who does not hear itself hears nobody: the server is away, or the watch has
// not yet found it again. Then everybody gets the time to live anew.
func (r *roll) forget(now time.Time) (silent []string) {
	deaf := now.Sub(r.heard[r.self]) > r.ttl/2
	for _, id := range r.ids() {
		switch {
		case id == r.self:
		case deaf:
			r.heard[id] = now
		case now.Sub(r.heard[id]) > r.ttl:
			silent = append(silent, id)
			delete(r.heard, id)
		}
	}
	return silent
}

func (r *roll) ids() []string { return slices.Sorted(maps.Keys(r.heard)) }
