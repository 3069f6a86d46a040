// Package replay makes deliveries once more: one, or as a job all of an endpoint that
// failed, all that it never got, or all that a filter finds.
//
//	POST …/replays  →  [Job] in the registry  →  [Runner]: find, send, note how far  →  DELIVERIES ready.<p>.<endpoint>
//
// What is to be replayed is looked up in the delivery log, oldest first, and comes
// from EVENTS or, when that no longer has it, from its dead letter. A replay is the
// delivery as it was, with the same webhook-id: receivers that have it know it again.
// It goes the way of every delivery, behind those that wait; its attempts are counted
// anew.
//
// A job is a record of the registry, so any API process can go on with it. Whoever
// runs it notes how far it has come, and that it lives, each second; what has not been
// noted for [Lease] is taken over. Who stops notes where it stands. What was sent after
// the last note of a process that died is found again: the log says of what was sent by
// which job, and what it does not know yet goes out under the message id that it had,
// which JetStream drops. So it is counted, and not sent twice.
//
// A process runs [maxJobs] at once. Where more are asked for they take turns of some
// seconds: next is the tenant of which the fewest run, and of its jobs the one that has
// waited longest. So nobody's replay, however slow, has others wait for its end.
//
//	what fails                     what happens
//	the process                    another goes on after 15 s, from the last note; what
//	                               only the process knew of comes twice if JetStream has
//	                               forgotten its message id by then
//	JetStream, or the log          the job waits, and says so
//	it is cancelled                within a second nothing more is sent, and all that was
//	                               is in its record
//	the event is no longer stored  that delivery is left out, and counted by [Skip]
//	the endpoint is removed        the same, or the job ends as failed if it is for that one
//
// A dry run goes the same way up to the sending, so it leaves out the same.
package replay
