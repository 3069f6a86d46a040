// Package fanout turns one event into one delivery for each endpoint that
// subscribes to it.
//
//	EVENTS events.<p>.<tenant>.<type>  →  match  →  DELIVERIES ready.<p>.<endpoint>
//	                                       │ └───→  DEAD dead.<tenant>.event
//	                                       └─────→  express: attempted by this process
//
// Each partition of EVENTS has one durable consumer and, as a rule, one process
// that reads it ([Fanout.RunPartition]), in order: a tenant's events keep their
// order up to the endpoints' queues. Tenants take turns at being matched, so that
// one whose filters are costly delays no other, as long as no more of its events
// wait than JetStream hands out at once. Events overlap on the way: publishing
// goes on while earlier deliveries are still being stored, and an event is
// acknowledged when all of its own are.
//
// Where the dispatcher of the same process takes a delivery ([schemas.Express]),
// it is not stored: its event is, and is acknowledged once the attempt is settled.
// That is as safe, and costs half as much. What is not settled within a moment is
// stored after all, while its attempt goes on, so that an event waits for no slow
// endpoint, and a crash repeats little: what was in flight, and for events that
// were not yet settled as a whole, what had been.
//
// What subscribes to an event is found in an [Index], which the registry keeps
// up to date. Before events are matched, the registry is asked once, for all that
// have arrived, whether the index has all that was written by then
// ([Registry.CaughtUp]): so an event that is published after a change of a
// subscription returned is matched by it, whichever process has the event, and
// whoever else works on the partition.
//
// A subscription may ask for stored events too ([schemas.History]). Its
// partition's process reads them from EVENTS, in order, at a bounded pace, while
// live events pass the subscription by: they are in EVENTS as well. Once it has
// caught up it settles the last event that is history's, and from the next on
// they are live:
//
//	reading   history is delivered, up to the newest; where more comes than can be
//	          read, up to some time after the subscription was made
//	joining   the end is being settled: by the reader, or before the next event
//	          is matched, by whoever has to know it first
//	joined    history delivers what remains before the end; live is what comes after
//	done
//
// A large event, or one for many, is not stored with its deliveries: they refer to
// it, and whoever attempts one reads EVENTS.
//
// With Options.Tracers each event has a span, until it is acknowledged; its deliveries
// carry the span's context, by which their attempts follow it (package tracing).
//
// Guarantee: an event is acknowledged only after the journal has its record, or has
// had two seconds for it, and after every matched delivery is settled or stored, each under a message id that depends on nothing but the event
// and the endpoint. So a crash at any instruction loses nothing, and within the
// deduplication window doubles nothing.
//
//	what fails                          what happens
//	the process, anywhere               the event is handed to another, after the ack wait of 10 s (at
//	                                    once if the broker was in it); same ids. Later events go on, but
//	                                    for deliveries to endpoints that want order: those wait for it (past.go)
//	JetStream, and it forgets acks      an event that comes again is known, and acknowledged again
//	two read a partition for a while    the same for such endpoints: a gap in what JetStream counts tells
//	storing a delivery                  stored again until it succeeds; the partition waits. To an
//	                                    endpoint that wants order they are stored one by one, so that
//	                                    none overtakes one that was lost with JetStream's leader (line.go)
//	a message that is no CloudEvent,    to DEAD with the reason, then acknowledged;
//	or whose tenant does not exist      the partition goes on
//	data that breaks its type's schema  the same, or delivered with a warning: as its tenant wants
//	an event that crashes its handling  tried three times, then to DEAD with the stack; the partition goes on
//	nothing matches                     acknowledged: there is nothing to deliver
//	the registry does not answer        the partition waits: it must not match by what is old
//	the process, reading history        another goes on from the last mark; same ids
//	EVENTS' leader, deposed unawares    a history does not end before its end has been seen
package fanout
