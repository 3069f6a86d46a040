package dispatcher

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/schemas"
)

// A lane whose endpoint is slow, and whose newest delivery would wait too long
// behind the others in memory, is held, so that the places they take in the
// partition's consumer are free for other endpoints. Holding costs a write and a
// read more, so an endpoint that is quick and merely busy is not held: its queue
// is short in time.
const (
	maxWait  = time.Second
	slowPace = 250 * time.Millisecond
)

// watchEvery is how often a lane with a queue is looked at.
const watchEvery = maxWait / 4

// lane is one endpoint's way through the dispatcher: so many attempts under
// way, and behind them a short queue in memory, or the endpoint's held queue.
// A lane exists while it has something to do. The partition's mu guards it.
type lane struct {
	p        *partition
	endpoint schemas.EndpointID
	flow     *flow.Flow  // how much it takes now; outlives the lane
	alarm    *time.Timer // adjusts the lane when flow changes by itself; nil if it does not
	running  map[*task]struct{}
	queue    []*task
	pace     time.Duration // how long attempts take: a moving average
	watched  bool          // a timer will look whether the queue waits too long
	shut     bool          // paused or in order, and Targets do not know it yet
	unsure   bool          // it was: until Targets know it, deliveries are tried one by one
	incoming []*task       // to be moved into the held queue in order: see fifo.go
	moving   bool          // a goroutine does so
	through  uint64        // the last sequence that was
	held     *heldQueue    // nil while nothing of the endpoint is held
	room     chan struct{} // tells the drain to look again: an attempt has ended, or the endpoint changed
	moved    time.Time     // when an attempt last began or ended
	acked    time.Time     // when an attempt at what was not held last ended
	ahead    int           // deliveries attempted before those held, since one of those was

	behind  schemas.DeliveryID // the last that was refused as express, until it comes
	arrived time.Time          // when one came, or behind was set
}

func newLane(p *partition, endpoint schemas.EndpointID) *lane {
	return &lane{p: p, endpoint: endpoint, flow: p.flow(endpoint), running: map[*task]struct{}{}, room: make(chan struct{}, 1)}
}

// window is how many attempts the endpoint may have under way now; none while
// it is paused, or its breaker open, and no more than its share of the process's.
func (l *lane) window() int {
	t := l.p.d.o.Targets.Get(l.endpoint)
	switch {
	case l.shut, t != nil && t.Window() == 0:
		return 0
	case t == nil && l.unsure:
		return 1
	default:
		return min(l.flow.Limit(time.Now()), l.p.d.crowd.share())
	}
}

// offer takes a delivery in: it is attempted, queued or held, in the order it
// came.
func (l *lane) offer(work context.Context, t *task) {
	switch {
	case l.goesFirst(t):
		l.queue = append(l.queue, t)
		l.adjust(work)
		l.watch(work)
	case l.window() == 0, l.ordered(), l.draining() && !l.liveFirst():
		l.empty(work)
		l.follow(work, t)
	case l.draining():
		l.follow(work, t)
	case l.mayHang():
		l.hold(work)
		l.follow(work, t)
	case len(l.running) < l.window() && len(l.queue) == 0:
		l.start(work, t)
	default:
		l.queue = append(l.queue, t)
		l.watch(work)
	}
}

// maxTaken is how many deliveries of a partition may be in this process's hands
// until endpoints that may hang get one place each: half of what JetStream hands out
// before the first is acknowledged.
const maxTaken = 4096

// mayHang reports whether the endpoint is not to have more places of a partition
// that has few left: nothing of it has ended yet, or not for long.
func (l *lane) mayHang() bool {
	if len(l.running) == 0 || len(l.p.taken) <= l.p.d.maxTaken {
		return false
	}
	return l.pace == 0 || l.paceNow(time.Now()) > slowPace
}

