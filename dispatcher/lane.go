package dispatcher

import (
	"context"
	"time"

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
	running  map[*task]struct{}
	queue    []*task
	pace     time.Duration // how long attempts take: a moving average
	watched  bool          // a timer will look whether the queue waits too long
	held     *heldQueue    // nil while nothing of the endpoint is held
	room     chan struct{} // tells the drain that an attempt has ended
}

func newLane(p *partition, endpoint schemas.EndpointID) *lane {
	return &lane{p: p, endpoint: endpoint, running: map[*task]struct{}{}, room: make(chan struct{}, 1)}
}

// window is how many attempts the endpoint may have under way now.
func (l *lane) window() int {
	if t := l.p.d.o.Targets.get(l.endpoint); t != nil {
		return t.window
	}
	return defaultConcurrency
}

// offer takes a delivery in: it is attempted, queued or held, in the order it
// came.
func (l *lane) offer(work context.Context, t *task) {
	switch {
	case l.held != nil && !l.held.drained:
		l.held.write(work, t)
	case len(l.running) < l.window() && len(l.queue) == 0:
		l.start(work, t)
	default:
		l.queue = append(l.queue, t)
		l.watch(work)
	}
}

// start counts t as running and attempts it.
func (l *lane) start(work context.Context, t *task) {
	t.started = time.Now()
	l.running[t] = struct{}{}
	l.p.wg.Go(func() { l.p.run(work, l, t) })
}

// next ends a task and takes the next from the queue into its place; nil if
// the place is not to be filled.
func (l *lane) next(ended *task) *task {
	now := time.Now()
	l.pace += (now.Sub(ended.started) - l.pace) / 8
	delete(l.running, ended)
	delete(l.p.taken, ended)
	if len(l.queue) > 0 && len(l.running) < l.window() {
		t := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		t.started = now
		l.running[t] = struct{}{}
		return t
	}
	select {
	case l.room <- struct{}{}:
	default:
	}
	l.closeIfIdle()
	return nil
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
	return time.Duration(float64(len(l.queue)) / float64(l.window()) * float64(pace))
}

// hold moves the queue to the endpoint's held queue; later deliveries follow it
// there until it is drained.
func (l *lane) hold(work context.Context) {
	if l.held == nil {
		l.held = newHeldQueue(l)
	}
	l.held.open(work)
	for _, t := range l.queue {
		l.held.write(work, t)
	}
	l.queue = nil
}

// giveBack returns what waits in memory to JetStream.
func (l *lane) giveBack() {
	for _, t := range l.queue {
		delete(l.p.taken, t)
		t.stored.giveBack()
	}
	l.queue = nil
	select {
	case l.room <- struct{}{}:
	default:
	}
}

func (l *lane) closeIfIdle() {
	if len(l.running) == 0 && len(l.queue) == 0 && l.held == nil {
		delete(l.p.lanes, l.endpoint)
	}
}
