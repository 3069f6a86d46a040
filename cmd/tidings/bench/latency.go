package bench

import (
	"context"
	"fmt"
	"io"
	"time"
)

const (
	latencyRate = 200 // events per second
	latencyFor  = 5 * time.Second
	warmUp      = time.Second
)

// latencyReport is publish → receipt at a steady rate, against a raw POST at the
// same rate. Both are from the time an event was to be sent to the time the sink
// had the head of its request.
type latencyReport struct {
	PerSecond int    `json:"per_second"`
	P50       versus `json:"p50_ms"` // base: a raw POST
	P99       versus `json:"p99_ms"`
}

// measureLatency publishes at a steady rate to one endpoint, and then posts
// without a pipe at the same rate.
func measureLatency(ctx context.Context, b *bencher) (latencyReport, error) {
	r := latencyReport{PerSecond: latencyRate}
	p, err := newBenchPipe(ctx)
	if err != nil {
		return r, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	if err := p.register(ctx, oneToOne.endpoints(b.sink.URL+benchPath), nil); err != nil {
		return r, err
	}
	piped, err := b.latencies(ctx, benchPath, latencyRate, func(_ int, at time.Time) error { return p.publish(ctx, 0, at) })
	if err != nil {
		return r, err
	}
	raw, err := newRawPoster(b.sink.URL + benchPath)
	if err != nil {
		return r, err
	}
	defer raw.client.CloseIdleConnections()
	direct, err := b.latencies(ctx, benchPath, latencyRate, func(n int, at time.Time) error { return raw.post(ctx, n, at) })
	if err != nil {
		return r, err
	}
	r.P50 = against(milliseconds(direct.P50), milliseconds(piped.P50))
	r.P99 = against(milliseconds(direct.P99), milliseconds(piped.P99))
	b.progress("  latency at %d/s: p50 %.1f ms, p99 %.1f ms; a raw POST: %.1f and %.1f", latencyRate, r.P50.Value, r.P99.Value, r.P50.Base, r.P99.Base)
	return r, nil
}

// latencies sends at a steady rate, and returns what a path of the sink saw of
// it, but for a first second that warms up.
func (b *bencher) latencies(ctx context.Context, path string, perSecond float64, send func(n int, at time.Time) error) (stats sinkStats, err error) {
	for _, d := range []time.Duration{warmUp, latencyFor} {
		if err := b.sink.Reset(ctx); err != nil {
			return stats, err
		}
		sent, err := paced(ctx, perSecond, int(perSecond*b.lasting(d).Seconds())+1, send)
		if err != nil {
			return stats, err
		}
		have, err := b.sink.Await(ctx, path, sent)
		if err != nil {
			return stats, err
		}
		if have < sent {
			return stats, fmt.Errorf("of %d deliveries only %d came", sent, have)
		}
	}
	return b.sink.Stats(ctx, path)
}

func (r latencyReport) write(w io.Writer) {
	t := comparison{fmt.Sprintf("latency at %d events/s", r.PerSecond), "raw POST", "publish → receipt"}
	t.head(w)
	t.row(w, "p50, ms", r.P50, "≤ 4")
	t.row(w, "p99, ms", r.P99, "≤ 4")
}
