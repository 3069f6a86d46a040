// Package saved copies all that the pipe has stored into a folder, while the pipe
// runs, and puts it back into an empty place.
//
//	registry.backup      the registry, as package backup writes it
//	<stream>.queue.gz    DELIVERIES_<s>, PULL, the answers by Idempotency-Key: a line of JSON for each message
//	<stream>.snapshot    DEAD, LOG, AUDIT, EVENTS: a snapshot of JetStream's, with sequences and times
//	manifest.json        what belongs to it, with each file's SHA-256, the streams' and consumers' configuration
//
// Only secrets.key is not in it, without which no secret opens, and what processes make
// by themselves: who lives (the bucket of members), and log.db, a copy of LOG.
//
// # Nothing is lost
//
// The pipe goes on meanwhile, and moves deliveries from one stream to another. It
// always writes the new copy before it removes the old one, so what is read in the
// order in which things move is found somewhere:
//
//	1 the answers, the registry  histories and replays note how far they are after they have stored so much: a note that is too old repeats
//	2 how far fanout is          the acknowledgement floors of EVENTS. What is acknowledged has its deliveries stored or settled
//	3 DELIVERIES, PULL           what is no longer there is settled, or has moved on to
//	4 DEAD, LOG, AUDIT
//	5 EVENTS                     last: it has every event that anything above refers to
//
// A restore has fanout go on from the floors of step 2. So what was accepted before a
// backup began is delivered, waits, or is dead; most of what was accepted until it
// ended too. What was matched or settled between step 2 and the end is delivered
// again, with the same webhook-id: a delivery's id is made of its event's time and
// sequence in EVENTS, which stay. With EVENTS first and fanout's place in it, as one
// stream after the other would be saved by hand, a delivery could refer to an event
// that is in no file, and a note of a history to a place that another event takes.
//
// Within DELIVERIES a delivery moves too (ready, held, later), to a higher sequence,
// and a snapshot of JetStream's ends at the sequence that was the last when it began,
// without what has been removed since: it misses what moves. (So it does keys of a
// bucket that are written anew.) That is why queues are read message by message, in
// order, until nothing is behind the last: what is not seen by then has left the
// stream.
//
// One way leads back: who pulls and then declines a delivery has it moved from PULL to
// DELIVERIES, where it waits. All such moves are heard as they are made, from before
// step 2 on, and are added to what was read.
//
// Of a delivery that was read in several places one copy is put back, and none that
// fanout makes again: two would be retried under the same message ids and schedule, and
// JetStream would drop the one for the other and then the other too. Who else makes
// deliveries again, a history or a replay that was under way, does it under the id that
// the copy is put back with: the second is dropped within the deduplication window. If
// that is over by then there are two, and in a corner (both fail, out of step by less
// than the window) the delivery may end before its time.
//
//	what fails                                  → what happens
//	a backup is interrupted                     → <folder>.partial is left, which is no backup, and the next takes its place
//	a snapshot lacks its end, or a chunk        → it is read back at once, and the backup fails
//	writers never pause, and there are replicas → the end of a queue is found when the leader has nothing more at one moment; until then it is read on
//	a file is cut short, altered or missing     → a restore refuses before it writes anything
//	a restore finds a stream or bucket of ours  → the same
//	a restore is interrupted                    → what it has made is removed; if it was killed the registry says so, and no process works on it
//	a process with the role api starts meanwhile → it waits, or the restore fails as EVENTS is there
//
// It speaks JetStream's two requests for this by itself. NATS' library for them (jsm.go)
// would be a module of ten others, of which one puts a tracer in the place of what is
// empty in the server that is embedded here.
package saved
