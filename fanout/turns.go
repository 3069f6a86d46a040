package fanout

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// matchers is how many tenants' events of a partition are matched at once: a
	// tenant whose filters are costly keeps one of them busy.
	matchers = 4
	// turnTime is how long a tenant's events are matched before another's are, if
	// they wait: it is as long as one event takes if that is more.
	turnTime = time.Millisecond
	// maxWaiting bounds the data of the events that wait to be matched, in bytes.
	maxWaiting = 64 << 20
)

// turns are the events of a partition that wait to be matched. Tenants take
// turns, so that none waits for all that another has; the events of one are
// matched one after the other, in the order they came.
type turns struct {
	mu    sync.Mutex // guards what follows
	of    map[schemas.TenantID]*line
	next  []*line // those that nobody works on, the next first
	bytes int     // of all that wait
	ended bool    // nothing more comes
	work  *sync.Cond
	room  *sync.Cond
}

// line are the events of one tenant. It is there while they are.
type line struct {
	tenant  schemas.TenantID
	waiting []jetstream.Msg
}

func newTurns() *turns {
	t := &turns{of: map[schemas.TenantID]*line{}}
	t.work, t.room = sync.NewCond(&t.mu), sync.NewCond(&t.mu)
	return t
}

// put has an event wait for its turn, if need be after there is room.
func (t *turns) put(m jetstream.Msg) {
	tenant, _, _ := schemas.StoredEvent(m.Subject()) // one that has none is dealt with in its turn
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.bytes > maxWaiting {
		t.room.Wait()
	}
	l := t.of[tenant]
	if l == nil {
		l = &line{tenant: tenant}
		t.of[tenant] = l
		t.next = append(t.next, l)
		t.work.Signal()
	}
	l.waiting = append(l.waiting, m)
	t.bytes += len(m.Data())
}

// end is called after the last put.
func (t *turns) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.work.Broadcast()
}

// begin waits for the next tenant's turn, nil if there will be none. The line is
// the caller's until it calls over.
func (t *turns) begin() *line {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.next) == 0 {
		if t.ended {
			return nil
		}
		t.work.Wait()
	}
	l := t.next[0]
	t.next[0] = nil
	t.next = t.next[1:]
	return l
}

// first takes the line's first event, nil if none is left.
func (t *turns) first(l *line) jetstream.Msg {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil
	}
	m := l.waiting[0]
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	t.bytes -= len(m.Data())
	t.room.Signal()
	return m
}

// over ends a turn. The tenant has another, after the others, if it has events.
func (t *turns) over(l *line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(l.waiting) == 0 {
		delete(t.of, l.tenant)
		return
	}
	t.next = append(t.next, l)
	t.work.Signal()
}

// all are the events that wait now.
func (t *turns) all() (waiting []jetstream.Msg) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.of {
		waiting = append(waiting, l.waiting...)
	}
	return waiting
}
