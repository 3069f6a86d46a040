// Package fault names the points at which one thing is stored and the next is not.
// A process that dies there must lose nothing, and built with the tag faults it
// does die there when a test wants it to:
//
//	TIDINGS_FAULT=held.stored:5   SIGKILL at the fifth pass of held.stored
//
// Built without the tag, as ever but in that test, a point is nothing at all.
package fault

// Point is a place in the code, named after what has just been done there.
type Point string

// The points, in the order in which an event may pass them.
const (
	IngestStored     Point = "ingest.stored"     // the API has stored events, and has not answered
	FanoutMatched    Point = "fanout.matched"    // who gets an event is known; nothing is sent
	FanoutSent       Point = "fanout.sent"       // one delivery of an event is sent; the others, maybe not
	FanoutStored     Point = "fanout.stored"     // one delivery of an event is known to be stored; the others, maybe not
	ExpressSettled   Point = "express.settled"   // an express delivery is delivered, or what comes next of it is stored; its event is not told
	ExpressLate      Point = "express.late"      // an express delivery takes too long, and is not stored yet
	ExpressStored    Point = "express.stored"    // it is stored; its event is not told
	FanoutSettled    Point = "fanout.settled"    // nothing of an event is left to do; it is not acknowledged
	AttemptDelivered Point = "attempt.delivered" // the receiver has said 2xx; the delivery is not acknowledged
	AttemptFailed    Point = "attempt.failed"    // the attempt has failed; the next is not scheduled
	RetryStored      Point = "retry.stored"      // it is; the delivery is not acknowledged
	AttemptLast      Point = "attempt.last"      // the last attempt has failed; the dead letter is not stored
	DeadStored       Point = "dead.stored"       // it is; the delivery is not acknowledged
	HeldDue          Point = "held.due"          // a delivery is to go into its endpoint's held queue; it is not sent there
	HeldStored       Point = "held.stored"       // it is in the queue; it is not acknowledged where it came from
	HeldSettled      Point = "held.settled"      // deliveries of a held queue are settled, and not purged
	FIFODue          Point = "fifo.due"          // a delivery is to go into the queue that keeps the order; it is not sent there
	FIFOMoved        Point = "fifo.moved"        // it is in the queue, and still where it came from
	FIFOFailed       Point = "fifo.failed"       // an attempt has failed that is to be repeated in its place; nothing of that is stored
	FIFOKept         Point = "fifo.kept"         // that is stored; what was stored of attempts before is not purged
	FIFOSettled      Point = "fifo.settled"      // a delivery of that queue is settled, and not removed
	PullShelved      Point = "pull.shelved"      // a delivery is in the queue from which it is pulled; it is not acknowledged where it came from
	PullHanded       Point = "pull.handed"       // deliveries are handed out; who polled has not got them
	PullTold         Point = "pull.told"         // a delivery is acked, and the journal has it; it is still in the queue
	PullPutBack      Point = "pull.put_back"     // a delivery is nacked, and stored for its next attempt; it is still in the queue
	PullKept         Point = "pull.kept"         // one of an ordered queue is nacked, and the journal has it; JetStream does not know when it is to come again
	PullBuried       Point = "pull.buried"       // the dead letter of a delivery is stored; it is still in the queue
)

// Points are all of them.
func Points() []Point {
	return []Point{
		IngestStored, FanoutMatched, FanoutSent, FanoutStored, ExpressSettled, ExpressLate, ExpressStored, FanoutSettled,
		AttemptDelivered, AttemptFailed, RetryStored, AttemptLast, DeadStored, HeldDue, HeldStored, HeldSettled,
		FIFODue, FIFOMoved, FIFOFailed, FIFOKept, FIFOSettled,
		PullShelved, PullHanded, PullTold, PullPutBack, PullKept, PullBuried,
	}
}
