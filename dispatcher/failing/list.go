package failing

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
)

// Options is what a list needs. All is required.
type Options struct {
	Targets *attempt.Targets
	// Mine reports whether an endpoint belongs to the partition.
	Mine  func(schemas.EndpointID) bool
	Store Store
	// Disable and Announce are the dispatcher's.
	Disable  func(context.Context, schemas.EndpointID, schemas.Reason) error
	Announce func(context.Context, Notice) error
	Log      *slog.Logger
}

// Store keeps what is known of endpoints that fail, over restarts and from one
// owner of a partition to the next.
type Store interface {
	// Notes are all that are kept.
	Notes(context.Context) (map[schemas.EndpointID]Note, error)
	// SetNote replaces an endpoint's. A zero note removes it.
	SetNote(context.Context, schemas.EndpointID, Note) error
}

// Forgetful is a [Store] that keeps nothing.
type Forgetful struct{}

// Notes are none.
func (Forgetful) Notes(context.Context) (map[schemas.EndpointID]Note, error) { return nil, nil }

// SetNote does nothing.
func (Forgetful) SetNote(context.Context, schemas.EndpointID, Note) error { return nil }

const (
	// pause is how long an endpoint waits whose step did not succeed.
	pause = time.Second
	// flushTime is how long storing may take when the list ends.
	flushTime = 2 * time.Second
	// shownTime is how long [attempt.Targets] may take, at most, to show what was
	// written to the registry, and shownPause how often they are asked.
	shownTime  = time.Second
	shownPause = 2 * time.Millisecond
)

// List is the endpoints of a partition that fail. It is safe for concurrent use.
type List struct {
	o    Options
	wake chan struct{} // tells the goroutine that the queue is not empty

	mu     sync.Mutex // guards what follows, and all entries
	loaded bool       // what was stored has been read
	fine   map[schemas.EndpointID]struct{}
	all    map[schemas.EndpointID]*entry
	queue  []schemas.EndpointID // whose entries have something to do, each once
}

// New makes a list. It does nothing that takes time until Start.
func New(o Options) *List {
	return &List{
		o: o, wake: make(chan struct{}, 1),
		fine: map[schemas.EndpointID]struct{}{}, // delivered before loaded
		all:  map[schemas.EndpointID]*entry{},
	}
}

// Start begins the list's work. Stop ends it, after a last try to store what is
// not stored; it waits for that. No more attempts may be told by then.
func (l *List) Start(ctx context.Context) (stop func()) {
	unwatch := l.o.Targets.Watch(l.changed)
	ctx, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.run(ctx)
	}()
	return func() {
		unwatch()
		end()
		<-ended
	}
}

// Done is told each settled attempt. It does not wait.
func (l *List) Done(d *schemas.Delivery, a schemas.Attempt, kind schemas.Kind) {
	if a.Number == 0 {
		return // none was made
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if kind == schemas.Delivered {
		if !l.loaded {
			l.fine[d.Endpoint] = struct{}{}
		}
		if e := l.all[d.Endpoint]; e != nil && e.delivered() {
			l.enqueue(e)
		}
		return
	}
	t := l.o.Targets.Get(d.Endpoint)
	if t == nil || t.Disabled() {
		return // too new to matter, or too late
	}
	e := l.entry(d.Endpoint)
	if e.failed(a, t, l.loaded) {
		l.enqueue(e)
	}
}

// Disable disables the endpoint of an attempt, for a reason that is the
// receiver's answer. It returns once the registry has it, or ctx ends.
func (l *List) Disable(ctx context.Context, d *schemas.Delivery, a schemas.Attempt, why schemas.Reason) error {
	l.mu.Lock()
	t := l.o.Targets.Get(d.Endpoint)
	e := l.entry(d.Endpoint)
	if e.disabled || t != nil && t.Disabled() {
		l.enqueue(e)
		l.mu.Unlock()
		return nil
	}
	disabling := e.disable(d.Tenant, a, why)
	l.enqueue(e)
	l.mu.Unlock()
	select {
	case <-disabling:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// changed takes in a change of an endpoint.
func (l *List) changed(id schemas.EndpointID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.all[id]; e != nil {
		e.changed(l.o.Targets.Get(id))
		l.enqueue(e)
	}
}

// entry finds or makes an endpoint's. The caller holds mu.
func (l *List) entry(id schemas.EndpointID) *entry {
	e := l.all[id]
	if e == nil {
		e = &entry{id: id, target: l.o.Targets.Get(id)}
		l.all[id] = e
	}
	return e
}

// enqueue has the goroutine look at an entry. The caller holds mu.
func (l *List) enqueue(e *entry) {
	if e.queued {
		return
	}
	e.queued = true
	l.queue = append(l.queue, e.id)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// dequeue is the next to look at; nil if there is none.
func (l *List) dequeue() *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) > 0 {
		e := l.all[l.queue[0]]
		l.queue = l.queue[1:]
		if e != nil {
			e.queued = false
			return e
		}
	}
	l.queue = nil
	return nil
}

// run is the goroutine.
func (l *List) run(ctx context.Context) {
	for err := l.load(ctx); err != nil; err = l.load(ctx) {
		if ctx.Err() != nil {
			return
		}
		l.o.Log.WarnContext(ctx, "dispatcher tries again", "step", "read notes of failing endpoints", "error", err)
		if !persist.Wait(ctx, pause) {
			return // nothing is known that could be stored
		}
	}
	for {
		for e := l.dequeue(); e != nil; e = l.dequeue() {
			if err := l.work(ctx, e, false); err != nil {
				l.later(ctx, e, err)
			}
			if ctx.Err() != nil {
				break
			}
		}
		select {
		case <-l.wake:
		case <-ctx.Done():
			l.flush(context.WithoutCancel(ctx))
			return
		}
	}
}

// later has an entry looked at again whose step did not succeed.
func (l *List) later(ctx context.Context, e *entry, err error) {
	if ctx.Err() != nil {
		return // flush does
	}
	l.o.Log.WarnContext(ctx, "dispatcher tries again", "step", "note a failing endpoint", "endpoint", e.id, "error", err)
	time.AfterFunc(pause, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.enqueue(e)
	})
}

// load reads what was stored.
func (l *List) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, persist.Try)
	defer cancel()
	notes, err := l.o.Store.Notes(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loaded = true
	for id, n := range notes {
		if !l.o.Mine(id) {
			continue
		}
		e := l.entry(id)
		_, fine := l.fine[id]
		e.resume(n, fine)
	}
	l.fine = nil
	for _, e := range l.all {
		l.enqueue(e)
	}
	return nil
}

