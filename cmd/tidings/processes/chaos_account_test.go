//go:build unix

package processes

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// drained waits until nothing is left to do.
func (c *chaos) drained(limit time.Duration) {
	c.t.Helper()
	for deadline := time.Now().Add(limit); c.left() != 0; <-time.After(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Errorf("work is left after %s:\n%s", limit, c.diagnosis())
			return
		}
	}
}

// settleAccount holds what the receiver and DEAD have against what was accepted,
// and prints all of it.
func (c *chaos) settleAccount(began, last, ended time.Time) {
	c.t.Helper()
	stored := c.sequences()
	want := map[ledgerKey]bool{}
	for _, id := range c.load.accepted {
		if stored[id] == 0 {
			c.t.Errorf("%s was accepted, and EVENTS has it not", id)
		}
		for _, name := range c.wants(chaosType(number(id))) {
			want[ledgerKey{name, id}] = true
		}
	}
	for id := range stored {
		if number(id) >= 0 && !slices.Contains(c.load.accepted, id) { // others are Tidings' own
			c.t.Errorf("EVENTS has %q, and it was not accepted", id)
		}
	}
	a, r := c.balance(want), c.repeats(began, ended)
	a.unlogged = c.unlogged(want)
	c.onceEach()
	c.firstInOrder("ep_fifo", 1, stored, began)
	c.firstInOrder("ep_keyed", chaosKeys, stored, began)
	if _, pulled := c.plan["ep_pulled_fifo"]; pulled {
		c.firstInOrder("ep_pulled_fifo", 1, stored, began)
	}
	for _, key := range r.unexcused[:min(10, len(r.unexcused))] {
		c.t.Logf("%v came again, and was in flight at no disaster: %s", key, c.visits(key, began))
	}
	if most := fewRepeats + len(c.disasters)/10; len(r.unexcused) > most {
		open(c.t, "%d came again that were in flight at no disaster, want %d at most", len(r.unexcused), most)
	}
	c.t.Logf("\n%s", c.table(a, r, began, last, ended))
	if a.taken == 0 || a.dead == 0 {
		c.t.Errorf("%d were taken and %d died: the test shows nothing", a.taken, a.dead)
	}
}

// balance wants each delivery taken, or dead for a reason that its endpoint gives.
func (c *chaos) balance(want map[ledgerKey]bool) (a account) {
	c.t.Helper()
	dead := map[ledgerKey]bool{}
	for key, reason := range c.deadLetters() {
		key.endpoint = c.name(key.endpoint)
		dead[key] = true
		if !slices.Contains(chaosDead[key.endpoint], reason) {
			c.t.Errorf("%v died of %s", key, reason)
		}
	}
	c.receiver.mu.Lock()
	defer c.receiver.mu.Unlock()
	for key := range want {
		switch s := c.receiver.seen[key]; {
		case s != nil && s.taken > 0:
			a.taken++
			if s.taken > 1 {
				a.doubled++
			}
		case dead[key]:
			a.dead++
		default:
			if a.lost++; a.lost <= 10 {
				c.t.Errorf("%v is neither taken nor dead", key)
			}
		}
	}
	return a
}

// onceEach wants one webhook-id for all requests of a delivery.
func (c *chaos) onceEach() {
	c.t.Helper()
	c.receiver.mu.Lock()
	defer c.receiver.mu.Unlock()
	for key, s := range c.receiver.seen {
		if len(s.ids) != 1 {
			c.t.Errorf("%v came under %d webhook-ids: %v", key, len(s.ids), s.ids)
		}
	}
}

// sequences are the places of the events in EVENTS, by id.
func (c *chaos) sequences() map[string]uint64 {
	c.t.Helper()
	stream, err := c.js.Stream(c.t.Context(), schemas.StreamEvents)
	if err != nil {
		c.t.Fatal(err)
	}
	consumer, err := stream.OrderedConsumer(c.t.Context(), jetstream.OrderedConsumerConfig{HeadersOnly: true})
	if err != nil {
		c.t.Fatal(err)
	}
	places := map[string]uint64{}
	for left := int(stream.CachedInfo().State.Msgs); left > 0; {
		batch, err := consumer.Fetch(left, jetstream.FetchMaxWait(waitLimit))
		if err != nil {
			c.t.Fatal(err)
		}
		for m := range batch.Messages() {
			left--
			meta, err := m.Metadata()
			if err != nil {
				c.t.Fatal(err)
			}
			id := m.Headers().Get("ce-id")
			if places[id] != 0 {
				c.t.Errorf("EVENTS has %s twice", id)
			}
			places[id] = meta.Sequence.Stream
		}
		if err := batch.Error(); err != nil {
			c.t.Fatal(err)
		}
	}
	return places
}

