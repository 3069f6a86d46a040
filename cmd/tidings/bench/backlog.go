package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	backlogSize   = 50_000
	backlogPath   = "/backlog"
	backlogNumber = 0 // the endpoint that was paused, and its type of event
)

// backlogReport is how an endpoint gets what waited for it, and what another
// endpoint of the same tenant notices.
type backlogReport struct {
	Size  int    `json:"deliveries"`
	Drain versus `json:"drained_per_second"` // base: its live rate, in a flood
	P99   versus `json:"other_p99_ms"`       // base: before, when all was quiet
	Lost  count  `json:"lost"`
}

// measureBacklog pauses an endpoint, publishes to it until so many deliveries
// wait, and resumes it. The clock runs from then to the last receipt. Another
// endpoint gets 100 events a second before and meanwhile.
func measureBacklog(ctx context.Context, b *bencher) (backlogReport, error) {
	r := backlogReport{Size: b.sized(backlogSize)}
	live, err := b.liveRate(ctx)
	if err != nil {
		return r, err
	}
	p, err := newBenchPipe(ctx)
	if err != nil {
		return r, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	policy := schemas.Policy{Concurrency: benchConnections}
	err = p.register(ctx, []benchEndpoint{
		{n: backlogNumber, eventType: backlogNumber, url: b.sink.URL + backlogPath, policy: policy, paused: true},
		b.quietEndpoint(),
	}, nil)
	if err != nil {
		return r, err
	}
	quiet, err := b.latencies(ctx, quietPath, quietRate, p.publishQuiet(ctx))
	if err != nil {
		return r, err
	}
	for range r.Size {
		if err := p.publish(ctx, backlogNumber, time.Now()); err != nil {
			return r, err
		}
	}
	if err := p.awaitHeld(ctx, r.Size); err != nil {
		return r, err
	}
	b.progress("  backlog: %d deliveries wait", r.Size)
	rate, busy, err := r.drain(ctx, b, p)
	r.Drain, r.P99 = against(live, rate), against(milliseconds(quiet.P99), busy)
	b.progress("  backlog: drained at %.0f/s, live %.0f/s; another's p99 %.1f ms, quiet %.1f ms", rate, live, busy, r.P99.Base)
	return r, err
}

// drain resumes the endpoint and waits until it has its backlog. It returns how
// fast that was, and the p99 of the other endpoint meanwhile.
func (r *backlogReport) drain(ctx context.Context, b *bencher, p *benchPipe) (rate, p99 float64, err error) {
	q, err := b.meanwhile(ctx, p, func() error {
		began := time.Now()
		if err := p.pause(ctx, false, backlogNumber); err != nil {
			return err
		}
		have, err := b.sink.Await(ctx, backlogPath, r.Size)
		rate = float64(have) / time.Since(began).Seconds()
		r.Lost += count(r.Size - have)
		return err
	})
	r.Lost += q.lost
	return rate, q.p99, err
}

// heldPoll is how often awaitHeld looks.
const heldPoll = 100 * time.Millisecond

// awaitHeld waits until so many deliveries wait in held queues.
func (p *benchPipe) awaitHeld(ctx context.Context, n int) error {
	nc, err := p.process.Connection("held")
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	last, since := 0, time.Now()
	for {
		have, err := p.held(ctx, js)
		switch {
		case err != nil || have >= n:
			return err
		case have > last:
			last, since = have, time.Now()
		case time.Since(since) > sinkStalls:
			return fmt.Errorf("of %d deliveries to paused endpoints only %d are held after %s without one more", n, have, sinkStalls)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(heldPoll):
		}
	}
}

// held counts the deliveries in held queues.
func (p *benchPipe) held(ctx context.Context, js jetstream.JetStream) (n int, err error) {
	layout := p.process.Streams.Layout
	for partition := range layout.Partitions {
		stream, err := js.Stream(ctx, layout.DeliveriesStream(partition))
		if err != nil {
			return 0, err
		}
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(schemas.HeldFilter(partition)))
		if err != nil {
			return 0, err
		}
		for _, messages := range info.State.Subjects {
			n += int(messages)
		}
	}
	return n, nil
}

func (r backlogReport) write(w io.Writer) {
	t := comparison{fmt.Sprintf("a backlog of %d comes back", r.Size), "live or quiet", "meanwhile"}
	t.head(w)
	t.row(w, "deliveries per second", r.Drain, "≥ 0.8")
	t.row(w, "p99 of another endpoint, ms", r.P99, "≤ 1.5")
	t.lone(w, "lost", float64(r.Lost))
}
