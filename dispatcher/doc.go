// Package dispatcher turns one delivery into attempts, until the receiver took
// it or it is given up.
//
//	DELIVERIES ready.<p>.<endpoint>  →  lane  →  attempt  →  settle
//	   ▲   ▲                            │                     ├─ delivered: ack
//	   │   └── held.<p>.<endpoint> ◄────┘                     ├─ retry: later.<p>.<endpoint>.<delivery>, ack
//	   └────── JetStream, when due ◄──────────────────────────┤
//	fanout, same process ── express ──┘                       ├─ dead: DEAD dead.<tenant>.<endpoint>, ack
//	                                                          └─ pulled from: PULL pull.<tenant>.<endpoint>, ack
//
// A partition is read by one process, as a rule ([Dispatcher.RunPartition]).
// Each endpoint with something due has a lane: a window of attempts under way
// and a short queue. A delivery that would wait in its lane too long is written
// to the endpoint's own held queue instead, so that it neither fills the
// partition's consumer nor delays anyone else; the lane drains the held queue
// as its window allows, and as the CPUs have to spare (gate.go). The attempt is a list of stages (package attempt). Its
// [schemas.Outcome] is settled in one switch, in settle.go.
//
// How large the window is follows from how the endpoint fares (package flow): it
// grows on success and shrinks on timeouts, 429 and errors, up to what the policy
// allows. An endpoint that is down has none: its breaker is open, what is due waits
// in its held queue, using up no attempts, and one probe now and then tells whether
// it is back. Then the window doubles from 1, so that what waits does not fall upon
// it at once.
//
// Fanout in the same process offers each delivery here before it stores it
// ([schemas.Express]). A quick endpoint with nothing waiting takes it: it is
// attempted, and its event is acknowledged when it is settled. What has not been
// settled within a quarter of a second is stored after all; when it comes back
// through the stream it finds its attempt under way (express.go). While the process
// has more to do than its CPUs can (package load), a full lane makes fanout wait rather
// than store.
//
// An endpoint that is paused has no window either: all that is due for it waits in its
// held queue, unread, until a change of the endpoint wakes the lane. One that
// wants its order kept (fifo) is served from its held queue alone, one delivery
// at a time; with an order_key one of each key at a time, as many keys as its
// window allows. A delivery of its that is to be retried waits in its place in the
// queue and in no place of the window, and those of its key wait behind it; its
// attempts and its time are kept under later.<p>.<endpoint>.<delivery> (fifo.go).
// Up to 100,000 that wait so are passed over, in memory by their sequence only;
// with more the queue is not read on, and other keys wait too (inorder.go).
//
// Any other retry is a scheduled message of JetStream, not a delayed nak: a
// message that waits for its nak still counts against the consumer's
// MaxAckPending, so a few parked retries would stall the partition. Its time is told
// by JetStream's own clock (clock.go).
//
// A delivery of a large event is stored by reference, wherever it waits: its data
// is read from EVENTS for each attempt, through a cache (bodies). A dead letter has
// it again.
//
// With Options.Tracers each request has a span, which follows the one that fanout made
// the delivery in, and each settling (package tracing).
//
// Where the receiver fetches what is due, nothing is sent: the delivery goes to the
// endpoint's queue in PULL (shelf.go), and package pull hands it out.
//
// Guarantee: a delivery is acknowledged only after the receiver said 2xx, or
// after its next attempt or its dead letter is stored, under a message id that
// depends on nothing but the delivery, the attempt's number and the message that
// was attempted; and after the journal has its record, or has had two seconds for
// it. So it ends delivered or dead, never in silence; after a crash what was in
// flight is attempted again, with the same webhook-id.
//
//	what fails                         what happens
//	the receiver                       Outcome: retry by the schedule, or dead
//	the process, anywhere              JetStream hands out what was not acked, after the ack wait of 10 s;
//	                                     same webhook-id
//	JetStream, and it forgets acks     what it hands out again is known here, and not attempted again
//	the process has few files          the attempt waits until another has ended; the endpoint does not
//	                                     pay for it (crowd.go)
//	storing a retry or dead letter     stored again until it succeeds; the delivery waits
//	the attempt crashes                made twice more at once, then it dies as crashed, with the stack
//	the endpoint answers 410           this and later deliveries die; the endpoint is disabled
//	  or a status its policy names     the same, or whatever else the policy says of it
//	nothing but failure, for days      its owner is warned, then the endpoint is disabled: package failing
//	the receiver is down               its deliveries are held; a probe tells when it is back
//	thousands of them hang at once     each has one place of its partition; the rest is held
//	the held queue is full (max_held)  what is due dies as queue_full
//	the delivery is past max_age       it dies as too_old, instead of its next attempt
//	the endpoint is paused             deliveries wait, over restarts too; what is under way ends
//	all its secrets have expired       the newest goes on signing
//	the head of a fifo queue fails     it waits in its place, and those of its key behind it; nobody else does
//	two processes own the partition    requests may be repeated; a key's first ones stay in order
//	  and one writes to a held queue   the other looks every 30 s for those that nobody reads
//	order or order_key is changed      what is under way ends; the queue is read anew; what waits keeps its time
//	EVENTS lost what one refers to     it dies as event_expired: events are kept for so long only
//	EVENTS does not answer             the delivery waits
//	a leader does not show yet what    nothing is let go that was not seen to be stored: it comes again
//	  a replica has handed out
//	the endpoint is unknown here       the registry itself is asked before it counts as deleted
//	shutdown                           intake stops; attempts end within the grace or are given back
package dispatcher
