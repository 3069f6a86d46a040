// Package erasure removes one event, or all of a subject, from everywhere, and keeps a
// record of what it removed.
//
//	POST …/erasures → wait for fanout and the log → find in the log → note the places
//	                → remove: DELIVERIES, EVENTS, DEAD, LOG, the log's database → the [Record]
//
// The delivery log says where events are, so all that was accepted before the request
// has to be in it first: [Eraser.Erase] waits some seconds for that, or asks for a
// later try. A subject's events that are published afterwards are not erased.
//
// Messages are removed with JetStream's secure delete, which overwrites them on the
// disk. LOG's messages have lines of several events: one that has a line to be removed
// is stored anew without it, and then removed, so a crash in between doubles lines
// and loses none; the projection takes doubles for what they are. What is stored anew
// counts as new for LOG's age.
//
// The record is written before anything is removed, with the places, which name nobody.
// So any process with the role api goes on with what another began. A delivery that a
// dispatcher has in hand comes back after its attempt, to a queue, DEAD or LOG:
// so the places are looked at again every [Every] for [Watch], and then forgotten. If it
// died, an event announces that, with the erased event's id: LOG's line of it names the
// delivery, and stays until its place is in the record; then LOG is looked through from
// the first line that may be of it, as lines come in any order. The record never has
// the event's id or subject: it has a salted hash, by which who knows these can tell
// what it is about.
//
// What is removed is counted in the record after each kind of it, and within one after
// each 100 messages or lines, or 100 events of the database. A process that is killed has
// not counted what it removed since: the record then says less than was removed, never more.
//
//	what fails                          what happens
//	the process                         another, or the next, goes on within [Every]
//	JetStream, the database             the same; the caller is told
//	fanout or the log is behind         nothing is removed; the caller is told to come again
//	an attempt is under way             it is made; what it leaves, and what announces its
//	                                    death, is removed within [Every] of it
//
// Not reached: what receivers have got, and backups. JetStream does not overwrite what it
// removes by itself, as a delivery that was acknowledged: that may lie in a file of
// DELIVERIES until the other messages of that file are gone too, and is gone at
// the latest when the queues are once empty. Nor is what retention has removed
// overwritten, nor is anything in files that JetStream encrypts. On replicas each server
// overwrites its own files. Where that matters encrypt the disks, or JetStream's files.
// Each process with the role api removes from its own database, if that is a file: one
// that was away for all of [Watch] keeps its rows, and is to make its file anew.
package erasure
