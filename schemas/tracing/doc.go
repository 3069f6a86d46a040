// Package tracing tells an event's life in OpenTelemetry spans, across the processes
// that have a part in it: their shape, attributes and contexts. What is here begins
// spans; a stage decides when.
//
//	send events.{tenant}.{type}                    PRODUCER  the producer, or the API
//	  process events.{partition}.{tenant}.{type}   CONSUMER  fanout, until the event is acknowledged
//	    POST                                       CLIENT    the first attempt at an endpoint
//	      settle ready.{partition}.{endpoint}      CLIENT    delivered, retry or dead
//	POST  ⇢ process                                CLIENT    the second attempt: a trace of its own
//	  settle ready.{partition}.{endpoint}          CLIENT
//
// Names and attributes are those of the semantic conventions 1.43.0 for messaging,
// CloudEvents and HTTP; the attributes tidings.* are ours.
//
// A span is the child of what it follows if it begins within [Soon] of the event's
// being stored. What comes later, any retry, a replay or a subscription's history,
// begins a trace of its own, which is linked (⇢): no trace is open for hours. So does
// each attempt at an event of more than [Together] deliveries, since nobody can read
// a trace of a thousand children. (The conventions want process linked to the context
// its event was created in, and allow that as its parent too: a child is not linked to
// its parent once more.)
//
// The context travels:
//
//	producer → fanout        in the event, by CloudEvents' distributed-tracing extension (traceparent,
//	                           tracestate). A context that the event came with stays: send is linked to it,
//	                           and is no PRODUCER then
//	fanout → dispatcher      in the header Tidings-Trace of each delivery, through retries, held queues
//	                           and dead letters
//	dispatcher → receiver    in the header traceparent, only where the endpoint's policy says trace: true
//	HTTP caller → API        in the header traceparent
//
// Who samples decides once, at the event's first span: a span that follows another is
// sampled if that is, child or linked (package config/telemetry/sampling).
//
// A [Tracer] without a provider, or with OpenTelemetry's noop, begins nothing: no
// context is read or written, nothing is allocated, and what passes through of the
// event's own trace is left as it is.
package tracing
