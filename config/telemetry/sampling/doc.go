// Package sampling decides which events have spans, so that an event's whole life has
// them or none of it has.
//
//	a span                                 is sampled if
//	follows another, child or linked       that one is
//	enters the fleet: send or process,     the context is, as far as producers are trusted ([Trust]),
//	  after a context from outside           and the root sampler agrees, by the context's trace id
//	follows nothing                        the root sampler says so
//
// OpenTelemetry's own ParentBased asks the root sampler of each span that has a link
// and no parent: a retry would be sampled or not whatever became of the attempt before.
package sampling
