// Package announce tells tenants what becomes of their deliveries, as events like any
// others, for whoever of them subscribes.
//
//	DEAD dead.<tenant>.<endpoint>  →  [Letters]  →  EVENTS delivery.dead
//	a door that refuses            →  [Quotas]   →  EVENTS quota.reached
//
// (What a dispatcher has to say of endpoints it publishes itself: package failing.)
// The processes with the role api share the dead letters: each is announced once, a
// second time at most if its process dies in between. Nothing is published that
// nobody would get, nor about the death of an announcement of a death.
//
//	what fails                         what happens
//	EVENTS does not take the event     the letter is taken up again after half a minute
//	the process                        another takes up what it had, after the ack wait
//	none has the role api for a while  what died meanwhile is announced then
package announce
