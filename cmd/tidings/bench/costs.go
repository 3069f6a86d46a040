package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/schemas"
)

// costsReport is what `tidings simulate` counts by: package calibration says what each
// figure is.
type costsReport struct{ calibration.Costs }

const (
	costsHung     = 1000 // requests
	costsPerHung  = 8    // of one endpoint: what a window is at its start
	costsRefused  = 4    // attempts of a delivery that is refused
	costsOfFanout = 10
)

// perDelivery is CPU time in µs.
func perDelivery(cpu time.Duration, deliveries int) float64 {
	return float64(cpu.Nanoseconds()) / 1000 / float64(deliveries)
}

// measureCosts measures each by a run of its own. A difference that is below nothing is
// noise.
func measureCosts(ctx context.Context, b *bencher) (r costsReport, err error) {
	for _, part := range []struct {
		name    string
		measure func(context.Context, *bencher) error
	}{
		{"floods", r.floods}, {"search", r.search}, {"retries", r.refused}, {"held", r.backlog}, {"requests that hang", r.hanging}, {"streams", r.streams}, {"memory", r.memory},
	} {
		if err := part.measure(ctx, b); err != nil {
			return r, fmt.Errorf("%s: %w", part.name, err)
		}
		b.progress("  costs: %s", part.name)
	}
	return r, nil
}

// flood is what a shape came to, and what it left in the streams.
type flood struct {
	cpu         float64 // µs of each delivery
	events, log float64 // bytes of each event in EVENTS; of each delivery in LOG
}

