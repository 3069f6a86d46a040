package dispatcher

import (
	"context"
	"sync/atomic"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
)

// crowd bounds how many attempts a process has under way: each is a connection, and
// those are few. Once half of most are under way, no endpoint has more of them than an
// even share. One is always an endpoint's, while there are [places]: beyond those an
// attempt waits until another has ended, whoever's.
type crowd struct {
	most    int64
	running atomic.Int64 // attempts, and those that wait for a place
	lanes   atomic.Int64 // endpoints that have some
	places  chan struct{}
}

func newCrowd(most int) *crowd {
	return &crowd{most: int64(most), places: make(chan struct{}, places(most))}
}

// places is how many attempts there are at most: half as many again as most.
func places(most int) int { return most + (most+1)/2 }

// enter waits for a place, and reports whether it had to wait. An error means that there
// is none: [attempt.ErrStopping] if stopping is closed, or ctx's.
func (c *crowd) enter(ctx context.Context, stopping <-chan struct{}) (waited bool, err error) {
	select {
	case c.places <- struct{}{}:
		return false, nil
	default:
	}
	select {
	case c.places <- struct{}{}:
		return true, nil
	case <-stopping:
		return true, attempt.ErrStopping
	case <-ctx.Done():
		return true, context.Cause(ctx)
	}
}

func (c *crowd) leave() { <-c.places }

// share is how many of the attempts one endpoint may have now.
func (c *crowd) share() int {
	running := c.running.Load()
	if running < (c.most+1)/2 {
		return int(c.most)
	}
	even := c.most / max(1, c.lanes.Load())
	if running < c.most {
		even++ // what is left of an uneven division is for whoever comes first
	}
	return int(max(1, even))
}

// began counts an attempt, the first of its endpoint at the moment or not.
func (c *crowd) began(first bool) {
	c.running.Add(1)
	if first {
		c.lanes.Add(1)
	}
}

// ended counts it no more, the last of its endpoint or not.
func (c *crowd) ended(last bool) {
	c.running.Add(-1)
	if last {
		c.lanes.Add(-1)
	}
}
