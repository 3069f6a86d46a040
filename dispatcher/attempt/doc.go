// Package attempt makes one attempt at one delivery, and says what came of it.
//
//	delivery  →  pace  →  resolve  →  agree  →  load  →  word  →  sign  →  send  →  judge  →  [schemas.Outcome]
//
// The stages are a list, in attempt.go: the first that has a verdict ends the
// attempt. Nothing here stores anything of the delivery; whoever asked for the
// attempt settles its outcome.
//
// [Targets] is the picture of the endpoints that attempts go by. Rates are kept
// here, over all attempts of the process at an endpoint.
//
//	what fails                              what happens
//	the receiver                            Outcome: retry by the schedule, or dead
//	the endpoint is unknown here            the registry itself is asked before it counts as deleted
//	the endpoint is paused                  ErrPaused: the delivery waits
//	the endpoint is disabled, or invalid    dead, with what to do
//	the delivery is past max_age            dead as too_old, without a request
//	EVENTS does not have the data any more  dead as event_expired
//	all the endpoint's secrets have expired the newest goes on signing
//	the process stops                       ErrStopping before a request, the cause of ctx during one
package attempt
