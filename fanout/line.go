package fanout

import (
	"context"
	"sync"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/fault"
)

// lines are the deliveries to endpoints that want order, each endpoint's stored one
// by one. Sent together, the first could be lost with JetStream's leader and be
// stored again behind the others, which the next leader has taken.
type lines struct {
	mu      sync.Mutex                      // guards what follows
	waiting map[schemas.EndpointID][]parked // an endpoint that is here has a goroutine of line's
	broken  map[schemas.EndpointID]struct{} // one could not be stored before the reader ended: nor are those behind it
}

func newLines() *lines {
	return &lines{waiting: map[schemas.EndpointID][]parked{}, broken: map[schemas.EndpointID]struct{}{}}
}

// join puts a delivery behind those of its endpoint, and reports whether somebody
// has to begin with them.
func (l *lines) join(d parked) (begin bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	endpoint := d.write.delivery.Endpoint
	before, begun := l.waiting[endpoint]
	l.waiting[endpoint] = append(before, d)
	return !begun
}

// next is the first of an endpoint's deliveries, if there is one; else whoever
// asks is done. Whole is whether the one before was stored.
func (l *lines) next(endpoint schemas.EndpointID, whole bool) (d parked, store, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !whole {
		l.broken[endpoint] = struct{}{}
	}
	all := l.waiting[endpoint]
	if len(all) == 0 {
		delete(l.waiting, endpoint)
		return parked{}, false, false
	}
	l.waiting[endpoint] = all[1:]
	_, broken := l.broken[endpoint]
	return all[0], !broken, true
}

// line stores a delivery after those of its endpoint that are being stored.
func (r *run) line(ctx context.Context, d parked) {
	if !r.lines.join(d) {
		return
	}
	endpoint := d.write.delivery.Endpoint
	go func() { // run waits for all steps
		whole := true
		for d, store, ok := r.lines.next(endpoint, whole); ok; d, store, ok = r.lines.next(endpoint, whole) {
			if whole = store; store {
				r.f.send(&d.write)
				fault.Here(fault.FanoutSent)
				whole = r.f.store(d.step.span.In(ctx), &d.write)
				fault.Here(fault.FanoutStored)
			}
			r.settle(ctx, d.step, whole)
		}
	}()
}