// costOf runs on a pipe of its own.
func (s shape) costOf(ctx context.Context, b *bencher, with pipe.Hooks) (f flood, err error) {
	p, err := newBenchPipeWith(ctx, with)
	if err != nil {
		return f, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	if err := p.register(ctx, s.endpoints(b.sink.URL+benchPath), nil); err != nil {
		return f, err
	}
	cpu := processCPU()
	if _, err := s.run(ctx, b.sink, p, b.events); err != nil {
		return f, err
	}
	f.cpu = perDelivery(processCPU()-cpu, b.events)
	if f.events, err = p.bytes(ctx, schemas.StreamEvents, b.events/s.perType); err != nil {
		return f, err
	}
	f.log, err = p.bytes(ctx, schemas.StreamLog, b.events)
	return f, err
}

func (r *costsReport) floods(ctx context.Context, b *bencher) error {
	ones := shape{"10 × 1 → 1", costsOfFanout, 1, true}
	one, err := ones.costOf(ctx, b, pipe.Hooks{Unsearched: true})
	if err != nil {
		return err
	}
	ten, err := shape{"1 → 10", 1, costsOfFanout, true}.costOf(ctx, b, pipe.Hooks{Unsearched: true})
	if err != nil {
		return err
	}
	stored, err := ones.costOf(ctx, b, pipe.Hooks{Unsearched: true, Unexpress: true})
	if err != nil {
		return err
	}
	// One is an event and a delivery, ten a tenth of an event and a delivery.
	const share = costsOfFanout / (costsOfFanout - 1.0)
	r.Event = max(0, (one.cpu-ten.cpu)*share)
	r.Delivery = one.cpu - r.Event
	r.Stored = max(0, stored.cpu-one.cpu)
	r.EventBytes = one.events - benchBody
	r.LogEventBytes = max(0, (one.log-ten.log)*share)
	r.LogBytes = one.log - r.LogEventBytes
	return nil
}

// search has the searchable log made anew, while nothing else goes on.
func (r *costsReport) search(ctx context.Context, b *bencher) error {
	p, err := newBenchPipe(ctx)
	if err != nil {
		return err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	if err := p.register(ctx, tenOnes.endpoints(b.sink.URL+benchPath), nil); err != nil {
		return err
	}
	if _, err := tenOnes.run(ctx, b.sink, p, b.events); err != nil {
		return err
	}
	projector, err := p.searchable(ctx, 0)
	if err != nil {
		return err
	}
	r.SearchBytes = float64(fileSize(filepath.Join(p.dir, "log.db"))) / float64(b.events)
	cpu := processCPU()
	if err := projector.Rebuild(ctx); err != nil {
		return err
	}
	_, err = p.searchable(ctx, rebuildBegins)
	r.Search = perDelivery(processCPU()-cpu, b.events)
	return err
}

// refused has every delivery refused, and retried after a second. The last retry is
// not waited for: none dies, which would be logged.
func (r *costsReport) refused(ctx context.Context, b *bencher) error {
	p, err := newBenchPipeWith(ctx, pipe.Hooks{Unsearched: true})
	if err != nil {
		return err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	endpoints := tenOnes.endpoints(b.sink.URL + outagePath)
	for i := range endpoints {
		endpoints[i].policy.Breaker = schemas.SwitchOff
		endpoints[i].policy.Retry = append(slices.Repeat([]schemas.Duration{schemas.Duration(time.Second)}, costsRefused-1), schemas.Duration(schedulesDue))
	}
	if err := p.register(ctx, endpoints, nil); err != nil {
		return err
	}
	if err := b.sink.Reset(ctx); err != nil {
		return err
	}
	if err := b.sink.Down(ctx, outagePath); err != nil {
		return err
	}
	n, cpu := max(b.events/costsRefused, len(endpoints)), processCPU()
	for i := range n {
		if err := p.publish(ctx, i%len(endpoints), time.Now()); err != nil {
			return err
		}
	}
	if err := b.sink.awaitReceived(ctx, outagePath, n*costsRefused); err != nil {
		return err
	}
	each := perDelivery(processCPU()-cpu, n)
	r.Retry = max(0, (each-r.Event)/costsRefused-r.Delivery)
	return nil
}

// backlog stores for a paused endpoint, and drains.
func (r *costsReport) backlog(ctx context.Context, b *bencher) error {
	p, err := newBenchPipeWith(ctx, pipe.Hooks{Unsearched: true})
	if err != nil {
		return err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	e := benchEndpoint{n: backlogNumber, eventType: backlogNumber, url: b.sink.URL + backlogPath, policy: schemas.Policy{Concurrency: benchConnections}, paused: true}
	if err := p.register(ctx, []benchEndpoint{e}, nil); err != nil {
		return err
	}
	if err := b.sink.Reset(ctx); err != nil {
		return err
	}
	cpu := processCPU()
	for range b.events {
		if err := p.publish(ctx, backlogNumber, time.Now()); err != nil {
			return err
		}
	}
	if err := p.awaitHeld(ctx, b.events); err != nil {
		return err
	}
	stream := p.process.Streams.Layout.DeliveriesStream(p.process.Streams.Layout.Partition(benchEndpointID(backlogNumber)))
	size, err := p.bytes(ctx, stream, b.events)
	if err != nil {
		return err
	}
	if err := p.pause(ctx, false, backlogNumber); err != nil {
		return err
	}
	have, err := b.sink.Await(ctx, backlogPath, b.events)
	if err == nil && have < b.events {
		err = fmt.Errorf("of %d deliveries only %d came", b.events, have)
	}
	r.DeliveryBytes = size - benchBody
	r.Held = max(0, perDelivery(processCPU()-cpu, b.events)-r.Event-r.Delivery)
	return err
}

// hanging is what a request under way takes.
func (r *costsReport) hanging(ctx context.Context, b *bencher) error {
	p, err := newBenchPipeWith(ctx, pipe.Hooks{Unsearched: true})
	if err != nil {
		return err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	hung := min(costsHung, b.events)
	endpoints := shape{types: hung / costsPerHung, perType: 1}.endpoints(b.sink.URL + hangPath)
	for i := range endpoints {
		endpoints[i].policy = schemas.Policy{Timeout: schemas.Duration(sinkStalls)}
	}
	hung = len(endpoints) * costsPerHung
	if err := p.register(ctx, endpoints, nil); err != nil {
		return err
	}
	if err := b.sink.Reset(ctx); err != nil {
		return err
	}
	before := readFootprint()
	for i := range hung {
		if err := p.publish(ctx, i%len(endpoints), time.Now()); err != nil {
			return err
		}
	}
	if _, err := b.sink.Await(ctx, hangPath, hung); err != nil {
		return err
	}
	r.UnderWay = (readFootprint().heap - before.heap) * kibPerMiB / float64(hung)
	return nil
}

// memory is what is registered, held and scheduled, as the groups of their own measure it.
func (r *costsReport) memory(ctx context.Context, b *bencher) error {
	m, err := measureMemory(ctx, b)
	if err != nil {
		return err
	}
	more := float64(m.Endpoints - neighbours)
	r.Process = m.Heap.Base * kibPerMiB
	r.Endpoint = max(0, (m.Heap.Value-m.Heap.Base)*kibPerMiB/more)
	r.EndpointStart = max(0, (m.Start.Value-m.Start.Base)*float64(time.Second.Microseconds())/more)
	r.HeldEndpoint = max(0, m.PerHeld)
	s, err := measureSchedules(ctx, b)
	r.Schedule = max(0, s.PerRetry)
	return err
}

// bytes is how large a stream is, for each of so many.
func (p *benchPipe) bytes(ctx context.Context, stream string, of int) (float64, error) {
	nc, err := p.process.Connection("bytes")
	if err != nil {
		return 0, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, err
	}
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	return float64(s.CachedInfo().State.Bytes) / float64(of), nil
}

// rebuildBegins is longer than it takes until a rebuild that was asked for begins.
const rebuildBegins = 3 * time.Second

// searchable waits until all of LOG can be searched, and at least for some time. What
// it returns can ask for all of it again.
func (p *benchPipe) searchable(ctx context.Context, least time.Duration) (*deliverylog.Projector, error) {
	for began := time.Now(); ; {
		if js, store, ok := p.process.Searchable(); ok && time.Since(began) >= least {
			projector := deliverylog.NewProjector(js, store, deliverylog.Options{Log: slog.Default()})
			at, err := projector.Progress(ctx)
			if err != nil || at.Applied >= at.Last && !at.Emptying {
				return projector, err
			}
		}
		if time.Since(began) > 4*sinkStalls {
			return nil, fmt.Errorf("the log cannot be searched after %s", 4*sinkStalls)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(heldPoll):
		}
	}
}

// fileSize is that of a database: what has not been folded into it is beside it.
func fileSize(name string) (size int64) {
	for _, file := range []string{name, name + "-wal"} {
		if info, err := os.Stat(file); err == nil {
			size += info.Size()
		}
	}
	return size
}

func (r costsReport) write(w io.Writer) {
	t := comparison{"what it costs", "", "measured"}
	t.head(w)
	for _, f := range r.List() {
		t.lone(w, f.Name, f.Value)
	}
}
