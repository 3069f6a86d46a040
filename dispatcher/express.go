package dispatcher

import (
	"context"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/fault"
)

const (
	// expressTime is how long a delivery may go without being stored on its
	// endpoint's queue: one that is not settled by then is stored after all, while
	// its attempt goes on. It bounds what a crash repeats, and how long an event
	// waits for a slow endpoint to be acknowledged.
	expressTime = 250 * time.Millisecond
	// expressPace is how long an endpoint's attempts may take for it to get its
	// deliveries this way: a slower one's would be stored anyway.
	expressPace = expressTime / 2
)

// Express attempts a delivery that is stored nowhere but in its event, if the
// endpoint's partition is run here and the endpoint has nothing waiting and is
// quick. It is a [schemas.Express].
//
// It waits some time for an endpoint that has too much to do while this process
// has: to store the delivery would only add to that.
func (d *Dispatcher) Express(delivery *schemas.Delivery, release func(settled bool)) bool {
	partition, until := d.o.Layout.Partition(delivery.Endpoint), time.Now().Add(expressTime)
	for {
		d.mu.RLock()
		take := d.express[partition]
		d.mu.RUnlock()
		if take == nil {
			return false
		}
		if answer := take(delivery, release, time.Now().After(until)); answer != busy {
			return answer == taken
		}
		<-time.After(expressPause)
	}
}

// expressPause is how long a busy endpoint is left alone.
const expressPause = time.Millisecond

// expressAnswer is what an endpoint says to an express delivery.
type expressAnswer int

const (
	taken expressAnswer = iota
	refused
	busy // ask again
)

// expressTaker is how a partition takes a delivery; last tells that it will not be
// asked again.
type expressTaker func(d *schemas.Delivery, release func(settled bool), last bool) expressAnswer

// takeExpress has a partition's express deliveries taken by p, until stop.
func (p *partition) takeExpress(work context.Context) (stop func()) {
	p.d.setExpress(p.number, func(d *schemas.Delivery, release func(bool), last bool) expressAnswer {
		p.mu.Lock()
		defer p.mu.Unlock()
		l := p.lane(d.Endpoint)
		answer := l.express(time.Now())
		if answer == busy && last {
			p.d.inVain.Store(time.Now().UnixNano())
			answer = refused
		}
		if p.stopping {
			answer = refused
		}
		switch answer {
		case taken:
			e := &express{of: &p.unstored, id: d.ID, release: release}
			t := &task{delivery: d, stored: e, taken: time.Now()}
			p.hold(t)
			p.unstored.add(e)
			l.offer(work, t)
		case refused:
			l.follows(d.ID)
			l.closeIfIdle()
		}
		return answer
	})
	return func() { p.d.setExpress(p.number, nil) }
}

func (d *Dispatcher) setExpress(partition int, take expressTaker) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.express[partition] = take
}

// express says whether a delivery may overtake whatever of the endpoint is on its
// way through the stream: nothing must be.
func (l *lane) express(now time.Time) expressAnswer {
	if now.Sub(l.arrived) > behindWait {
		l.behind = "" // never stored, or read by another
	}
	t := l.p.d.o.Targets.Get(l.endpoint)
	window := l.window()
	switch {
	case t == nil, window == 0, l.ordered(), l.held != nil, len(l.incoming) > 0:
		return refused
	case l.pace > expressPace, len(l.running) > 0 && now.Sub(l.moved) > expressPace:
		return refused
	case l.behind == "" && (len(l.queue) < window || len(l.queue) < maxExpress && l.wait(l.pace) < expressPace):
		return taken
	case now.Sub(time.Unix(0, l.p.d.inVain.Load())) > vainWait && l.p.d.load.TooHigh(now):
		return busy
	default:
		return refused
	}
}

// maxExpress bounds the deliveries that wait in a lane and are stored nowhere but
// in their events.
const maxExpress = 1024

// follows notes that a delivery was refused: it comes through the stream.
func (l *lane) follows(id schemas.DeliveryID) {
	if l.behind == "" {
		l.arrived = time.Now()
	}
	l.behind = id
}

// comes notes that a delivery of the endpoint came through the stream. One that
// was stored before comes no second time, so they are not counted: with the last
// that was refused all have come.
func (l *lane) comes(id schemas.DeliveryID) {
	l.arrived = time.Now()
	if l.behind == id {
		l.behind = ""
	}
}

