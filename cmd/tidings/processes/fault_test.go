package processes

import (
	"slices"
	"testing"

	"github.com/tidings-dev/tidings/schemas/fault"
)

// death is a process that dies between two things that it stores.
type death struct {
	point fault.Point
	// pass is at which pass of the point it dies: a later one than what was
	// published while all was well can have caused.
	pass int
	// alone are the roles of the process. The broker and the other roles are
	// processes of their own then, and live on; with no roles it is all of them.
	alone string
	// endpoints get the events.
	endpoints []string
	// repeats says that at least one delivery was taken, and nothing can know of
	// it: it has to come again.
	repeats bool
}

// deaths has every point in a process that is the whole pipe, and some in one
// whose broker lives on.
var deaths = []death{
	{point: fault.IngestStored, pass: early + 10, endpoints: []string{"ep_well"}},
	{point: fault.FanoutMatched, pass: early + 10, endpoints: []string{"ep_well", "ep_fifo"}},
	{point: fault.FanoutSent, pass: 2*early + 21, endpoints: []string{"ep_well", "ep_fifo", "ep_keyed"}},   // the first of two that
	{point: fault.FanoutStored, pass: 2*early + 21, endpoints: []string{"ep_well", "ep_fifo", "ep_keyed"}}, // are not express
	{point: fault.ExpressSettled, pass: 2*early + 10, endpoints: []string{"ep_well", "ep_failing"}},
	{point: fault.ExpressLate, pass: 3, endpoints: []string{"ep_well", "ep_hanging"}},
	{point: fault.ExpressStored, pass: 3, endpoints: []string{"ep_well", "ep_hanging"}},
	{point: fault.FanoutSettled, pass: early + 10, endpoints: []string{"ep_well", "ep_fifo"}},
	{point: fault.AttemptDelivered, pass: early + 10, endpoints: []string{"ep_failing"}, repeats: true},
	{point: fault.AttemptFailed, pass: late + 10, endpoints: []string{"ep_failing"}},
	{point: fault.RetryStored, pass: late + 10, endpoints: []string{"ep_failing"}},
	{point: fault.AttemptLast, pass: 10, endpoints: []string{"ep_dying"}},
	{point: fault.DeadStored, pass: 10, endpoints: []string{"ep_dying"}},
	{point: fault.HeldDue, pass: 5, endpoints: []string{"ep_slow", "ep_well"}},
	{point: fault.HeldStored, pass: 5, endpoints: []string{"ep_slow", "ep_well"}},
	{point: fault.HeldSettled, pass: 3, endpoints: []string{"ep_slow", "ep_well"}, repeats: true},
	{point: fault.FIFODue, pass: 2*early + 5, endpoints: []string{"ep_fifo", "ep_keyed"}},
	{point: fault.FIFOMoved, pass: 2*early + 5, endpoints: []string{"ep_fifo", "ep_keyed"}},
	{point: fault.FIFOFailed, pass: 4, endpoints: []string{"ep_fifo", "ep_keyed"}},
	{point: fault.FIFOKept, pass: 4, endpoints: []string{"ep_fifo", "ep_keyed"}},
	{point: fault.FIFOSettled, pass: 2*early + 10, endpoints: []string{"ep_fifo", "ep_keyed"}, repeats: true},
	{point: fault.PullShelved, pass: 2*early + 10, endpoints: []string{"ep_pulled", "ep_pulled_fifo"}},
	{point: fault.PullHanded, pass: early + 10, endpoints: []string{"ep_pulled"}},
	{point: fault.PullTold, pass: early + 10, endpoints: []string{"ep_pulled"}},
	{point: fault.PullPutBack, pass: 10, endpoints: []string{"ep_pulled"}},
	{point: fault.PullKept, pass: 4, endpoints: []string{"ep_pulled_fifo"}},
	{point: fault.PullBuried, pass: 10, endpoints: []string{"ep_pulled_dying"}},

	{point: fault.FanoutSent, pass: 3*early + 31, alone: "fanout", endpoints: []string{"ep_well", "ep_failing", "ep_fifo"}}, // the first of three
	{point: fault.ExpressLate, pass: 3, alone: "fanout,dispatcher", endpoints: []string{"ep_well", "ep_hanging"}},
	{point: fault.AttemptDelivered, pass: early + 10, alone: "dispatcher", endpoints: []string{"ep_well"}, repeats: true},
	{point: fault.AttemptFailed, pass: 8, alone: "dispatcher", endpoints: []string{"ep_sick"}}, // from the held queue
	{point: fault.HeldDue, pass: 5, alone: "dispatcher", endpoints: []string{"ep_slow", "ep_well"}},
	{point: fault.FIFODue, pass: early + 5, alone: "dispatcher", endpoints: []string{"ep_fifo"}},
	{point: fault.PullShelved, pass: early + 10, alone: "dispatcher", endpoints: []string{"ep_pulled"}},
	{point: fault.PullTold, pass: early + 10, alone: "api", endpoints: []string{"ep_pulled"}},
	{point: fault.PullPutBack, pass: 10, alone: "api", endpoints: []string{"ep_pulled"}},
}

func (d death) name() string {
	if d.alone == "" {
		return string(d.point)
	}
	return string(d.point) + " in " + d.alone
}

// TestDeathBetweenTwoWrites has a process kill itself at each fault point, and
// runs it again on what it had stored. Nothing is lost, and nothing that was
// settled long before comes again.
//
// All of them die before the first is looked at: JetStream keeps what a dead
// process had in its hands for the ack wait, and the waits pass at once.
func TestDeathBetweenTwoWrites(t *testing.T) {
	built := build(t, "tidings-faults", "nats-server")
	for _, point := range fault.Points() {
		if !slices.ContainsFunc(deaths, func(d death) bool { return d.point == point }) {
			t.Errorf("nobody dies at %s", point)
		}
	}
	var mortals []*mortal
	for _, d := range deaths {
		mortals = append(mortals, newMortal(t, built, d))
	}
	t.Run("die", func(t *testing.T) {
		for _, m := range mortals {
			t.Run(m.name(), func(t *testing.T) {
				t.Parallel()
				m.in(t)
				m.die()
			})
		}
	})
	t.Parallel() // JetStream's ack wait passes while other tests run
	t.Run("live on", func(t *testing.T) {
		for _, m := range mortals {
			t.Run(m.name(), func(t *testing.T) {
				if m.died.IsZero() {
					t.Skip("it has not died")
				}
				m.in(t)
				m.liveOn()
			})
		}
	})
}
