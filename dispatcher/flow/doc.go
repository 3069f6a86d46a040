// Package flow decides from the outcomes of an endpoint's attempts how many more
// it may have under way, and when to give it up. It is pure: the caller brings
// the clock, the random numbers and the lock.
//
// A [Flow] is the smaller of two limits. Its [Window] learns how much the
// endpoint takes, as TCP learns it of a network: it doubles with each window of
// successes, halves at the first sign of congestion, and from then on grows by
// one per window. Its [Breaker] leaves an endpoint alone that is down, and then
// leads the work back to it in doubling rounds instead of a stampede:
//
//	closed ── trips ──► open ── cooldown ──► half_open ── succeeded ──► ramping
//	no limit            0                    1: the probe               2, 4, 8 …
//	  ▲                 ▲                      │ failed                   │  │
//	  │                 └─ twice the cooldown ─┴─────── halved below 1 ───┘  │
//	  └──────────────────── as wide as the policy ───────────────────────────┘
//
// What an attempt says of its endpoint is its [Signal]:
//
//	met                                   signal     window  breaker
//	2xx, 3xx, 4xx: an answer              fine       grows   a success: it is alive
//	429, 503 with Retry-After             throttled  halves  a success: it is alive
//	timeout, no connection, 5xx, no HTTP  failed     halves  a failure
//	no request was made                   void       -       a probe is due again
//
// [Failing] is apart from both: it counts what was delivered, so that an endpoint
// that answers 404 for days is disabled, though it is alive.
//
// Sources. The window: RFC 5681, section 3.1 (slow start, congestion avoidance;
// the threshold that stays as it is while nothing gets through), section 4.1 (an
// estimate is worth nothing after a pause, see [Flow.Idle]), and AIMDLimit of
// Netflix's concurrency-limits (only a window in use grows). The breaker: M.
// Nygard, Release It!, the pattern Circuit Breaker; Netflix's Hystrix (at least
// 20 outcomes of which half failed, in 10 buckets). Why a cooldown has jitter:
// M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015.
package flow
