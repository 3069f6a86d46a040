package model

import (
	"math"
	"time"
)

// gate keeps the drains of held queues from taking the CPUs from all else, as
// dispatcher/gate.go does: of what was held no more attempts begin than a few for each
// CPU within a millisecond, or until those have ended.
type gate struct {
	free int
	time time.Duration // how long a place is taken at most
	line []*lane       // those that wait for one, first come, first served
}

// newGate is for so many cores. Of less than half a core there is one place, for longer.
func newGate(cores float64) gate {
	places := max(1, int(math.Floor(freshPerCPU*cores)))
	return gate{free: places, time: time.Duration(float64(freshTime) * float64(places) / (freshPerCPU * cores))}
}

// room reports whether the lane may begin one of its held deliveries.
func (s *run) room(l *lane) bool {
	return l.held.size() > 0 && l.queue.size() == 0 && len(l.began) < l.flow.Limit(s.time())
}

// wake has the lane's drain look whether there is room. It ends when there is, and
// nothing to read.
func (s *run) wake(l *lane) {
	if l.holding && l.held.size() == 0 && len(l.began) < l.flow.Limit(s.time()) {
		l.holding = false
	}
	if !l.waiting && s.room(l) {
		l.waiting = true
		s.gate.line = append(s.gate.line, l)
	}
	s.pass()
}

// pass begins held deliveries while there are places.
func (s *run) pass() {
	for s.gate.free > 0 && len(s.gate.line) > 0 {
		l := s.gate.line[0]
		s.gate.line[0] = nil
		s.gate.line = s.gate.line[1:]
		l.waiting = false
		if !s.room(l) {
			continue
		}
		t := l.held.pop()
		s.gauges.held--
		s.gate.free--
		left := false
		t.left = &left
		s.calendar.add(happening{at: s.now + s.gate.time, kind: leave, left: &left})
		s.start(l, t)
		if s.room(l) {
			l.waiting = true
			s.gate.line = append(s.gate.line, l)
		}
	}
}

// leaveGate frees a place, once.
func (s *run) leaveGate(left *bool) {
	if left != nil && !*left {
		*left = true
		s.gate.free++
	}
}
