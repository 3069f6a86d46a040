package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	outageSize    = 1000 // endpoints
	outageEvents  = 20   // to each: twice as many as open its breaker
	outageHeld    = outageEvents - 2
	outagePath    = "/outage"
	outageRate    = 2000 // events per second to all of them
	outageRetries = 20
	// outageRetry is shorter than a breaker stays open, so that what has failed is
	// held too by the time of its probe.
	outageRetry = 5 * time.Second
	// outageMost is longer than a breaker stays open at most: what has not come by
	// then is lost.
	outageMost = 7 * time.Minute
)

// outageReport is what another endpoint of the same tenant notices of many that
// refuse everything, and of their recovery.
type outageReport struct {
	Endpoints int     `json:"endpoints"`
	Size      int     `json:"deliveries"`
	Down      versus  `json:"other_p99_ms_down"`     // base: before, when all was quiet
	Back      versus  `json:"other_p99_ms_recovery"` // the same
	Seconds   float64 `json:"recovery_seconds"`      // until they have all that waited
	Lost      count   `json:"lost"`
}

// measureOutage has many endpoints refuse 20 deliveries each, which are held as
// their breakers open, and then take everything.
func measureOutage(ctx context.Context, b *bencher) (outageReport, error) {
	r := outageReport{Endpoints: b.sized(outageSize)}
	r.Size = r.Endpoints * outageEvents
	p, err := newBenchPipe(ctx)
	if err != nil {
		return r, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	policy := schemas.Policy{Retry: slices.Repeat([]schemas.Duration{schemas.Duration(outageRetry)}, outageRetries)}
	endpoints := []benchEndpoint{b.quietEndpoint()}
	for n := range r.Endpoints {
		endpoints = append(endpoints, benchEndpoint{n: n, eventType: n, url: b.sink.URL + outagePath, policy: policy})
	}
	if err := p.register(ctx, endpoints, nil); err != nil {
		return r, err
	}
	quiet, err := b.latencies(ctx, quietPath, quietRate, p.publishQuiet(ctx))
	if err != nil {
		return r, err
	}
	down, err := b.meanwhile(ctx, p, func() error {
		if err := b.sink.Down(ctx, outagePath); err != nil {
			return err
		}
		_, err := paced(ctx, outageRate, r.Size, func(n int, at time.Time) error { return p.publish(ctx, n%r.Endpoints, at) })
		if err != nil {
			return err
		}
		return p.awaitHeld(ctx, r.Endpoints*outageHeld)
	})
	if err != nil {
		return r, err
	}
	b.progress("  outage: %d endpoints are down, %d deliveries wait", r.Endpoints, r.Size)
	back, err := b.meanwhile(ctx, p, func() error {
		began, have, err := time.Now(), 0, error(nil)
		for have < r.Size && err == nil && time.Since(began) < outageMost {
			have, err = b.sink.Await(ctx, outagePath, r.Size)
		}
		r.Seconds = time.Since(began).Seconds()
		r.Lost = count(r.Size - have)
		return err
	})
	r.Lost += down.lost + back.lost
	base := milliseconds(quiet.P99)
	r.Down, r.Back = against(base, down.p99), against(base, back.p99)
	b.progress("  outage: another's p99 %.1f ms, then %.1f ms until all was delivered after %.1f s; quiet %.1f ms", down.p99, back.p99, r.Seconds, base)
	return r, err
}

func (r outageReport) write(w io.Writer) {
	t := comparison{fmt.Sprintf("%d endpoints down, %d deliveries wait", r.Endpoints, r.Size), "quiet", "meanwhile"}
	t.head(w)
	t.row(w, "p99 of another endpoint, ms", r.Down, "")
	t.row(w, "the same as they recover", r.Back, "")
	t.lone(w, "seconds until all is delivered", r.Seconds)
	t.lone(w, "lost", float64(r.Lost))
}
