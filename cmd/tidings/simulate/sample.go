package simulate

import (
	"math"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate/capacity"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate/model"
	"github.com/tidings-dev/tidings/schemas"
)

// z99 is how many standard deviations the 99th percentile of a normal distribution is
// above its mean.
const z99 = 2.3263

// latency is a log-normal distribution by two of its quantiles.
type latency struct{ mu, sigma float64 }

func newLatency(p50, p99 time.Duration) latency {
	low := max(float64(p50), 1)
	return latency{mu: math.Log(low), sigma: math.Log(max(float64(p99), low)/low) / z99}
}

func (l latency) at(normal float64) time.Duration {
	return time.Duration(min(math.Exp(l.mu+l.sigma*normal), float64(time.Hour)))
}

func (l latency) mean() time.Duration {
	return time.Duration(math.Exp(l.mu + l.sigma*l.sigma/2))
}

// Sample says what was played of the whole.
type Sample struct {
	Endpoints int     `json:"endpoints"`
	Of        int     `json:"of"`    // those of one worker
	Share     float64 `json:"share"` // of one worker's deliveries and cores
	Scale     float64 `json:"scale"` // from the sample to a cell
}

const (
	leastSampled = 200
	mostSampled  = 4000
)

// sampleOf is how many endpoints of one worker are played, so that deliveries come to
// what Detail allows.
func (s *Scenario) sampleOf(cell capacity.Load, workers int) Sample {
	of := max(1, cell.Endpoints/workers)
	perSecond := cell.Events * cell.Fanout / float64(workers)
	all := perSecond * (s.Before + s.OutageFor + s.After).Seconds()
	share := min(1, float64(s.Detail)/all, mostSampled/float64(of))
	n := min(of, max(leastSampled, int(math.Round(share*float64(of)))))
	share = float64(n) / float64(of)
	return Sample{Endpoints: n, Of: of, Share: share, Scale: float64(workers) / share}
}

// options are the run of one worker of the cell, or of a sample of its endpoints. Each
// endpoint stands for as many as there are neighbours by rank, and gets their average.
func (s *Scenario) modelOptions(cell capacity.Load, plan capacity.Plan, sample Sample, f calibration.Figures) (model.Options, error) {
	policy, err := s.policy()
	if err != nil {
		return model.Options{}, err
	}
	micros := func(us float64) time.Duration { return time.Duration(us * float64(time.Microsecond)) }
	o := model.Options{
		Seed: s.Seed, Cores: s.Cores * sample.Share,
		Costs: model.Costs{Attempt: micros(f.Delivery), Store: micros(f.Stored * plan.Stored), Retry: micros(f.Retry), Hold: micros(f.Held)},
		Taken: int(math.Ceil(model.MaxTaken * float64(plan.Partitions) / float64(plan.Workers) * sample.Share)),
		// The events' own cost is beside: a worker is fanout too.
		Beside: micros(f.Event / s.Fanout),
		Arrive: s.Before + s.OutageFor + s.After,
		Step:   step(s.Before + s.OutageFor + s.After),
	}
	o.Most = o.Arrive
	perSecond := cell.Events * cell.Fanout / float64(plan.Workers) * sample.Share
	total := capacity.Weight(1, cell.Endpoints, s.Skew)
	down := 0.0
	for i := range sample.Endpoints {
		first, last := i*cell.Endpoints/sample.Endpoints+1, (i+1)*cell.Endpoints/sample.Endpoints
		e := model.Endpoint{PerSecond: perSecond * capacity.Weight(first, last, s.Skew) / total, Policy: policy}
		if down += s.Outage; down >= 1 { // every so-manieth, so that all ranks have their share
			down--
			e.Troubled = true
		}
		e.Answers = s.receiver(e.Troubled)
		o.Endpoints = append(o.Endpoints, e)
	}
	return o, nil
}

// receiver answers as the scenario says.
func (s *Scenario) receiver(troubled bool) model.Receiver {
	l := newLatency(s.P50, s.P99)
	return func(q model.Request) model.Answer {
		a := model.Answer{Status: 204, Took: l.at(q.Random.NormFloat64())}
		switch {
		case troubled && q.At >= s.Before && q.At < s.Before+s.OutageFor:
			if s.OutageKind == Hang {
				return model.Answer{}
			}
			a.Status, a.Took = 503, l.at(0)
		case q.Random.Float64() < s.Failures:
			a.Status = 500
		}
		return a
	}
}

// step is how long a moment of the series is: some hundred of them.
func step(all time.Duration) time.Duration {
	return max(time.Second, (all / 400).Truncate(time.Second))
}

// attempts is how many a delivery has on average, while all is well.
func (s *Scenario) attempts(retries int) (attempts, dead float64) {
	f := s.Failures
	dead = math.Pow(f, float64(retries+1))
	return (1 - dead) / (1 - f), dead
}

// load is the whole load of the scenario, without an outage.
func (s *Scenario) load(p schemas.Policy) capacity.Load {
	attempts, dead := s.attempts(len(model.Schedule(p)))
	return capacity.Load{
		Tenants: s.Tenants, Endpoints: s.Endpoints, Events: s.Events, Fanout: s.Fanout, Data: s.Data, Skew: s.Skew,
		Attempts: attempts, Dead: dead, Latency: newLatency(s.P50, s.P99).mean(),
		Scheduled: s.scheduled(p),
	}
}

// scheduled is how many retries wait at any time: what fails times how long it waits.
func (s *Scenario) scheduled(p schemas.Policy) (n float64) {
	failed := s.Events * s.Fanout
	for _, delay := range model.Schedule(p) {
		failed *= s.Failures
		n += failed * delay.Seconds()
	}
	return n
}
