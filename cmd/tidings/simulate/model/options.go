package model

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

// Options are what is played.
type Options struct {
	// Seed decides all chance.
	Seed uint64
	// Endpoints are those of one process, or a sample of them.
	Endpoints []Endpoint
	// Cores are how many CPUs the process has for them; a sample has its share, which
	// may be less than one.
	Cores float64
	// Costs are in CPU time.
	Costs Costs
	// Beside is what else each delivery costs the process as it comes, in CPU time: its
	// event's share, where the process is fanout too.
	Beside time.Duration
	// Taken is how many deliveries may be in the process's hands, those held apart,
	// before endpoints that may hang get one place each. 0 is no limit.
	Taken int
	// Express has deliveries to quick endpoints attempted before they are stored, as a
	// process with both roles does.
	Express bool
	// Arrive is how long deliveries come. The run goes on until all have ended, or
	// until Most.
	Arrive, Most time.Duration
	// Step is the length of one [Moment] of the series.
	Step time.Duration
}

// Costs are CPU times of the process.
type Costs struct {
	Attempt time.Duration // of one attempt: read, sign, send, judge, settle, log
	Store   time.Duration // more, for a delivery that is stored before its first attempt
	Retry   time.Duration // more, for storing the next attempt and being given it
	Hold    time.Duration // more, for a delivery that is stored, written to a held queue and read
}

// Endpoint is one receiver and what it is to get.
type Endpoint struct {
	// PerSecond is how many deliveries come, at random times (Poisson).
	PerSecond float64
	// At are the times of deliveries that come besides.
	At []time.Duration
	// Policy: Timeout, Retry, Concurrency, MaxHeld and Breaker count.
	Policy schemas.Policy
	// Answers is how the receiver answers.
	Answers Receiver
	// Troubled keeps its figures apart from those of the healthy ones.
	Troubled bool
}

// Request is an attempt as its receiver sees it.
type Request struct {
	At       time.Duration // since the start
	Endpoint int           // index in Options.Endpoints
	Delivery uint64        // which delivery, counted from 1 as they come
	Attempt  int           // of the delivery, from 1
	Random   *rand.Rand    // the run's own
}

// Answer is what a receiver says, and when. A status of 0 is none at all, until the
// timeout.
type Answer struct {
	Status     int
	RetryAfter string
	Took       time.Duration
}

// Receiver answers requests.
type Receiver func(Request) Answer

// DefaultTimeout is that of most dialects.
const DefaultTimeout = 15 * time.Second

// withDefaults is a policy that says all that the model asks.
func withDefaults(p schemas.Policy) schemas.Policy {
	if p.Timeout == 0 {
		p.Timeout = schemas.Duration(DefaultTimeout)
	}
	if p.MaxHeld == 0 {
		p.MaxHeld = schemas.DefaultMaxHeld
	}
	return p
}

// Schedule is when the retries of a policy come.
func Schedule(p schemas.Policy) retry.Schedule { return retry.ForPolicy(p, retry.Standard()) }

func (o Options) validate() error {
	switch {
	case len(o.Endpoints) == 0:
		return errors.New("no endpoints: give at least one")
	case o.Cores <= 0:
		return fmt.Errorf("%g cores: use more than 0", o.Cores)
	case o.Arrive <= 0 || o.Most < o.Arrive:
		return fmt.Errorf("deliveries come for %s of %s: use more than 0, and no more than the whole", o.Arrive, o.Most)
	case o.Step <= 0:
		return fmt.Errorf("steps of %s: use more than 0", o.Step)
	}
	for i, e := range o.Endpoints {
		if e.PerSecond < 0 || e.Answers == nil {
			return fmt.Errorf("endpoint %d: use a rate of at least 0, and a receiver", i)
		}
	}
	return nil
}
