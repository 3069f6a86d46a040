package flow

import (
	"math"
	"time"
)

// State is where a breaker stands. [Breaker.Done] sets it, but for half_open,
// which [Breaker.Began] sets.
type State string

const (
	Closed   State = "closed"    // all is well: no limit
	Open     State = "open"      // nothing is allowed until the cooldown has passed, then one probe
	HalfOpen State = "half_open" // the probe is under way
	Ramping  State = "ramping"   // the limit doubles with each round that succeeds
)

// BreakerOptions say when a breaker opens, and how it closes again.
type BreakerOptions struct {
	// Off keeps the breaker closed whatever happens.
	Off bool
	// Over is the sliding time over which outcomes are counted, 30 s by default;
	// it slides in steps of a tenth.
	Over time.Duration
	// Ratio is the share of failures, in (0, 1], at which the breaker opens if
	// there were MinRequests outcomes; 0.5 and 20 by default.
	Ratio       float64
	MinRequests int
	// Consecutive is how many failures in a row open the breaker, whatever the
	// time between them: an endpoint that gets a delivery an hour never has
	// MinRequests. 10 by default: more than a window has at its start, so one
	// moment in which all of it fails is not enough.
	Consecutive int
	// Cooldown is how long the breaker stays open before its first probe, 10 s by
	// default. Each time it opens again without an attempt having succeeded it is
	// twice as long, at most MaxCooldown, 5 min by default. Jitter adds up to a quarter.
	Cooldown    time.Duration
	MaxCooldown time.Duration
	// Max is the limit, in attempts, at which the ramp has ended: [DefaultMax] by
	// default. A Flow sets it to that of its window.
	Max int
}

func (o BreakerOptions) withDefaults() BreakerOptions {
	o.Over = or(o.Over, 30*time.Second)
	o.Ratio = min(or(o.Ratio, 0.5), 1)
	o.MinRequests = or(o.MinRequests, 20)
	o.Consecutive = or(o.Consecutive, 10)
	o.Cooldown = or(o.Cooldown, 10*time.Second)
	o.MaxCooldown = max(or(o.MaxCooldown, 5*time.Minute), o.Cooldown)
	o.Max = or(o.Max, DefaultMax)
	return o
}

// or is value, or its default if it is not positive.
func or[N int | float64 | time.Duration](value, byDefault N) N {
	if value > 0 {
		return value
	}
	return byDefault
}

// Breaker leaves an endpoint alone that is down.
type Breaker struct {
	o        BreakerOptions
	state    State
	recent   [slots]slot   // while closed
	run      int           // failures in a row, while closed
	cooldown time.Duration // the last one, without jitter; 0 once an attempt has succeeded
	due      time.Time     // while open: of the probe
	probe    time.Time     // when the last probe began: earlier attempts count no more
	ramp     int           // the limit of the round; 1 is the probe
	ended    int           // attempts in this round
	failed   int           // of them
}

const slots = 10

// slot counts the outcomes of a tenth of BreakerOptions.Over.
type slot struct {
	number        int64 // since 1970
	ended, failed int
}

// NewBreaker is a closed breaker.
func NewBreaker(o BreakerOptions) *Breaker {
	return &Breaker{o: o.withDefaults(), state: Closed}
}

// Set changes the options. A breaker that is switched off closes.
func (b *Breaker) Set(o BreakerOptions) {
	b.o = o.withDefaults()
	if b.o.Off {
		b.close()
	}
}

// Hasten makes the probe of an open breaker due: there is reason to hope.
func (b *Breaker) Hasten(now time.Time) {
	if b.state == Open && b.due.After(now) {
		b.due = now
	}
}

// State is where the breaker stands. An open one stays open until a probe begins.
func (b *Breaker) State() State { return b.state }

// NextProbe is when an open breaker allows its probe: if that has passed, now.
// It is the zero time in any other state.
func (b *Breaker) NextProbe() time.Time {
	if b.state != Open {
		return time.Time{}
	}
	return b.due
}

// Allow is how many attempts may be under way now: none while it is open or its
// probe is under way, 1 if a probe is due, [math.MaxInt] for no limit.
func (b *Breaker) Allow(now time.Time) int {
	switch {
	case b.state == Closed:
		return math.MaxInt
	case b.state == Ramping:
		return b.ramp
	case b.state == Open && !now.Before(b.due):
		return 1
	default:
		return 0
	}
}

// Began tells of an attempt that begins. If a probe is due it is the probe.
func (b *Breaker) Began(now time.Time) {
	if b.state == Open && !now.Before(b.due) {
		b.state, b.probe, b.ramp = HalfOpen, now, 1
	}
}

// Done takes in an attempt. One that began before the last probe did says nothing
// of the endpoint as it is now, and none counts while the breaker is open.
func (b *Breaker) Done(r Result) {
	switch {
	case b.o.Off, b.state == Open, r.Began.Before(b.probe):
	case r.Signal == Void && b.state == HalfOpen:
		b.state = Open
	case r.Signal == Void:
	case b.state == Closed:
		b.count(r)
	default:
		b.round(r)
	}
}

// count counts the outcomes of a closed breaker, and opens it.
func (b *Breaker) count(r Result) {
	number := r.Now.UnixNano() / int64(max(b.o.Over/slots, 1))
	s := &b.recent[uint64(number)%slots]
	if s.number != number {
		*s = slot{number: number}
	}
	s.ended++
	if r.Signal != Failed {
		b.run = 0
		return
	}
	s.failed++
	b.run++
	var ended, failed int
	for _, s := range b.recent {
		if s.number > number-slots {
			ended += s.ended
			failed += s.failed
		}
	}
	if b.run >= b.o.Consecutive || ended >= b.o.MinRequests && float64(failed) >= b.o.Ratio*float64(ended) {
		b.open(r)
	}
}

// round counts the outcomes of a probe and of a ramp. A round is as many attempts
// as its limit. It is lost as soon as the share of them failed that would open
// the breaker: then the next is half as large, and after a lost round of 1 the
// breaker opens. After any other the limit is doubled.
func (b *Breaker) round(r Result) {
	b.ended++
	if r.Signal == Failed {
		b.failed++
	} else {
		b.cooldown = 0 // it is there, if not all of it
	}
	switch {
	case b.failed > 0 && float64(b.failed) >= b.o.Ratio*float64(b.ramp):
		b.ramp /= 2
	case b.ended >= b.ramp:
		b.ramp *= 2
	default:
		return
	}
	b.state, b.ended, b.failed = Ramping, 0, 0
	switch {
	case b.ramp == 0:
		b.open(r)
	case b.ramp >= b.o.Max:
		b.close()
	}
}

func (b *Breaker) open(r Result) {
	b.cooldown = min(max(2*b.cooldown, b.o.Cooldown), b.o.MaxCooldown)
	jitter := time.Duration(0.25 * min(max(r.Random, 0), 1) * float64(b.cooldown))
	b.state, b.due = Open, r.Now.Add(b.cooldown+jitter)
}

// close forgets all but when the last probe began.
func (b *Breaker) close() {
	*b = Breaker{o: b.o, state: Closed, probe: b.probe}
}
