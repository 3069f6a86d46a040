// Package model plays the dispatchers' part of the pipe in virtual time: deliveries
// come, are attempted, held, retried and given up, and receivers answer, fail, hang
// and come back. A day takes seconds.
//
//	arrive ──► offer ──► attempt ──► CPU ──► answer ──► judge ─┬─ delivered
//	             ▲ │        ▲                                  ├─ dead
//	             │ └─ held ─┘ as window, breaker and gate let  │
//	             └──────────────── retry, when due ◄───────────┘
//
// It is one loop over a heap of timed happenings, without goroutines and without a
// clock, and all chance comes from one seed: the same [Options] give the same [Run].
//
// What decides is the product's own code: windows and breakers are [flow.Flow], what an
// answer means and when to try again is [retry.Judge], policies are [schemas.Policy].
// What a lane does with them (dispatcher/lane.go, gate.go) is told again in lane.go, as
// those are bound to a broker; its constants are held to theirs by a test, and so is
// what comes of it: the real dispatchers play the same scenarios.
//
//	what                    how
//	CPU                     work waits for a pool of so many cores, first come, first served
//	receivers               a function: status and time, or a hang to the timeout
//	JetStream               takes no time; what it costs is CPU
//	fan-out                 deliveries come one by one, at random; an event's do not come together
//	partitions, ownership   none: the endpoints are one process's
//	fifo, live_first, rate  not modelled, and Options has no words for them
//	auto-disable            not modelled: it takes days
package model
