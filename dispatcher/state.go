package dispatcher

import (
	"maps"
	"slices"

	"github.com/tidings-dev/tidings/dispatcher/flow"
)

// State is what a dispatcher has in its hands at a moment.
type State struct {
	Partitions int // that run
	Attempts   int // under way
	Waiting    int // deliveries taken and not begun
	Held       int // endpoints with a held queue in use
	// Breakers are the endpoints by the state of their breaker, of those that have
	// something to do, or to remember.
	Breakers map[flow.State]int
}

// State looks at all partitions, one after the other: it takes some microseconds for
// each thousand endpoints.
func (d *Dispatcher) State() State {
	s := State{Breakers: map[flow.State]int{}}
	d.mu.RLock()
	running := slices.Collect(maps.Keys(d.running))
	d.mu.RUnlock()
	for _, p := range running {
		s.Partitions++
		p.addTo(&s)
	}
	return s
}

func (p *partition) addTo(s *State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lanes {
		s.Attempts += len(l.running)
		s.Waiting += len(l.queue)
		if l.draining() {
			s.Held++
		}
	}
	for _, f := range p.flows {
		s.Breakers[f.State()]++
	}
}

// enter counts a partition among those that run, until leave.
func (d *Dispatcher) enter(p *partition) (leave func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running[p] = struct{}{}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.running, p)
	}
}