// goesFirst reports whether a delivery is attempted before those that are held: its
// endpoint wants new ones to be, and the queue, which goes before them, has room.
func (l *lane) goesFirst(t *task) bool {
	return l.held != nil && t.delivery.Attempts == 0 && l.liveFirst() && len(l.queue) < l.window()
}

func (l *lane) liveFirst() bool {
	t := l.p.d.o.Targets.Get(l.endpoint)
	return t != nil && t.LiveFirst()
}

// draining reports whether deliveries wait in the held queue.
func (l *lane) draining() bool { return l.held != nil && !l.held.drained }

// maxAhead is how many new deliveries at most are attempted before one that is
// held, where new ones go first: those that wait are not to wait for ever.
const maxAhead = 8

// mayStart reports whether the first of the queue may be attempted now.
func (l *lane) mayStart() bool {
	return len(l.queue) > 0 && len(l.running) < l.window() && (l.ahead < maxAhead || !l.draining())
}

// start counts t as running and attempts it.
func (l *lane) start(work context.Context, t *task) {
	l.begin(t, time.Now())
	l.p.wg.Go(func() { l.p.run(work, l, t) })
}

// begin counts t as running.
func (l *lane) begin(t *task, now time.Time) {
	t.started, t.signal, l.moved = now, flow.Void, now
	l.flow.Began(now)
	l.p.d.crowd.began(len(l.running) == 0)
	l.running[t] = struct{}{}
	if _, isHeld := t.stored.(held); isHeld {
		l.ahead = 0
	} else {
		l.ahead++
	}
}

// end counts t as running no more, and learns from how it went.
func (l *lane) end(t *task, now time.Time) {
	l.moved = now
	t.pass.leave()
	l.flow.Done(flow.Result{Signal: t.signal, Began: t.started, Now: now, InFlight: len(l.running), Random: rand.Float64()}) //nolint:gosec // jitter
	delete(l.running, t)
	l.p.d.crowd.ended(len(l.running) == 0)
	if _, isHeld := t.stored.(held); !isHeld {
		l.acked = now
	}
}

// follow sends a delivery of the consumer into the held queue.
func (l *lane) follow(work context.Context, t *task) {
	if l.ordered() {
		if _, ok := t.stored.(*express); ok { // not where the others are moved from
			l.p.letGo(t)
			t.stored.giveBack()
			return
		}
		l.incoming = append(l.incoming, t)
		l.move(work)
		return
	}
	l.open(work)
	l.held.write(work, t)
}

// next ends a task and takes the next from the queue into its place; nil if
// the place is not to be filled.
func (l *lane) next(work context.Context, ended *task) *task {
	now := time.Now()
	l.pace += (now.Sub(ended.started) - l.pace) / 8
	l.end(ended, now)
	l.p.letGo(ended)
	if l.mayStart() {
		t := l.dequeue()
		l.begin(t, now)
		l.adjust(work)
		return t
	}
	l.adjust(work)
	l.closeIfIdle()
	return nil
}

// putOff returns a task whose endpoint was paused after it was started to the
// endpoint's held queue.
func (l *lane) putOff(work context.Context, t *task) {
	l.end(t, time.Now())
	if l.p.stopping {
		l.p.letGo(t)
		t.stored.giveBack()
		return
	}
	if l.p.d.o.Targets.Get(l.endpoint) == nil && !l.shut {
		l.shut, l.unsure = true, true
		time.AfterFunc(shutPause, func() {
			l.p.mu.Lock()
			defer l.p.mu.Unlock()
			l.shut = false
			l.changed(work)
		})
	}
	if s, ok := t.stored.(held); ok {
		s.queue.putBack(work, t, s)
	} else {
		l.follow(work, t)
	}
	l.move(work)
	l.wake()
}

// shutPause is how long an endpoint rests that the registry says is paused, and
// that Targets do not know: it is new, or gone again.
const shutPause = time.Second

