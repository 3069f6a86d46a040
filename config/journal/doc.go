// Package journal writes the delivery log: what the stages tell of events and
// deliveries goes to the stream LOG.
//
//	fanout, dispatcher  →  [schemas.Journal]  →  LOG log.<tenant>
//
// Records that come within two milliseconds share a message, so that the log costs
// little beside a delivery. A stage lets go of an event or a delivery only when its
// record is stored: what a crash leaves out of the log it repeats.
//
//	what fails                     what happens
//	JetStream does not answer      stored again until it is, under the same message id; after 2 s the
//	                               stages go on, and the record waits in memory
//	that takes longer than memory  new records are left out, counted and logged; deliveries go on
//	the disk is nearly full        the same: what is left is for deliveries
//	the process dies               what was not stored has not been let go, unless it waited for 2 s
//	the process stops              what waits is stored first, within 5 s
package journal
