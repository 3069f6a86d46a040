package h1

import (
	"slices"
	"sync"
	"time"
)

// place is what connections are kept apart by. Schemes never mix: what a
// connection was allowed for, it is used for.
type place struct{ scheme, host string }

// pool keeps idle connections and knows which https hosts speak HTTP/1.1: those
// it has an entry for.
type pool struct {
	perHost int
	timeout time.Duration

	mu       sync.Mutex        // guards what follows
	hosts    map[place][]*conn // longest idle first; an entry may be empty
	sweeping bool              // a sweep is to come
}

// take is the connection used last, if one is fit for use.
func (p *pool) take(at place) *conn {
	for {
		p.mu.Lock()
		idle := p.hosts[at]
		last := len(idle) - 1
		if last < 0 {
			p.mu.Unlock()
			return nil
		}
		c := idle[last]
		p.hosts[at] = slices.Delete(idle, last, last+1)
		p.mu.Unlock()
		if time.Since(c.idle) < p.timeout && quiet(c.sys) {
			c.reused = true
			return c
		}
		c.drop()
	}
}

func (p *pool) put(c *conn) {
	c.idle = time.Now()
	p.mu.Lock()
	full := len(p.hosts[c.at]) >= p.perHost
	if !full {
		p.hosts[c.at] = append(p.hosts[c.at], c)
		p.sweepLater()
	}
	p.mu.Unlock()
	if full {
		_ = c.Close()
	}
}

func (p *pool) knows(at place) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.hosts[at]
	return ok
}

func (p *pool) learn(at place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.hosts[at]; !ok {
		p.hosts[at] = nil
	}
	p.sweepLater()
}

// sweepLater needs the lock. A timer, not a goroutine: a pool has no end.
func (p *pool) sweepLater() {
	if !p.sweeping {
		p.sweeping = true
		time.AfterFunc(p.timeout/2, p.sweep)
	}
}

func (p *pool) sweep() {
	p.expire(time.Now().Add(-p.timeout))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweeping = false
	if len(p.hosts) > 0 {
		p.sweepLater()
	}
}

// expire closes what is idle since before or until, and forgets hosts without
// connections.
func (p *pool) expire(until time.Time) {
	var old []*conn
	p.mu.Lock()
	for at, idle := range p.hosts {
		n := 0
		for n < len(idle) && !idle[n].idle.After(until) {
			n++
		}
		old = append(old, idle[:n]...)
		if n == len(idle) {
			delete(p.hosts, at)
		} else {
			p.hosts[at] = slices.Delete(idle, 0, n)
		}
	}
	p.mu.Unlock()
	for _, c := range old {
		_ = c.Close() // TLS says farewell: the socket is empty, so it takes it
	}
}
