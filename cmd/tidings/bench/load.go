package bench

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	benchPath        = "/" // of the sink, where most deliveries go
	benchConnections = 64
	// benchAhead is how many deliveries of a closed loop may be published and
	// not yet received.
	benchAhead = 1000
)

// shape is one way to spread events over endpoints: events of type bench.t<n>,
// n below types, each matched by perType endpoints.
type shape struct {
	name           string
	types, perType int
	steady         bool // a closed loop; otherwise events come as fast as the pipe accepts them
}

// endpoints are those of the shape, numbered from 0.
func (s shape) endpoints(url string) []benchEndpoint {
	endpoints := make([]benchEndpoint, s.types*s.perType)
	for n := range endpoints {
		endpoints[n] = benchEndpoint{
			n: n, eventType: n % s.types, url: url,
			policy: schemas.Policy{Concurrency: max(benchConnections/len(endpoints), 8)},
		}
	}
	return endpoints
}

// run publishes events to a pipe that has the shape's endpoints, and stops the
// clock when the sink has every delivery.
func (s shape) run(ctx context.Context, sink *sinkProcess, p *benchPipe, deliveries int) (benchShape, error) {
	r := benchShape{Name: s.name}
	if err := sink.Reset(ctx); err != nil {
		return r, err
	}
	events := deliveries / s.perType
	want := events * s.perType
	cpu, began := processCPU(), time.Now()
	received := 0
	for n := range events {
		if least := (n+1)*s.perType - benchAhead; s.steady && received < least {
			var err error
			if received, err = sink.Await(ctx, benchPath, least); err != nil {
				return r, err
			}
			if received < least {
				return r, fmt.Errorf("of %d deliveries only %d came within %s", n*s.perType, received, sinkStalls)
			}
		}
		if err := p.publish(ctx, n%s.types, time.Now()); err != nil {
			return r, err
		}
	}
	if _, err := sink.Await(ctx, benchPath, want); err != nil {
		return r, err
	}
	took := time.Since(began)
	r.Rate = float64(want) / took.Seconds()
	r.CPU = (processCPU() - cpu).Seconds() / float64(want) * 1000
	stats, err := sink.Stats(ctx, benchPath)
	r.Duplicates, r.Lost = count(stats.Received-stats.Unique), count(want-stats.Unique)
	return r, err
}

// measure runs the shape on a pipe of its own.
func (s shape) measure(ctx context.Context, sink *sinkProcess, deliveries int) (benchShape, error) {
	return s.measureWith(ctx, sink, deliveries, pipe.Hooks{})
}

func (s shape) measureWith(ctx context.Context, sink *sinkProcess, deliveries int, with pipe.Hooks) (benchShape, error) {
	p, err := newBenchPipeWith(ctx, with)
	if err != nil {
		return benchShape{}, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	if err := p.register(ctx, s.endpoints(sink.URL+benchPath), nil); err != nil {
		return benchShape{}, err
	}
	return s.run(ctx, sink, p, deliveries)
}

// paced calls send at a steady rate, n times or until ctx ends, and returns how
// often. A call is told when it was due if the one before took too long, so that
// nobody's latency looks better because its sender was late (coordinated
// omission); otherwise that it is due now.
func paced(ctx context.Context, perSecond float64, n int, send func(n int, at time.Time) error) (sent int, err error) {
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for sent = range n {
		due := began.Add(time.Duration(float64(sent) / perSecond * float64(time.Second)))
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
				due = time.Now()
			case <-ctx.Done():
				return sent, context.Cause(ctx)
			}
		}
		if err := send(sent, due); err != nil {
			return sent, err
		}
	}
	return n, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// processCPU is the CPU time of this process so far, user and system.
func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
