package dispatcher

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/dispatcher/keyed"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/acked"
)

// task is a stored delivery in this process's hands.
type task struct {
	delivery *schemas.Delivery
	stored   stored
	taken    time.Time
	started  time.Time   // of its attempt; zero while it waits
	signal   flow.Signal // what its attempt tells of the endpoint; void until it has ended
	pass     *pass       // by which its attempt began; nil if it needed none
	due      time.Time   // when it is to be attempted, if it waits in its place
	kept     uint64      // the sequence of what is kept of it beside the queue: see fifo.go; 0 is nothing
}

// stored is where a task's delivery lies until it is settled. Losing a call
// costs a repeated attempt, never a delivery, so none returns an error.
type stored interface {
	done()     // it may go
	giveBack() // it is to be tried by whoever comes, at once
	extend()   // it is still being worked on
}

// ready is a delivery on the partition's consumer.
type ready struct {
	msg      jetstream.Msg
	sequence uint64    // in the stream,
	added    time.Time // and since when
	acked    *acked.Memory
}

func (r ready) done() {
	r.acked.Add(r.sequence, r.added)
	_ = r.msg.Ack()
}
func (r ready) giveBack() { _ = r.msg.Nak() }
func (r ready) extend()   { _ = r.msg.InProgress() }

// held is a delivery in its endpoint's own queue. It stays there until it is
// removed, so giving it back is doing nothing.
type held struct {
	queue    *heldQueue
	sequence uint64
	key      keyed.Key // of a queue that is drained in order
}

func (h held) done()   { h.queue.settled(h) }
func (held) giveBack() {}
func (held) extend()   {}
