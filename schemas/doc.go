// Package schemas is the vocabulary of the pipe: the words every stage shares
// and the bytes they leave for one another on JetStream.
//
// It holds no behaviour that needs a connection, a clock or a goroutine. A
// stage that wants to know what a delivery is, which subject it waits on, or
// what an attempt may end in, finds it here; a stage that wants to do something
// does it itself.
//
//	events.<tenant>.<type>           what producers publish         Event      → EVENTS
//	events.<p>.<tenant>.<type>       the same, as EVENTS stores it  Event      → fanout
//	ready.<p>.<endpoint>             due now                        Delivery   → dispatcher
//	later.<p>.<endpoint>.<delivery>  due at a time                  Delivery   → JetStream's scheduler → ready
//	held.<p>.<endpoint>              due, waiting its turn          Delivery   → dispatcher
//	pull.<tenant>.<endpoint>         due, for whoever pulls it      Delivery   → api, native readers
//	dead.<tenant>.<endpoint|event>   given up, with the reason      DeadLetter → people and replay
//
// CloudEvents words mean what CloudEvents 1.0.2 says, JetStream words what NATS
// says. Beside them Tidings owns these nouns and no others: [Tenant],
// [Endpoint], [Subscription], [Delivery], [Attempt] and [Outcome] (and Dialect,
// which lives with the dispatcher).
package schemas
