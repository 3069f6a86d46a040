package model

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

// epoch is the time at which a run begins, for those who want one.
var epoch = time.Unix(1_000_000_000, 0).UTC()

// run is a run under way.
type run struct {
	Options

	now      time.Duration
	random   *rand.Rand
	calendar calendar
	lanes    []*lane
	gate     gate
	cpu      time.Duration // when the CPUs have done all that was asked of them
	taken    int           // deliveries in the process's hands, those held apart
	open     int           // tasks that have not ended
	made     uint64        // tasks ever
	oldest   [2]list       // of those that have not ended: of healthy lanes, of troubled ones
	gauges   gauges
	moment   Moment // being counted
	result   Run
}

// gauges are what there is at a moment.
type gauges struct{ held, scheduled int }

// Play plays the options. It fails only if they make no sense.
func Play(o Options) (Run, error) {
	if err := o.validate(); err != nil {
		return Run{}, fmt.Errorf("play: %w", err)
	}
	s := &run{Options: o, random: rand.New(rand.NewPCG(o.Seed, 0)), gate: newGate(o.Cores)} //nolint:gosec // chance that can be repeated
	s.result.Ends = map[schemas.Reason]int{}
	for n, e := range o.Endpoints {
		l := newLane(n, e)
		s.lanes = append(s.lanes, l)
		if e.PerSecond > 0 {
			s.arriveLater(l)
		}
		for _, at := range e.At {
			s.calendar.add(happening{at: at, kind: due, lane: l})
		}
	}
	s.loop()
	return s.result, nil
}

// loop goes through what happens, one moment of the series after the other.
func (s *run) loop() {
	end := s.Step
	for len(s.calendar.heap) > 0 {
		next := s.calendar.heap[0].at
		for next >= end && end <= s.Most {
			s.close(end)
			end += s.Step
		}
		if next > s.Most || s.open == 0 && s.idle() {
			break
		}
		h := s.calendar.next()
		s.now = h.at
		s.happen(h)
	}
	s.close(end)
	s.result.Ended = s.now
	s.result.Open = s.open
}

// idle reports whether nothing but what needs no doing is to come.
func (s *run) idle() bool {
	return s.now > s.Arrive && !slices.ContainsFunc(s.calendar.heap, func(h happening) bool { return h.kind == arrives || h.kind == due })
}

func (s *run) happen(h happening) {
	switch h.kind {
	case arrives:
		s.offer(h.lane, s.come(h.lane))
		s.arriveLater(h.lane)
	case due:
		t := h.task
		if t == nil {
			t = s.come(h.lane)
		} else {
			s.gauges.scheduled--
		}
		s.offer(h.lane, t)
	case answered:
		s.end(h.lane, h.task)
	case watch:
		s.look(h.lane)
	case probe:
		s.adjust(h.lane)
	case leave:
		s.leaveGate(h.left)
		s.pass()
	}
}

// come makes a delivery that is new.
func (s *run) come(l *lane) *task {
	s.made++
	s.open++
	t := &task{id: s.made, lane: l, born: s.now}
	s.list(l).push(t)
	s.moment.Came++
	if s.Beside > 0 {
		s.spend(s.Beside)
	}
	return t
}

// list is where the lane's deliveries are that have not ended.
func (s *run) list(l *lane) *list {
	if l.Troubled {
		return &s.oldest[1]
	}
	return &s.oldest[0]
}

// arriveLater has the lane's next delivery come, if it does while any do: it may be due
// later than a Duration can say.
func (s *run) arriveLater(l *lane) {
	seconds := s.random.ExpFloat64() / l.PerSecond
	if seconds < (s.Arrive - s.now).Seconds() {
		s.calendar.add(happening{at: s.now + time.Duration(seconds*float64(time.Second)), kind: arrives, lane: l})
	}
}

// spend has the CPUs do some work, after what was asked of them before, and returns
// when it is done.
func (s *run) spend(work time.Duration) time.Duration {
	begins := max(s.now, s.cpu)
	s.cpu = begins + time.Duration(float64(work)/s.Cores)
	s.moment.CPU += work
	return begins + work
}

// time is now as the product's code wants it.
func (s *run) time() time.Time { return epoch.Add(s.now) }

// end ends an attempt: the lane learns from it, and what comes next is stored.
func (s *run) end(l *lane, t *task) {
	result := retry.Result{Status: t.answer.Status, RetryAfter: t.answer.RetryAfter}
	if result.Status == 0 {
		result.Err = context.DeadlineExceeded
	}
	outcome := retry.Judge(result, retry.Plan{Schedule: l.schedule, Attempts: t.attempts, Now: s.time(), Random: s.random.Float64()})
	l.pace += (s.now - t.started - l.pace) / 8
	l.flow.Done(flow.Result{
		Signal: flow.SignalOf(outcome.Cause), Began: epoch.Add(t.started), Now: s.time(),
		InFlight: len(l.began), Random: s.random.Float64(),
	})
	delete(l.began, t)
	s.leaveGate(t.left)
	t.left, t.isHeld = nil, false
	s.letGo(t)
	s.moment.Attempts++
	switch outcome.Kind {
	case schemas.Delivered:
		s.moment.Delivered++
		if !l.Troubled {
			s.moment.healthy.add(s.now - t.born)
		}
		s.over(t, schemas.ReasonOK)
	case schemas.Retry:
		s.moment.Failed++
		s.moment.Retried++
		s.spend(s.Costs.Retry)
		s.gauges.scheduled++
		s.calendar.add(happening{at: s.now + outcome.After, kind: due, lane: l, task: t})
	default:
		s.moment.Failed++
		s.die(t, outcome.Reason)
	}
	s.adjust(l)
}

func (s *run) die(t *task, why schemas.Reason) {
	s.moment.Died++
	s.over(t, why)
}

// over lets go of a delivery that has ended.
func (s *run) over(t *task, why schemas.Reason) {
	s.open--
	s.result.Ends[why]++
	s.list(t.lane).remove(t)
}

// waited takes note of how long a delivery was due before its attempt began.
func (s *run) waited(t *task) {
	if !t.lane.Troubled {
		s.moment.Waited = max(s.moment.Waited, s.now-t.due)
	}
}
