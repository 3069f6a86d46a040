// Package failing keeps the list of a partition's endpoints that do nothing but
// fail: it has their owners warned, and disables them in the end.
//
//	settled attempts ──► List ──► Store     what is known of each, for whoever is next
//	                      │  └──► Disable   the registry
//	                      └─────► Announce  endpoint.failing, endpoint.disabled, endpoint.recovered
//
// A verdict is package flow's. An endpoint is on the list from its first failure
// to its next success. One goroutine does what takes time, and each step is
// repeated until it succeeds; no delivery waits for it, but one that disables its
// endpoint. What is to be announced is stored first, as it will be announced. So
// an event is published at least once, with the same id and content each time.
//
// An endpoint starts anew when it delivers, and when its owner gave it another
// URL, secret or header, resumed or enabled it. A notice that was stored is
// published all the same, except that of a disabling which has not begun.
//
// It is stored when it first fails a second time, a minute later at the earliest:
// one that fails now and then costs no writes. From the [flow.MinFailures]th
// failure on an hourly note is enough, since what matters stays as it is.
//
//	what fails                           what happens
//	the registry                         it is asked again; what is to be disabled goes on failing
//	EVENTS                               it is published again; the notice is stored
//	an event is refused for its content  it is logged, and left out
//	the process                          its first failure of each endpoint that was not stored is forgotten
//	the process, in the moment after a   the next failure is counted after those of before, once;
//	  success, before that is stored     any success ends it
//	the endpoint is edited while nobody  it starts anew: any write to its record after the note
//	  runs its partition
package failing
