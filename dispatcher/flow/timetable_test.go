package flow_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/schemas/goldentest"
)

// TestFlowTimetable draws how the limit of an endpoint goes through a trouble: a
// row for each change. There is always more to deliver, and an attempt takes
// 100 ms.
func TestFlowTimetable(t *testing.T) {
	between := func(at time.Duration, from, to time.Duration) bool {
		return at >= from*time.Second && at < to*time.Second
	}
	for name, tt := range map[string]struct {
		seconds time.Duration
		answer  func(at time.Duration, inFlight int) flow.Signal
	}{
		"outage": {120, func(at time.Duration, _ int) flow.Signal {
			if between(at, 1, 61) {
				return flow.Failed
			}
			return flow.Fine
		}},
		"relapse": {50, func(at time.Duration, _ int) flow.Signal {
			if between(at, 1, 5) || between(at, 12, 20) {
				return flow.Failed
			}
			return flow.Fine
		}},
		"overload": {4, func(_ time.Duration, inFlight int) flow.Signal {
			if inFlight > 10 {
				return flow.Throttled
			}
			return flow.Fine
		}},
	} {
		t.Run(name, func(t *testing.T) {
			goldentest.Check(t, filepath.Join("testdata", name+".txt"), timetable(tt.seconds*time.Second, tt.answer))
		})
	}
}

// timetable runs a lane that starts all it may.
func timetable(until time.Duration, answer func(at time.Duration, inFlight int) flow.Signal) []byte {
	const takes, step = 100 * time.Millisecond, 10 * time.Millisecond
	var b bytes.Buffer
	fmt.Fprintf(&b, "%-8s %-10s %-6s %-9s %s\n", "at", "state", "limit", "under way", "wake")
	f := flow.New(flow.Options{})
	var running []time.Duration // when they began
	var last string
	for at := time.Duration(0); at < until; at += step {
		now := zero.Add(at)
		fill := func() {
			for len(running) < f.Limit(now) {
				f.Began(now)
				running = append(running, at)
			}
		}
		for len(running) > 0 && at-running[0] >= takes {
			f.Done(flow.Result{Signal: answer(at, len(running)), Began: zero.Add(running[0]), Now: now, InFlight: len(running)})
			running = running[1:]
			fill()
		}
		fill()
		wake := "-"
		if w := f.Wake(); !w.IsZero() {
			wake = w.Sub(zero).String()
		}
		row := fmt.Sprintf("%-10s %-6d %-9d %s", f.State(), f.Limit(now), len(running), wake)
		if row != last {
			fmt.Fprintf(&b, "%-8s %s\n", at, row)
		}
		last = row
	}
	return b.Bytes()
}
