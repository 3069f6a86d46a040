// Package producers is the door in: a service hands over an event, and when the
// call returns without error JetStream has stored it.
//
//	service → Publisher → events.<tenant>.<type> → EVENTS
//
// A [Publisher] belongs to the service that makes it; it needs a NATS
// connection and nothing else of Tidings. It validates the event (CloudEvents
// 1.0.2, JSON data, size), writes the W3C trace context of ctx, or of the span that
// it makes of each event (Options.Tracers; package tracing), into it as the
// CloudEvents distributed-tracing extension says, and publishes it in binary
// mode under a deduplication id made of tenant, source and id. The subpackages
// (users, files, messages, conversations, rooms, presence, lobbies, onair) build
// the envelope and the data of every type of the catalogue, one function each, so
// that a service writes
//
//	users.Created(ctx, pub, user)
//
// and cannot get it wrong. Other languages need no library: a CloudEvent in
// structured or binary mode, published to the same subject, is the same event.
//
//	what fails                     what happens
//	the event is not valid         an error before anything is sent
//	no server, or none answers     tried again until ctx ends, under the same id
//	EVENTS is full or busy         the same
//	ctx ends before the answer     *PublishError with MaybeStored: publish its Event
//	                               again, and JetStream stores it once
//	the server refuses             *PublishError with its reason; nothing is stored
//	the connection is closed       the same, at once
package producers
