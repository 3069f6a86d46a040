// Package pull hands deliveries out to receivers that fetch them, and settles what
// these say became of them. It runs where the API does.
//
//	PULL pull.<tenant>.<endpoint>  →  Poll  →  the receiver  →  Settle  ─┬─ ack: gone
//	  ▲                                                                 ├─ nack: later.<p>.<endpoint>.<delivery>
//	  └── the dispatcher, when due ◄── ready.<p>.<endpoint> ◄────────────┤
//	                                                                    └─ no attempt left: DEAD
//
// The dispatcher brings a delivery here as it would make an attempt: a paused
// endpoint's waits in its held queue, and what is disabled, deleted or past max_age
// dies there. Each endpoint has a durable consumer of its own queue, made at the first
// poll, under the endpoint's id. To hand a delivery out is an attempt: it is worded and
// signed then, and JetStream gives it to somebody else once its ack wait is over.
//
// A receipt names the hand-out by JetStream's own subject for acknowledging it, under
// a code (HMAC) that ties it to the endpoint. No process remembers anything of it, so
// any api process settles it. It is void a little before JetStream's ack wait is over:
// a receipt that is accepted is that of who has the delivery.
//
// An endpoint with an order has one delivery handed out at a time, and a nack keeps the
// delivery in its place: JetStream waits with it, and with all behind it.
//
// The [Keeper] looks through the queues twice a minute for what nobody polls: deliveries
// past their max_age, or of endpoints that are disabled or deleted, die too. It reads
// each delivery once, remembers how old those of each stretch of a queue are, and reads
// again only stretches of which some is due to die. What is handed out it leaves alone
// for one ack wait more, which no extension makes longer.
//
// Guarantee: a delivery leaves its queue only after its receiver said that it has it,
// or after its next attempt or its dead letter is stored; and after the journal has its
// record, or has had two seconds for it.
//
//	what fails                          what happens
//	the receiver, or its connection     handed out again after the ack wait, as another attempt; same webhook-id
//	the api process, anywhere           the same; what it had settled is settled
//	a receiver that is too slow         its receipt is answered as expired; extend asks for more time
//	storing a retry or a dead letter    the receipt is answered as unavailable, and the delivery stays
//	nobody polls                        the queue grows up to max_held; then the dispatcher lets new ones die
//	the attempts are used up            by nacks or unanswered hand-outs alike: dead, as the schedule says
package pull
