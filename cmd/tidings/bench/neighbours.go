package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	neighbours        = 100
	neighboursPerHung = 10 // one of so many hangs
	neighboursFor     = 8 * time.Second
	neighboursTimeout = 5 * time.Second
	healthyPath       = "/healthy"
	otherPath         = "/other" // for those that would hang, when all are healthy
)

// neighboursReport is what the endpoints that answer get while others hang,
// against the same endpoints while all answer.
type neighboursReport struct {
	PerSecond float64 `json:"published_per_second"`
	Healthy   versus  `json:"healthy_deliveries_per_second"` // base: all are healthy
	P99       versus  `json:"healthy_p99_ms"`
	Hung      float64 `json:"requests_that_hung"`
	Lost      count   `json:"lost"` // of the healthy ones'
}

// measureNeighbours publishes to 100 endpoints at half the rate that they take
// in a closed loop, whether the pipe keeps up or not: first while all answer, then
// while a tenth of them hang to their timeout of 5 s, from the first request on.
// So the time until the pipe finds that out counts.
func measureNeighbours(ctx context.Context, b *bencher) (neighboursReport, error) {
	most, err := shape{name: "calibration", types: neighbours, perType: 1, steady: true}.measure(ctx, b.sink, b.events/3)
	if err != nil {
		return neighboursReport{}, err
	}
	r := neighboursReport{PerSecond: most.Rate / 2}
	events := max(int(r.PerSecond*b.lasting(neighboursFor).Seconds()), neighbours)
	all, err := neighbourhood{b.sink, otherPath}.run(ctx, r.PerSecond, events)
	if err != nil {
		return r, err
	}
	rest, err := neighbourhood{b.sink, hangPath}.run(ctx, r.PerSecond, events)
	r.Healthy, r.P99 = against(all.rate, rest.rate), against(all.p99, rest.p99)
	r.Hung, r.Lost = float64(rest.others), all.lost+rest.lost
	b.progress("  neighbours at %.0f/s: the healthy get %.0f/s, p99 %.1f ms; with %d requests that hang %.0f/s, p99 %.1f ms",
		r.PerSecond, r.Healthy.Base, r.P99.Base, rest.others, r.Healthy.Value, r.P99.Value)
	return r, err
}

// neighbourhood are 100 endpoints at a sink, a tenth of them at another path.
type neighbourhood struct {
	sink   *sinkProcess
	others string
}

type neighbourhoodResult struct {
	rate, p99 float64 // of the healthy ones
	lost      count
	others    int // requests of the others
}

// run publishes at a rate. The healthy ones' rate is up to their last receipt.
func (h neighbourhood) run(ctx context.Context, perSecond float64, events int) (r neighbourhoodResult, err error) {
	p, err := newBenchPipe(ctx)
	if err != nil {
		return r, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	endpoints := hundred.endpoints(h.sink.URL + healthyPath)
	for i := range endpoints {
		endpoints[i].policy.Timeout = schemas.Duration(neighboursTimeout)
		if i%neighboursPerHung == 0 {
			endpoints[i].url = h.sink.URL + h.others
		}
	}
	if err := p.register(ctx, endpoints, nil); err != nil {
		return r, err
	}
	if _, err := h.publish(ctx, p, perSecond, neighbours, func(n int) bool { return n%neighboursPerHung > 0 }); err != nil {
		return r, err // warming up
	}
	began := time.Now()
	want, err := h.publish(ctx, p, perSecond, events, func(int) bool { return true })
	if err != nil {
		return r, err
	}
	have, err := h.sink.Count(ctx, healthyPath)
	if err != nil {
		return r, err
	}
	r.rate = float64(have) / time.Since(began).Seconds()
	r.lost = count(want - have)
	stats, err := h.sink.Stats(ctx, healthyPath)
	if err != nil {
		return r, err
	}
	r.p99 = milliseconds(stats.P99)
	stats, err = h.sink.Stats(ctx, h.others)
	r.others = stats.Received
	return r, err
}

// publish sends events in turn to those endpoints that get any, at a rate, and
// waits for the healthy ones'. It returns how many these are.
func (h neighbourhood) publish(ctx context.Context, p *benchPipe, perSecond float64, events int, gets func(n int) bool) (healthy int, err error) {
	if err := h.sink.Reset(ctx); err != nil {
		return 0, err
	}
	_, err = paced(ctx, perSecond, events, func(n int, at time.Time) error {
		if !gets(n) {
			return nil
		}
		if n%neighboursPerHung > 0 {
			healthy++
		}
		return p.publish(ctx, n%neighbours, at)
	})
	if err == nil {
		_, err = h.sink.Await(ctx, healthyPath, healthy)
	}
	return healthy, err
}

func (r neighboursReport) write(w io.Writer) {
	t := comparison{fmt.Sprintf("%d endpoints at %.0f events/s", neighbours, r.PerSecond), "all healthy", "a tenth hangs"}
	t.head(w)
	t.row(w, "deliveries per second of the healthy", r.Healthy, "≥ 0.95")
	t.row(w, "their p99, ms", r.P99, "≤ 1.2")
	t.lone(w, "requests that hung", r.Hung)
	t.lone(w, "lost", float64(r.Lost))
}
