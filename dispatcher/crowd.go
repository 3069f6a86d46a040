package dispatcher

import "sync/atomic"

// crowd bounds how many attempts a process has under way: each is a connection, and
// those are few. Once half of most are under way, no endpoint has more of them than an
// even share. One is always an endpoint's: where more endpoints than most have something
// due, there may be as many attempts as endpoints, but no more.
type crowd struct {
	most    int64
	running atomic.Int64 // attempts
	lanes   atomic.Int64 // endpoints that have some
}

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
