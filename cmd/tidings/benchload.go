package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	benchTenant      = schemas.TenantID("bench")
	benchConnections = 64
	benchBody        = 1 << 10
	benchRate        = 200 // events per second of the latency measurement
	benchLatencyFor  = 5 * time.Second
)

// benchData is 1 KiB of JSON.
func benchData() []byte {
	return []byte(`{"text":"` + strings.Repeat("x", benchBody-len(`{"text":""}`)) + `"}`)
}

// shape is one way to spread events over endpoints: events of type bench.<n>,
// n below types, each matched by perType endpoints.
type shape struct {
	name           string
	types, perType int
}

func shapes() []shape {
	return []shape{
		{"1 event → 1 endpoint", 1, 1},
		{"10 endpoints, 1 → 1", 10, 1},
		{"1 → 10 fan-out", 1, 10},
	}
}

// benchPipe is a pipe of a shape's own, in a temporary folder.
type benchPipe struct {
	app *app
	pub *producers.Publisher
	dir string
}

func (s shape) start(ctx context.Context, sink *sinkProcess) (*benchPipe, error) {
	dir, err := os.MkdirTemp("", "tidings-bench-")
	if err != nil {
		return nil, err
	}
	p := &benchPipe{dir: dir}
	settings := config.Settings{
		DataDir: dir, Roles: []string{"all"}, Grace: time.Second, EgressAllow: []string{"127.0.0.0/8"},
		NATS: config.NATS{Listen: "127.0.0.1:0"}, // as tidings run listens by default
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if p.app, err = startApp(ctx, settings, log, hooks{}); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	if err := s.register(ctx, p.app, sink.URL); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	nc, err := p.app.connection("producer")
	if err == nil {
		p.pub, err = producers.New(nc, producers.Options{Tenant: benchTenant, Source: "/bench"})
	}
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

func (p *benchPipe) stop() error { return errors.Join(p.app.Stop(), os.RemoveAll(p.dir)) }

func (s shape) register(ctx context.Context, a *app, url string) error {
	if err := a.registry.PutTenant(ctx, schemas.Tenant{ID: benchTenant}); err != nil {
		return err
	}
	for n := range s.types * s.perType {
		id := schemas.EndpointID(fmt.Sprintf("ep_bench%d", n))
		err := a.registry.PutEndpoint(ctx, schemas.Endpoint{
			ID: id, Tenant: benchTenant, URL: url, Secrets: []schemas.Secret{schemas.NewSecret(signing.NewSecret())},
			Policy: schemas.Policy{Concurrency: max(benchConnections/(s.types*s.perType), 8)},
		})
		if err != nil {
			return err
		}
		err = a.registry.PutSubscription(ctx, schemas.Subscription{
			ID: schemas.SubscriptionID(fmt.Sprintf("sub_bench%d", n)), Tenant: benchTenant, Endpoint: id,
			Types: []schemas.TypePattern{schemas.TypePattern(benchType(n % s.types))},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func benchType(n int) string { return fmt.Sprintf("bench.t%d", n) }

func benchEvent(n int, eventType string, data []byte) schemas.Event {
	e := event.New()
	e.SetID(fmt.Sprintf("e%d", n))
	e.SetType(eventType)
	_ = e.SetData(event.ApplicationJSON, data) // bytes: cannot fail
	return e
}

// measure publishes as fast as the pipe accepts, and stops the clock when the
// sink has every delivery.
func (s shape) measure(ctx context.Context, sink *sinkProcess, deliveries int) (benchShape, error) {
	p, err := s.start(ctx, sink)
	if err != nil {
		return benchShape{}, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	if err := sink.Reset(ctx); err != nil {
		return benchShape{}, err
	}
	events := deliveries / s.perType
	want := events * s.perType
	data, cpu, began := benchData(), processCPU(), time.Now()
	for n := range events {
		if _, err := p.pub.PublishAsync(ctx, benchEvent(n, benchType(n%s.types), data)); err != nil {
			return benchShape{}, err
		}
	}
	stats, err := awaitSink(ctx, sink, want)
	took := time.Since(began)
	return benchShape{
		Name:       s.name,
		Rate:       float64(want) / took.Seconds(),
		CPU:        (processCPU() - cpu).Seconds() / float64(want) * 1000,
		Duplicates: stats.Received - stats.Unique,
		Lost:       want - stats.Unique,
	}, err
}

const (
	sinkPoll   = 10 * time.Millisecond
	sinkStalls = 30 * time.Second // without one more delivery: the rest is lost
)

// awaitSink waits until the sink has n deliveries, or gets no more.
func awaitSink(ctx context.Context, sink *sinkProcess, n int) (sinkStats, error) {
	last, since := 0, time.Now()
	for {
		stats, err := sink.Stats(ctx)
		if err != nil || stats.Unique >= n || time.Since(since) > sinkStalls {
			return stats, err
		}
		if stats.Unique > last {
			last, since = stats.Unique, time.Now()
		}
		select {
		case <-ctx.Done():
			return stats, context.Cause(ctx)
		case <-time.After(sinkPoll):
		}
	}
}

// measureCeiling is how many signed POSTs of the same bodies net/http makes.
func measureCeiling(ctx context.Context, sink *sinkProcess, posts int) (float64, error) {
	raw, err := newRawPoster(sink.URL)
	if err != nil {
		return 0, err
	}
	defer raw.client.CloseIdleConnections()
	var (
		left   atomic.Int64
		wg     sync.WaitGroup
		failed atomic.Pointer[error]
	)
	left.Store(int64(posts))
	began := time.Now()
	for range benchConnections {
		wg.Go(func() {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				if err := raw.post(ctx, fmt.Sprintf("raw_%d", n)); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(posts) / time.Since(began).Seconds(), sink.Reset(ctx)
}

// rawPoster posts what the pipe would, without a pipe.
type rawPoster struct {
	client *http.Transport
	url    string
	key    []signing.Key
	data   []byte
}

func newRawPoster(url string) (*rawPoster, error) {
	key, err := signing.ParseKey(signing.NewSecret())
	return &rawPoster{
		client: &http.Transport{MaxIdleConnsPerHost: benchConnections},
		url:    url, key: []signing.Key{key}, data: benchData(),
	}, err
}

func (p *rawPoster) post(ctx context.Context, id string) error {
	now := time.Now()
	body := fmt.Appendf(nil, `{"type":"bench.raw","timestamp":"%s","data":%s}`, now.UTC().Format(time.RFC3339Nano), p.data)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header[signing.HeaderID] = []string{id}
	r.Header[signing.HeaderTimestamp] = []string{signing.Timestamp(now)}
	r.Header[signing.HeaderSignature] = []string{signing.Signatures(p.key, id, now, body)}
	response, err := p.client.RoundTrip(r)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Body.Close()
}

// measureLatency publishes at a steady rate to one endpoint, and then posts
// without a pipe at the same rate.
func measureLatency(ctx context.Context, sink *sinkProcess) (latencyReport, error) {
	l := latencyReport{PerSecond: benchRate}
	p, err := shapes()[0].start(ctx, sink)
	if err != nil {
		return l, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	data := benchData()
	piped, err := steadily(ctx, sink, func(n int) error {
		_, err := p.pub.PublishAsync(ctx, benchEvent(n, benchType(0), data))
		return err
	})
	if err != nil {
		return l, err
	}
	raw, err := newRawPoster(sink.URL)
	if err != nil {
		return l, err
	}
	defer raw.client.CloseIdleConnections()
	direct, err := steadily(ctx, sink, func(n int) error { return raw.post(ctx, fmt.Sprintf("raw_%d", n)) })
	l.P50, l.P99 = milliseconds(piped.P50), milliseconds(piped.P99)
	l.RawP50, l.RawP99 = milliseconds(direct.P50), milliseconds(direct.P99)
	return l, err
}

// steadily sends at benchRate, and returns what the sink saw.
func steadily(ctx context.Context, sink *sinkProcess, send func(n int) error) (sinkStats, error) {
	if err := sink.Reset(ctx); err != nil {
		return sinkStats{}, err
	}
	ticker := time.NewTicker(time.Second / benchRate)
	defer ticker.Stop()
	events := int(benchRate * benchLatencyFor.Seconds())
	for n := range events {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return sinkStats{}, context.Cause(ctx)
		}
		if err := send(n); err != nil {
			return sinkStats{}, err
		}
	}
	return awaitSink(ctx, sink, events)
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
