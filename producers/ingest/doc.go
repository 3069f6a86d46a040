// Package ingest reads the events of an HTTP request, as the CloudEvents HTTP
// binding and JSON format (1.0.2) write them:
//
//	Content-Type                        the request holds
//	application/cloudevents+json        one event (structured mode)
//	application/cloudevents-batch+json  a list of events (batched mode)
//	another, with ce-specversion        one event (binary mode): its attributes are
//	                                    the headers ce-…, its data is the body
//
// An event is read as one from NATS is (schemas.DecodeEvent), so the doors agree
// on what an event is. The CloudEvents SDK's reader of HTTP is not used: it does
// not percent-decode headers, takes what contradicts itself, and rounds numbers.
//
//	what is wrong                      code
//	the request, or an event in it     invalid; of a batch the text names the event,
//	                                   "events[3]: …", and no event is returned
//	body, event or batch over a bound  too_large
package ingest
