package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

// number is that of an event of a fleet. EVENTS has them in its order.
func number(event string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(event, "e"))
	if err != nil {
		return -1
	}
	return n
}

// span are the events from one number up to before another.
type span struct{ from, to int }

// mayComeLate notes what a fanout may have had in its hands when it went: from the
// first event that it was not done with, up to the last that was published by then.
// JetStream hands those out again when others have overtaken them.
func (f *fleet) mayComeLate(from, to int) { f.late = append(f.late, span{from, to}) }

// floor is how many of the first events fanout is done with.
func (f *fleet) floor() int {
	f.t.Helper()
	c, err := f.js.Consumer(f.t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(fleetLayout.TenantPartition(testTenant)))
	if err != nil {
		f.t.Fatal(err)
	}
	return int(c.CachedInfo().AckFloor.Stream)
}

// inOrder wants the first requests for an endpoint's events, of each of so many
// keys, in the order in which the events were published.
func (f *fleet) inOrder(endpoint string, keys int) {
	f.t.Helper()
	f.receiver.mu.Lock()
	defer f.receiver.mu.Unlock()
	var overtaken, excused []int
	newest := map[int]int{}
	for _, q := range f.receiver.requests {
		n := number(q.event)
		switch {
		case q.endpoint != endpoint || q.nth > 1:
		case n >= newest[n%keys]:
			newest[n%keys] = n
		case slices.ContainsFunc(f.late, func(s span) bool { return n >= s.from && n < s.to }):
			excused = append(excused, n)
		default:
			overtaken = append(overtaken, n)
		}
	}
	if len(overtaken) > 0 {
		f.t.Errorf("%s got %v first after later ones; these may come late: %v", endpoint, overtaken, f.late)
	}
	if len(excused) > 0 {
		f.t.Logf("%s got %v first after later ones: a fanout that went had them in its hands", endpoint, excused)
	}
}
