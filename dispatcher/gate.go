package dispatcher

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

// gate keeps the drains of a process from taking its CPUs from all else: of what
// was held, they begin no more attempts than a few for each CPU within freshTime, or
// until those have ended. So a backlog uses what the CPUs have to spare, however
// large its endpoint's window is, and one that hangs keeps no other from beginning.
type gate chan struct{}

const (
	freshPerCPU = 2
	freshTime   = time.Millisecond
)

func newGate() gate { return make(gate, freshPerCPU*runtime.GOMAXPROCS(0)) }

// pass is a place in a gate.
type pass struct {
	of    gate
	timer *time.Timer
	left  atomic.Bool
	taken bool // an attempt has it; for whoever entered
}

// enter waits for a place, those first who came first. It returns nil if ctx ends.
func (g gate) enter(ctx context.Context) *pass {
	select {
	case g <- struct{}{}:
	case <-ctx.Done():
		return nil
	}
	p := &pass{of: g}
	p.timer = time.AfterFunc(freshTime, p.free)
	return p
}

// take gives the place to an attempt.
func (p *pass) take() *pass {
	if p != nil {
		p.taken = true
	}
	return p
}

// leaveUnlessTaken gives the place up if no attempt has it.
func (p *pass) leaveUnlessTaken() {
	if p != nil && !p.taken {
		p.leave()
	}
}

// leave gives the place up. A nil pass has none.
func (p *pass) leave() {
	if p != nil {
		p.timer.Stop()
		p.free()
	}
}

func (p *pass) free() {
	if !p.left.Swap(true) {
		<-p.of
	}
}
