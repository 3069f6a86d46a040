package model

import (
	"time"

	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

// Rules of dispatcher/lane.go, gate.go and express.go, which keep theirs to
// themselves. TestCopiedRules holds these to those.
const (
	maxWait     = time.Second
	slowPace    = 250 * time.Millisecond
	watchEvery  = maxWait / 4
	freshPerCPU = 2
	freshTime   = time.Millisecond
	expressTime = 250 * time.Millisecond
	expressPace = expressTime / 2
	// MaxTaken is how many deliveries of a partition may be in a process's hands until
	// endpoints that may hang get one place each: see Options.Taken.
	MaxTaken = 4096
)

// lane is one endpoint's way through the dispatcher, as dispatcher/lane.go has it.
type lane struct {
	Endpoint

	n        int // which one
	schedule retry.Schedule
	flow     *flow.Flow
	began    map[*task]struct{}
	queue    fifo
	held     fifo
	holding  bool // what comes follows into the held queue
	pace     time.Duration
	watched  bool
	waiting  bool // in the gate's line
	alarm    time.Duration
}

// task is a delivery that has not ended.
type task struct {
	id       uint64
	lane     *lane
	born     time.Duration // when its event came
	due      time.Duration // when it came, or its retry's time
	started  time.Duration // of the attempt under way
	attempts int
	isHeld   bool
	taken    bool // in the process's hands, and not held
	answer   Answer
	left     *bool // tells the gate that its place is free; nil if it has none
	// newer and older are its neighbours in the list of those that have not ended.
	newer, older *task
}

// fifo is a queue of tasks.
type fifo struct {
	tasks []*task
	head  int
}

func (f *fifo) size() int { return len(f.tasks) - f.head }

func (f *fifo) push(t *task) { f.tasks = append(f.tasks, t) }

func (f *fifo) pop() *task {
	t := f.tasks[f.head]
	f.tasks[f.head] = nil
	if f.head++; f.head == len(f.tasks) {
		f.tasks, f.head = f.tasks[:0], 0
	}
	return t
}

func newLane(n int, e Endpoint) *lane {
	e.Policy = withDefaults(e.Policy)
	return &lane{
		n: n, Endpoint: e, schedule: Schedule(e.Policy), began: map[*task]struct{}{},
		flow: flow.New(flow.Options{
			Max:     e.Policy.Concurrency,
			Breaker: flow.BreakerOptions{Off: e.Policy.Breaker == schemas.SwitchOff},
		}),
	}
}

// offer takes a delivery in: it is attempted, queued or held.
func (s *run) offer(l *lane, t *task) {
	t.due = s.now
	window := l.flow.Limit(s.time())
	switch {
	case window == 0, l.holding:
		s.empty(l)
		s.follow(l, t)
	case s.mayHang(l):
		s.hold(l)
		s.follow(l, t)
	default:
		s.take(t)
		if len(l.began) < window && l.queue.size() == 0 {
			s.start(l, t)
			return
		}
		l.queue.push(t)
		s.watch(l)
	}
}

// take counts a delivery as in the process's hands.
func (s *run) take(t *task) {
	t.taken = true
	s.taken++
}

func (s *run) letGo(t *task) {
	if t.taken {
		t.taken = false
		s.taken--
	}
}

// mayHang reports whether the endpoint is not to have more places than one.
func (s *run) mayHang(l *lane) bool {
	if s.Taken == 0 || len(l.began) == 0 || s.taken <= s.Taken {
		return false
	}
	return l.pace == 0 || s.paceNow(l) > slowPace
}

// follow sends a delivery into the held queue, where it dies if that is full.
func (s *run) follow(l *lane, t *task) {
	l.holding = true
	s.letGo(t)
	if l.held.size() >= l.Policy.MaxHeld {
		s.die(t, schemas.ReasonQueueFull)
		return
	}
	t.isHeld = true
	s.gauges.held++
	s.spend(s.Costs.Hold)
	l.held.push(t)
	s.wake(l)
	s.setAlarm(l)
}

// hold moves the queue to the held queue.
func (s *run) hold(l *lane) {
	l.holding = true
	s.empty(l)
}

func (s *run) empty(l *lane) {
	for l.queue.size() > 0 {
		s.follow(l, l.queue.pop())
	}
}

// start attempts a delivery: it waits for a CPU, and then for its receiver.
func (s *run) start(l *lane, t *task) {
	t.started = s.now
	s.waited(t)
	if l.flow.State() == flow.Open {
		s.moment.Probes++
	}
	l.flow.Began(s.time())
	l.began[t] = struct{}{}
	t.attempts++
	cost := s.Costs.Attempt
	if !s.Express || t.attempts > 1 || t.isHeld || l.pace > expressPace {
		s.moment.Stored++
		if t.attempts == 1 && !t.isHeld { // Retry and Hold say what the others cost
			cost += s.Costs.Store
		}
	}
	sent := s.spend(cost)
	t.answer = l.Answers(Request{At: sent, Endpoint: l.n, Delivery: t.id, Attempt: t.attempts, Random: s.random})
	if timeout := l.Policy.Timeout.Std(); t.answer.Status == 0 || t.answer.Took > timeout {
		t.answer = Answer{Took: timeout}
	}
	s.calendar.add(happening{at: sent + t.answer.Took, kind: answered, lane: l, task: t})
}

// adjust makes the lane use its window as it is now.
func (s *run) adjust(l *lane) {
	if l.queue.size() > 0 && l.flow.Limit(s.time()) == 0 {
		s.empty(l)
	}
	for l.queue.size() > 0 && len(l.began) < l.flow.Limit(s.time()) {
		s.start(l, l.queue.pop())
	}
	s.wake(l)
	s.setAlarm(l)
}

// setAlarm has the lane adjusted when its breaker allows a probe.
func (s *run) setAlarm(l *lane) {
	wake := l.flow.Wake()
	if wake.IsZero() || !l.holding {
		return
	}
	at := wake.Sub(epoch)
	if at <= s.now || at == l.alarm {
		return
	}
	l.alarm = at
	s.calendar.add(happening{at: at, kind: probe, lane: l})
}

// watch looks at the queue from time to time while there is one.
func (s *run) watch(l *lane) {
	if !l.watched {
		l.watched = true
		s.calendar.add(happening{at: s.now + watchEvery, kind: watch, lane: l})
	}
}

// look holds the queue once it waits too long.
func (s *run) look(l *lane) {
	l.watched = false
	if l.queue.size() == 0 {
		return
	}
	pace := s.paceNow(l)
	rounds := float64(l.queue.size()) / float64(max(1, l.flow.Limit(s.time())))
	if pace > slowPace && time.Duration(rounds*float64(pace)) > maxWait {
		s.hold(l)
		return
	}
	s.watch(l)
}

// paceNow is how long an attempt takes, or as long as the youngest already has.
func (s *run) paceNow(l *lane) time.Duration {
	if len(l.began) == 0 {
		return l.pace
	}
	newest := time.Duration(0)
	for t := range l.began {
		newest = max(newest, t.started)
	}
	return max(l.pace, s.now-newest)
}