// flush stores what is not stored yet.
func (l *List) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	l.mu.Lock()
	for _, e := range l.all {
		l.enqueue(e)
	}
	l.mu.Unlock()
	for e := l.dequeue(); e != nil && ctx.Err() == nil; e = l.dequeue() {
		if err := l.work(ctx, e, true); err != nil {
			l.o.Log.WarnContext(ctx, "failing endpoint not noted", "endpoint", e.id, "error", err)
		}
	}
}

// work does all that an entry has to do now, step by step.
func (l *List) work(ctx context.Context, e *entry, last bool) error {
	for {
		l.mu.Lock()
		note, store := e.note(), e.unsaved(last)
		var owed *Notice
		switch {
		case store:
		case len(e.owed) > 0:
			first := e.owed[0]
			owed, e.begun = &first, true
		case note.IsZero() && !e.disabled:
			delete(l.all, e.id)
		}
		l.mu.Unlock()
		switch {
		case store:
			if err := l.store(ctx, e, note); err != nil {
				return err
			}
		case owed != nil:
			if err := l.settle(ctx, e, *owed); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (l *List) store(ctx context.Context, e *entry, n Note) error {
	ctx, cancel := context.WithTimeout(ctx, persist.Try)
	defer cancel()
	if err := l.o.Store.SetNote(ctx, e.id, n); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e.stored = n
	return nil
}

// settle does what an owed notice says, and announces it.
func (l *List) settle(ctx context.Context, e *entry, n Notice) error {
	ctx, cancel := context.WithTimeout(ctx, persist.Try)
	defer cancel()
	gone, err := l.disable(ctx, e, n)
	if err == nil && !gone {
		if n.Kind == Disabled {
			l.shown(ctx, e.id)
		}
		err = l.o.Announce(ctx, n)
		if schemas.HasCode(err, schemas.CodeInvalid) {
			l.o.Log.ErrorContext(ctx, "event about an endpoint left out", "event", n.ID(), "error", err)
			err = nil
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e.begun = false
	if err == nil {
		e.owed = e.owed[1:]
	}
	if gone {
		e.changed(nil)
	}
	return err
}

// disable disables the endpoint, if that is what the notice is about and it is not
// done. Gone is an endpoint that was deleted.
func (l *List) disable(ctx context.Context, e *entry, n Notice) (gone bool, err error) {
	if n.Kind != Disabled {
		return false, nil
	}
	l.mu.Lock()
	done := e.isDisabled()
	l.mu.Unlock()
	if !done {
		err = l.o.Disable(ctx, e.id, n.Data.Reason)
		gone = schemas.HasCode(err, schemas.CodeNotFound)
		if err != nil && !gone {
			return false, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e.disableEnds(!gone)
	return gone, nil
}

// shown waits until attempts see that an endpoint is disabled, so that it does not
// get the event about itself.
func (l *List) shown(ctx context.Context, id schemas.EndpointID) {
	for end := time.Now().Add(shownTime); time.Now().Before(end); {
		t := l.o.Targets.Get(id)
		if t == nil || t.Disabled() || !persist.Wait(ctx, shownPause) {
			return
		}
	}
}
