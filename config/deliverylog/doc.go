// Package deliverylog makes the stream LOG searchable: a projection of it into a SQL
// database, embedded SQLite or PostgreSQL, of the same tables.
//
//	journal → LOG log.<tenant> → [Projector] → events, deliveries, attempts, counts → [Store]'s queries
//
// The projector alone writes rows, and takes with them, in the same transaction, note
// of how far in LOG it has come. So it may die at any instruction, and several may run
// on one database: one at a time applies. Records may come in any order and more than
// once: what is in the tables depends on which records there are, not on that. A row
// that is there is merged with, never counted again:
//
//	table       a row is                                  merged by
//	events      an event, by time and sequence in EVENTS  the greater value of each field; matched is its deliveries
//	deliveries  one of an event to an endpoint            the later attempt; attempts adds up new ones
//	attempts    a request, or a death without one         not at all: it is what it is
//	counts      a minute of an endpoint, or of all ("")   sums of rows new in the other tables
//
// The tables are a copy: LOG is the source, as far back as it goes, and [Projector.Rebuild]
// makes them anew from it. Deliveries never wait for any of this.
//
//	what fails                       what happens
//	the database is down             the batch is tried again until it is stored; queries fail as unavailable
//	the projector is killed          the next goes on behind the last batch that is stored
//	LOG no longer has what is next   it goes on with the first that LOG has
//	LOG is made anew                 it is read from its beginning
//	a line is no record              it is counted and logged, and left out
package deliverylog
