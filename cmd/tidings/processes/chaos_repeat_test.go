//go:build unix

package processes

import (
	"cmp"
	"slices"
	"time"

	"github.com/tidings-dev/tidings/config/streams"
)

const (
	// before is how long before a disaster something can have been taken that
	// comes again: as long as JetStream may take to write down what was
	// acknowledged, as deliveries of the same event may be under way, and as the
	// head of a held queue is, on a busy machine.
	before = 1500 * time.Millisecond
	// after is how long after it what was in flight is: whoever was in the way of
	// its acknowledgement has it still.
	after = time.Second
	// pastMost is how long after a fanout died an event may wait for older ones: two
	// ack waits, where a broker died meanwhile.
	pastMost = 2*streams.AckWait + queued
	// queued is as much for who was paused and had deliveries that wait for their
	// endpoint's rate. Others have them too by then.
	queued = 5 * time.Second
	// fewRepeats is how many deliveries may come again for a cause that the windows
	// do not know of: now and then one does, a whole ack wait after it was handed
	// out, over several disasters. A needless repeat comes more often.
	fewRepeats = 3
)

// window is a time in which whatever is in flight may come again.
type window struct {
	cause    string
	from, to time.Time
	of       func(ledgerKey) bool // nil is anything
}

// windows are the times that excuse a repeat, by what README guarantees: "only of
// what was in flight at a crash, of what other endpoints got of the same event
// within the quarter of a second before, or, from the queue of an endpoint that
// is held for being slow, when another process takes it over".
func (c *chaos) windows() []window {
	held := c.fleet.held()
	e := excuses{
		chaos:  c,
		waits:  func(key ledgerKey) bool { return slices.ContainsFunc(c.wants(chaosType(number(key.event))), c.ordered) },
		isHeld: func(key ledgerKey) bool { return c.ordered(key.endpoint) || held[key.endpoint] },
	}
	for _, d := range c.disasters {
		for _, v := range d.victims {
			e.pulled(d, v)
			switch {
			case d.kind == pauses, d.kind == jumps:
				e.pause(d, v)
			case v.broker && v.fanout:
				e.killWhole(d)
			case v.broker:
				e.killBroker(d)
			case v.dispatcher:
				e.killDispatcher(d)
			case v.fanout:
				e.killFanout(d)
			}
		}
	}
	return e.all
}

// excuses collects windows.
type excuses struct {
	*chaos
	waits      func(ledgerKey) bool // its event waits for older ones after a crash
	isHeld     func(ledgerKey) bool // its endpoint's deliveries wait in the endpoint's own queue
	all        []window
	fanoutDied time.Time // the end of the last disaster in which one did
	row        time.Time // the first of a row of them, each before what waited for the past was done
}

func (e *excuses) add(w ...window) { e.all = append(e.all, w...) }

// pulled: what an api process, or the broker, has in its hands comes again once its time
// is over, and whoever pulled it may have taken it meanwhile.
func (e *excuses) pulled(d disaster, v room) {
	if v.fanout && !v.broker || v.dispatcher && !v.broker {
		return
	}
	e.add(window{"pulled meanwhile", d.hit.Add(-before), d.healed.Add(pullAgain), func(key ledgerKey) bool { return isPulled(key.endpoint) }})
}

// pause: whoever is paused does not hear that a delivery was taken, and others do
// not hear of the pause.
func (e *excuses) pause(d disaster, v room) {
	switch hit := d.hit.Add(-before); {
	case v.broker:
		e.add(window{cause: "broker paused", from: hit, to: d.healed.Add(after)})
	case v.dispatcher:
		lost, goesOn := d.hit.Add(streams.AckWait-after), d.healed.Add(queued)
		e.add(window{cause: "dispatcher paused", from: hit, to: d.hit.Add(after)},
			window{cause: "dispatcher paused", from: lost, to: goesOn},
			window{"held queue changes hands", d.hit.Add(streams.MemberTTL - after), goesOn, e.isHeld})
	}
}

// killWhole: fanout and broker die at once, so nobody remembers that a delivery of
// an event was settled that fanout had in its hands. The event comes again when both
// are back.
func (e *excuses) killWhole(d disaster) {
	hit := d.hit.Add(-before)
	e.add(window{cause: "process killed", from: hit, to: d.healed.Add(after)},
		window{"process killed with the event", hit, d.healed.Add(chaosLimit), func(key ledgerKey) bool { return e.offeredIn(key, hit, d.hit) }})
	e.killFanout(d)
}

// fanoutWasPaused reports whether one was paused, until not long before.
func (c *chaos) fanoutWasPaused(at time.Time) bool {
	return slices.ContainsFunc(c.disasters, func(d disaster) bool {
		return d.kind == pauses && d.victims[0].fanout && !d.victims[0].broker && at.After(d.healed) && at.Before(d.healed.Add(pastMost))
	})
}