// changed makes the lane go by the endpoint as it is now: paused, resumed, with
// another window or order.
func (l *lane) changed(work context.Context) {
	if l.p.stopping {
		return
	}
	l.flow.Set(l.p.flowOptions(l.endpoint))
	l.flow.Hasten(time.Now()) // whoever changed it may have put it right
	if l.held != nil && l.held.mode.ordered {
		l.held.again = true // one that waits for its retry may be to die now
	}
	l.adjust(work)
}

// adjust makes the lane use its window as it is now: no more, and no less.
func (l *lane) adjust(work context.Context) {
	if l.p.stopping {
		return
	}
	if len(l.queue) > 0 && (l.window() == 0 || l.ordered()) {
		l.empty(work)
	}
	l.move(work)
	for l.mayStart() {
		l.start(work, l.dequeue())
	}
	l.wake()
	l.setAlarm(work)
}

// setAlarm has the lane adjusted when its breaker allows a probe. Once it does,
// what keeps the probe from beginning adjusts the lane when it ends.
func (l *lane) setAlarm(work context.Context) {
	if l.alarm != nil {
		l.alarm.Stop()
		l.alarm = nil
	}
	wait := time.Until(l.flow.Wake())
	if wait <= 0 || l.held == nil {
		return
	}
	l.alarm = time.AfterFunc(wait, func() {
		l.p.mu.Lock()
		defer l.p.mu.Unlock()
		l.adjust(work)
	})
}

// wake has the drain look again whether there is room.
func (l *lane) wake() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}

// dequeue takes the first of the queue.
func (l *lane) dequeue() *task {
	t := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	return t
}

// watch looks at the queue from time to time while there is one, and holds it
// once it waits too long.
func (l *lane) watch(work context.Context) {
	if l.watched {
		return
	}
	l.watched = true
	time.AfterFunc(watchEvery, func() {
		l.p.mu.Lock()
		defer l.p.mu.Unlock()
		l.watched = false
		if len(l.queue) == 0 || l.p.stopping {
			return
		}
		if pace := l.paceNow(time.Now()); pace > slowPace && l.wait(pace) > maxWait {
			l.hold(work)
			return
		}
		l.watch(work)
	})
}

// paceNow is how long an attempt takes: as usual, or as long as even the
// youngest under way already has. One that lags behind the others says nothing
// of the endpoint.
func (l *lane) paceNow(now time.Time) time.Duration {
	if len(l.running) == 0 {
		return l.pace
	}
	var newest time.Time
	for t := range l.running {
		if t.started.After(newest) {
			newest = t.started
		}
	}
	return max(l.pace, now.Sub(newest))
}

// wait is how long the newest in the queue will have to wait at a pace: as many
// rounds of the window as it takes.
func (l *lane) wait(pace time.Duration) time.Duration {
	return time.Duration(float64(len(l.queue)) / float64(max(1, l.window())) * float64(pace))
}

// hold moves the queue to the endpoint's held queue; later deliveries follow it
// there until it is drained.
func (l *lane) hold(work context.Context) {
	l.open(work)
	l.empty(work)
}

// open puts the held queue into use.
func (l *lane) open(work context.Context) {
	if l.held == nil {
		l.held = newHeldQueue(l)
	}
	l.held.open(work)
	l.setAlarm(work)
}

// empty sends the queue after what is held.
func (l *lane) empty(work context.Context) {
	for len(l.queue) > 0 {
		l.follow(work, l.dequeue())
	}
}

// giveBack returns what waits in memory to JetStream.
func (l *lane) giveBack() {
	for _, t := range append(l.queue, l.incoming...) {
		l.p.letGo(t)
		t.stored.giveBack()
	}
	l.queue, l.incoming = nil, nil
	l.wake()
}

func (l *lane) closeIfIdle() {
	if len(l.running) == 0 && len(l.queue) == 0 && len(l.incoming) == 0 && l.held == nil {
		delete(l.p.lanes, l.endpoint)
		if l.alarm != nil {
			l.alarm.Stop()
		}
	}
}
