package fanout_test

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// crashed has a fanout die after so many bytes, with events in its hands, publishes others to its
// successor, and returns the deliveries in the order in which they were stored, and
// how long those waited that were published last.
func crashed(t *testing.T, order schemas.Order, written int) (got []int, waited time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.index.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: "ep_all", Tenant: "acme", Policy: schemas.Policy{Order: order}}})
		for n := range 20 {
			r.publish("acme", "stock.removed", 1000+n)
		}
		nc, gone := r.env.ConnectFor(written)
		stop := r.run(nc)
		<-gone
		_ = stop()
		r.run(r.env.Connect())
		for n := range 20 {
			r.publish("acme", "stock.removed", 1020+n)
			<-time.After(time.Second)
		}
		last := time.Now()
		r.publish("acme", "stock.removed", 1040)
		for !slices.Contains(r.stored()["ep_all"], "1040") {
			<-time.After(time.Millisecond)
		}
		waited = time.Since(last)
		r.settled()
		for _, text := range r.stored()["ep_all"] {
			got = append(got, number(text))
		}
	})
	return got, waited
}

// A fanout dies with events in its hands: what is published afterwards does not
// overtake them on the queue of an endpoint that wants order, and is not held up
// longer than that takes.
func TestACrashKeepsTheOrderOfTheEvents(t *testing.T) {
	for written := 1000; written < 6000; written += 500 {
		got, waited := crashed(t, schemas.OrderFIFO, written)
		if len(got) != 41 || !slices.IsSorted(got) {
			t.Errorf("after %d bytes: the deliveries are not in the events' order: %v", written, got)
		}
		if waited > 100*time.Millisecond {
			t.Errorf("after %d bytes: a delivery waited %s after the past was over", written, waited)
		}
	}
	got, _ := crashed(t, "", 3000)
	if len(got) != 41 || slices.IsSorted(got) {
		t.Errorf("an endpoint that wants no order waited: %v", got)
	}
}

// What comes back of a fanout that died is here for some time before it is matched,
// while the registry is slow. What is newer, and has been matched, waits for that too.
func TestThePastLastsUntilItIsMatched(t *testing.T) {
	for written := 1000; written < 6000; written += 1000 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.index.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: "ep_all", Tenant: "acme", Policy: schemas.Policy{Order: schemas.OrderFIFO}}})
			for n := range 20 {
				r.publish("acme", "stock.removed", n)
			}
			nc, gone := r.env.ConnectFor(written)
			stop := r.run(nc)
			<-gone
			_ = stop()
			r.registry.slow.Store(int64(time.Second))
			r.run(r.env.Connect())
			r.publish("acme", "stock.removed", 20)
			<-time.After(10 * time.Second)
			r.registry.slow.Store(0)
			r.settled()
			if got := r.stored()["ep_all"]; len(got) != 21 || !slices.IsSortedFunc(got, func(a, b string) int { return number(a) - number(b) }) {
				t.Errorf("after %d bytes: %d deliveries, not in the events' order: %v", written, len(got), got)
			}
		})
	}
}

// One fanout takes over from another as events come, again and again.
func TestHandOversKeepTheOrderOfTheEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.index.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: "ep_all", Tenant: "acme", Policy: schemas.Policy{Order: schemas.OrderFIFO}}})
		const n = 300
		stop := r.run(r.env.Connect())
		for i := range n {
			r.publish("acme", "stock.removed", i)
			if i%20 == 10 {
				leave := stop
				go func() { _ = leave() }()
				stop = r.run(r.env.Connect())
			}
			if i%7 == 0 {
				<-time.After(20 * time.Millisecond)
			}
		}
		r.settled()
		if got := r.stored()["ep_all"]; len(got) != n || !slices.IsSortedFunc(got, func(a, b string) int { return number(a) - number(b) }) {
			t.Errorf("%d deliveries, not in the events' order: %v", len(got), got)
		}
	})
}

// A fanout that has read alone for long meets another, who takes events beside it and
// dies with them in its hands: neither has heard of the other. What comes afterwards
// does not overtake those.
func TestASecondReaderKeepsTheOrderOfTheEvents(t *testing.T) {
	for written := 1000; written < 6000; written += 500 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.index.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: "ep_all", Tenant: "acme", Policy: schemas.Policy{Order: schemas.OrderFIFO}}})
			next := 0
			publish := func(n int, pause time.Duration) {
				for range n {
					r.publish("acme", "stock.removed", next)
					next++
					<-time.After(pause)
				}
			}
			r.run(r.env.Connect())
			publish(3, time.Minute)
			nc, gone := r.env.ConnectFor(written)
			stop := r.run(nc)
			publish(40, 0)
			<-gone
			_ = stop()
			publish(40, 500*time.Millisecond)
			r.settled()
			if got := r.stored()["ep_all"]; len(got) != next || !slices.IsSortedFunc(got, func(a, b string) int { return number(a) - number(b) }) {
				t.Errorf("after %d bytes: %d deliveries, not in the events' order: %v", written, len(got), got)
			}
		})
	}
}

func number(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}