// vainWait is how long no endpoint is waited for after one was in vain: that one takes
// less than comes, whatever the load, and its tenant's other events wait too.
const vainWait = 10 * time.Second

// behindWait is how long nothing may come of what was refused, until nothing more
// is waited for.
const behindWait = 2 * time.Second

// express is a delivery that is stored nowhere but in its event, or is being
// stored on its endpoint's queue while it is attempted.
type express struct {
	of      *unstored
	id      schemas.DeliveryID
	release func(settled bool)
	state   expressState // guarded by of.mu
	stored  ready        // once it has come back
	added   time.Time
}

// expressState is how far an express delivery has come.
type expressState int

const (
	inEvent      expressState = iota // set by takeExpress
	storing                          // set by look: asked to be stored
	arrived                          // set by arrive: stored is it
	settledFirst                     // set by done, before it has arrived
	released                         // set by done and giveBack: no longer ours
)

// unstored are the express deliveries of a partition.
type unstored struct {
	mu      sync.Mutex // guards what follows, and the state of each
	recent  []*express // in the order they came
	storing map[schemas.DeliveryID]*express
	timing  bool // a timer will look at recent
	kept    bool // nothing more is to be stored: the partition stops
}

func (u *unstored) add(e *express) {
	u.mu.Lock()
	defer u.mu.Unlock()
	e.added = time.Now()
	u.recent = append(u.recent, e)
	if !u.timing {
		u.timing = true
		time.AfterFunc(expressTime/2, u.look)
	}
}

// look has those stored that have taken too long.
func (u *unstored) look() {
	now := time.Now()
	u.mu.Lock()
	n := 0
	var late []*express
	for ; n < len(u.recent) && now.Sub(u.recent[n].added) >= expressTime; n++ {
		if e := u.recent[n]; e.state == inEvent && !u.kept {
			e.state = storing
			u.storing[e.id] = e
			late = append(late, e)
		}
	}
	clear(u.recent[:n])
	u.recent = u.recent[n:]
	if u.timing = len(u.recent) > 0; u.timing {
		time.AfterFunc(expressTime/2, u.look)
	}
	u.mu.Unlock()
	for _, e := range late {
		e.release(false)
	}
}

// arrival is what a message of the consumer was to the express deliveries.
type arrival int

const (
	unknown  arrival = iota
	underWay         // it is attempted here already
	settled          // it was
)

// arrive takes in a message of the consumer.
func (u *unstored) arrive(id schemas.DeliveryID, r ready) arrival {
	u.mu.Lock()
	defer u.mu.Unlock()
	e := u.storing[id]
	switch {
	case e == nil:
		return unknown
	case e.state == settledFirst:
		r.done()
		time.AfterFunc(persist.Try, func() { u.over(id) }) // it may have been read for a move already
		return settled
	default:
		e.state, e.stored = arrived, r
		delete(u.storing, id)
		return underWay
	}
}

// over reports whether a stored delivery was attempted and settled here before it
// came, and forgets it: nothing is left to do but to delete it.
func (u *unstored) over(id schemas.DeliveryID) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if e := u.storing[id]; e == nil || e.state != settledFirst {
		return false
	}
	delete(u.storing, id)
	return true
}

// keep ends the storing: the partition stops, and whoever has it next would
// attempt again what is stored now.
func (u *unstored) keep() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.kept = true
}

func (e *express) done() {
	e.of.mu.Lock()
	was := e.state
	switch was {
	case inEvent:
		e.state = released
	case storing:
		e.state = settledFirst
	}
	e.of.mu.Unlock()
	switch was {
	case inEvent:
		fault.Here(fault.ExpressSettled)
		e.release(true)
	case arrived:
		e.stored.done()
	}
}

func (e *express) giveBack() {
	e.of.mu.Lock()
	was := e.state
	if was == storing {
		delete(e.of.storing, e.id)
	}
	if was != arrived {
		e.state = released
	}
	e.of.mu.Unlock()
	switch was {
	case inEvent:
		e.release(false)
	case arrived:
		e.stored.giveBack()
	}
}

func (e *express) extend() {
	if r, ok := e.ready(); ok {
		r.extend()
	}
}

// ready is the stored delivery, if it has come back.
func (e *express) ready() (r ready, ok bool) {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	return e.stored, e.state == arrived
}
