// Package streams holds every stream, consumer and bucket of the pipe as Go
// values, and applies them to a JetStream account.
//
//	EVENTS            limits      in: events.<tenant>.<type>; stored under events.<p>.<tenant>.<type>
//	DELIVERIES_<s>    work queue  ready.<p>.<endpoint>, later.<p>.<endpoint>.<delivery>,
//	                              held.<p>.<endpoint>; p mod shards = s
//	DEAD              limits      dead.<tenant>.<endpoint or "event">
//	tidings-registry  KV          tenants, endpoints, subscriptions
//	tidings-members   KV          one key a live process
//	fanout-<p>        durable     one partition of EVENTS, read by fanout
//	dispatch-<p>      durable     one partition's ready deliveries, read by dispatchers
//
// [Apply] runs in processes with the role api, at every start: what is there
// already is left or updated in place. What cannot be applied to what is there is
// refused with a sentence that says what to do. The other roles [Find] what it has
// made: they need no right to make or change a stream or a consumer, and whoever
// has that right can read all.
//
// Names come from package schemas, which the stages share.
package streams