// killBroker: it may not have written down what was acknowledged. A fanout that died
// before repeats nothing by itself, for what it stores again is there already; but
// now the broker no longer knows that of what was delivered meanwhile.
func (e *excuses) killBroker(d disaster) {
	healed := d.healed.Add(after)
	e.add(window{cause: "broker killed", from: d.hit.Add(-before), to: healed})
	if d.hit.Sub(e.fanoutDied) < pastMost {
		row := e.row
		e.add(window{"fanout and then broker killed", row, healed, func(key ledgerKey) bool {
			return e.waits(key) || e.offeredIn(key, row, healed)
		}})
	}
}

// killFanout repeats nothing by itself. What waits for older events does so longer
// with each of a row of crashes.
func (e *excuses) killFanout(d disaster) {
	if d.hit.Sub(e.fanoutDied) > pastMost {
		e.row = d.hit.Add(-before)
	}
	e.fanoutDied = d.healed
}

// killDispatcher: who takes over attempts again what was in flight, and from a held
// queue what was not yet purged. The queue changes hands when the dead one is
// missed, and when it is back.
func (e *excuses) killDispatcher(d disaster) {
	missed := d.hit.Add(streams.MemberTTL)
	e.add(window{cause: "dispatcher killed", from: d.hit.Add(-before), to: d.hit.Add(after)},
		window{"held queue changes hands", d.healed.Add(-before), d.healed.Add(after), e.isHeld},
		window{"held queue changes hands", missed.Add(-before), missed.Add(streams.MemberTTL/2 + after), e.isHeld})
}

// repeats are the requests for what had been taken, by what excuses them, and
// those that nothing does.
type repeats struct {
	by         map[string]int
	unexcused  []ledgerKey
	excusable  int           // deliveries taken while a window was open for any endpoint
	openFor    time.Duration // how long one was
	takenAtAll int
}

// repeats finds them. Deliveries that were taken too late for the endpoint's
// timeout come again with good reason.
func (c *chaos) repeats(began, ended time.Time) (r repeats) {
	all := c.windows()
	r.by, r.openFor = map[string]int{}, openFor(all, began, ended)
	c.book.mu.Lock()
	defer c.book.mu.Unlock()
	for key, visits := range c.book.seen {
		slices.SortFunc(visits, func(a, b visit) int { return a.came.Compare(b.came) })
		first := slices.IndexFunc(visits, func(v visit) bool { return v.taken })
		if first < 0 {
			continue
		}
		r.takenAtAll++
		if excuse(all, key, visits[first:first+1]) != "" {
			r.excusable++
		}
		for later := first + 1; later < len(visits); later++ {
			cause := excuse(all, key, visits[:later])
			switch {
			case cause != "":
				r.by[cause]++
			case key.endpoint == "ep_hanging" && slices.ContainsFunc(visits[:later], visit.late):
				r.by["answered too late"]++
			default:
				r.unexcused = append(r.unexcused, key)
			}
		}
	}
	return r
}

func (v visit) late() bool { return v.answered.Sub(v.came) > lateAnswer }

// ordered reports whether all of an endpoint's deliveries go through its held
// queue.
func (c *chaos) ordered(endpoint string) bool { return endpoint == "ep_fifo" || endpoint == "ep_keyed" }

// offeredIn reports whether publishers first tried in that time to have the event
// stored.
func (c *chaos) offeredIn(key ledgerKey, from, to time.Time) bool {
	at := c.load.offered[key.event]
	return at.After(from) && at.Before(to)
}

// excuse is the cause of a window in which one of the visits was taken, or empty.
func excuse(all []window, key ledgerKey, visits []visit) string {
	for _, w := range all {
		if w.of != nil && !w.of(key) {
			continue
		}
		if slices.ContainsFunc(visits, func(v visit) bool { return v.taken && v.answered.After(w.from) && v.came.Before(w.to) }) {
			return w.cause
		}
	}
	return ""
}

// openFor is how long a window is open that excuses repeats anywhere.
func openFor(all []window, began, ended time.Time) (open time.Duration) {
	all = slices.DeleteFunc(slices.Clone(all), func(w window) bool { return w.of != nil })
	slices.SortFunc(all, func(a, b window) int { return a.from.Compare(b.from) })
	until := began
	for _, w := range all {
		from, to := later(w.from, until), earlier(w.to, ended)
		open += max(0, to.Sub(from))
		until = later(until, to)
	}
	return open
}

func later(a, b time.Time) time.Time { return slices.MaxFunc([]time.Time{a, b}, time.Time.Compare) }

func earlier(a, b time.Time) time.Time { return slices.MinFunc([]time.Time{a, b}, time.Time.Compare) }

// causes are the causes of repeats, the most frequent first.
func (r repeats) causes() []string {
	return slices.SortedFunc(keysOf(r.by), func(a, b string) int { return cmp.Or(r.by[b]-r.by[a], cmp.Compare(a, b)) })
}