// firstInOrder wants the first requests for an endpoint's events, of each of so
// many keys, in the order in which EVENTS has the events. A fanout that was paused
// for longer than its events were its own, and goes on, may send newer ones before
// another has older ones: nobody can tell it before it does.
func (c *chaos) firstInOrder(endpoint string, keys int, stored map[string]uint64, began time.Time) {
	c.t.Helper()
	c.receiver.mu.Lock()
	defer c.receiver.mu.Unlock()
	newest, overtaken := map[int]request{}, 0
	for _, q := range c.receiver.requests {
		if q.endpoint != endpoint || q.nth > 1 {
			continue
		}
		key := number(q.event) % keys
		before := newest[key]
		if stored[q.event] > stored[before.event] {
			newest[key] = q
			continue
		}
		if c.fanoutWasPaused(q.at) {
			c.overtaken++
			continue
		}
		if overtaken++; overtaken <= 5 {
			open(c.t, "%s got %s, %d of EVENTS, first at %.3f s, after %d at %.3f s", endpoint,
				q.event, stored[q.event], q.at.Sub(began).Seconds(), stored[before.event], before.at.Sub(began).Seconds())
		}
	}
	if overtaken > 0 {
		open(c.t, "%s got %d events first after later ones", endpoint, overtaken)
	}
}

// visits tells what is known of a delivery.
func (c *chaos) visits(key ledgerKey, began time.Time) string {
	var b strings.Builder
	for _, v := range c.book.seen[key] {
		fmt.Fprintf(&b, " came at %.3f s, answered at %.3f s, taken %t;", v.came.Sub(began).Seconds(), v.answered.Sub(began).Seconds(), v.taken)
	}
	var last disaster
	for _, d := range c.disasters {
		if d.hit.Before(c.book.seen[key][0].came) {
			last = d
		}
	}
	fmt.Fprintf(&b, " the disaster before was %s, %.3f to %.3f s", last, last.hit.Sub(began).Seconds(), last.healed.Sub(began).Seconds())
	return b.String()
}

// table is all that there is to tell.
func (c *chaos) table(a account, r repeats, began, last, ended time.Time) string {
	var b strings.Builder
	row := func(what string, value any) { fmt.Fprintf(&b, "  %-58s %v\n", what, value) }
	victims := map[string]int{}
	for _, d := range c.disasters {
		victims[d.String()]++
	}
	row("disasters", len(c.disasters))
	for _, name := range slices.Sorted(maps.Keys(victims)) {
		row("  "+name, victims[name])
	}
	row("events accepted", len(c.load.accepted))
	row("tries to publish that failed, and were made again", c.load.refused.Load())
	row("deliveries wanted", a.taken+a.dead+a.lost)
	row("  taken", a.taken)
	row("  dead, with the reason", a.dead)
	row("  lost", a.lost)
	row("not in the delivery log, or not to their end", a.unlogged)
	row("requests for what had been taken", len(r.unexcused)+sum(r.by))
	for _, cause := range r.causes() {
		row("  in flight: "+cause, r.by[cause])
	}
	row("  without an excuse", len(r.unexcused))
	row("first requests out of order, after a fanout was paused", c.overtaken)
	row("deliveries that had an excuse to come again", fmt.Sprintf("%d, %.0f %% of those taken", r.excusable, 100*float64(r.excusable)/float64(max(1, r.takenAtAll))))
	row("time with an excuse for any endpoint", fmt.Sprintf("%s of %s", r.openFor.Round(time.Second), ended.Sub(began).Round(time.Second)))
	row("longest time in which nothing came to an endpoint that is well", c.gap("ep_well", began, last).Round(10*time.Millisecond))
	row("all done after the last publish in", ended.Sub(last).Round(100*time.Millisecond))
	return b.String()
}

func sum(counts map[string]int) (total int) {
	for _, n := range counts {
		total += n
	}
	return total
}

func keysOf(counts map[string]int) iter.Seq[string] { return maps.Keys(counts) }
