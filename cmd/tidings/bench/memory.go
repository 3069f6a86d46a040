package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

const (
	memoryEndpoints = 10_000
	memoryActive    = 100    // of them; ten times as many with --full
	memoryHeld      = 10_000 // at most, and half of them
	// memorySettles is how long a pipe has run when its memory is measured.
	memorySettles = 2 * time.Second
	kibPerMiB     = 1 << 10
)

// memoryReport is what endpoints cost that are registered and get nothing,
// against 100 of which each gets something.
type memoryReport struct {
	Endpoints int     `json:"endpoints"`
	Active    int     `json:"active"`
	RSS       versus  `json:"rss_mib"` // base: 100 endpoints
	Heap      versus  `json:"heap_mib"`
	Start     versus  `json:"start_seconds"`
	Rate      versus  `json:"deliveries_per_second"` // to the active ones
	Held      int     `json:"held"`
	PerHeld   float64 `json:"kib_per_held_endpoint"`
	Lost      count   `json:"lost"`
}

// measureMemory compares a pipe of 100 endpoints with one of very many. Start is
// of a pipe that has stored all of them; the memory is that of the whole process
// after it, collected and returned to the system as far as possible. What a held
// endpoint takes is from such a restart to the next: each has one delivery then.
func measureMemory(ctx context.Context, b *bencher) (memoryReport, error) {
	r := memoryReport{Endpoints: max(b.sized(memoryEndpoints), 2*memoryActive), Active: memoryActive}
	if b.full {
		r.Active *= 10
	}
	r.Active, r.Held = min(r.Active, r.Endpoints/2), min(memoryHeld, r.Endpoints/2)
	few, err := r.measure(ctx, b, hundred, hundred)
	if err != nil {
		return r, err
	}
	active := shape{name: "active", types: r.Active, perType: 1}
	many, err := r.measure(ctx, b, shape{name: "registered", types: r.Endpoints, perType: 1}, active)
	r.RSS, r.Heap = against(few.rss, many.rss), against(few.heap, many.heap)
	r.Start, r.Rate = against(few.start.Seconds(), many.start.Seconds()), against(few.rate, many.rate)
	r.PerHeld = many.held * kibPerMiB / float64(r.Held)
	b.progress("  %d endpoints: heap %.0f MiB, start in %.2f s, %.0f deliveries/s to %d of them; 100: %.0f MiB, %.2f s, %.0f/s",
		r.Endpoints, r.Heap.Value, r.Start.Value, r.Rate.Value, r.Active, r.Heap.Base, r.Start.Base, r.Rate.Base)
	return r, err
}

type memoryResult struct {
	footprint
	rate float64
	held float64 // MiB that the held endpoints take; 0 if there were too few endpoints
}

// measure registers endpoints, delivers to the active ones, starts anew, and
// holds the last of them with one delivery each.
func (r *memoryReport) measure(ctx context.Context, b *bencher, registered, active shape) (m memoryResult, err error) {
	p, err := newBenchPipe(ctx)
	if err != nil {
		return m, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	if err := p.register(ctx, registered.endpoints(b.sink.URL+benchPath), tenths(b, registered.types)); err != nil {
		return m, err
	}
	run, err := active.run(ctx, b.sink, p, b.events/3)
	if err != nil {
		return m, err
	}
	m.rate = run.Rate
	r.Lost += run.Lost
	if m.footprint, err = p.measureRestart(ctx); err != nil || registered.types <= r.Held {
		return m, err
	}
	if err := p.hold(ctx, registered.types-r.Held, registered.types); err != nil {
		return m, err
	}
	held, err := p.measureRestart(ctx)
	m.held = held.heap - m.heap
	return m, err
}

// measureRestart restarts the pipe, and measures how long it took and what
// memory it needs soon after.
func (p *benchPipe) measureRestart(ctx context.Context) (footprint, error) {
	start, err := p.restart(ctx)
	if err != nil {
		return footprint{}, err
	}
	select {
	case <-ctx.Done():
		return footprint{}, context.Cause(ctx)
	case <-time.After(memorySettles):
	}
	f := readFootprint()
	f.start = start
	return f, nil
}

// hold pauses the endpoints from number first to before end, and publishes an
// event to each.
func (p *benchPipe) hold(ctx context.Context, first, end int) error {
	var numbers []int
	for n := first; n < end; n++ {
		numbers = append(numbers, n)
	}
	if err := p.pause(ctx, true, numbers...); err != nil {
		return err
	}
	for _, n := range numbers {
		if err := p.publish(ctx, n, time.Now()); err != nil {
			return err
		}
	}
	return p.awaitHeld(ctx, len(numbers))
}

// tenths tells of the progress of many endpoints, ten times.
func tenths(b *bencher, n int) func() {
	var done atomic.Int64
	return func() {
		if i := done.Add(1); n >= memoryEndpoints && i%int64(n/10) == 0 {
			b.progress("    registered %d of %d endpoints", i, n)
		}
	}
}

// footprint is the memory of this process, in MiB.
type footprint struct {
	start time.Duration // of the pipe in it
	rss   float64       // 0 where /proc does not tell
	heap  float64       // objects and stacks
}

// readFootprint collects what is garbage, in pools too, before it looks.
func readFootprint() footprint {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f := footprint{heap: mebibytes(m.HeapAlloc + m.StackInuse)}
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, resident uint64
		if _, err := fmt.Sscan(string(text), &size, &resident); err == nil {
			f.rss = mebibytes(resident * uint64(os.Getpagesize()))
		}
	}
	return f
}

func mebibytes(n uint64) float64 { return float64(n) / (1 << 20) }

func (r memoryReport) write(w io.Writer) {
	t := comparison{"endpoints registered", fmt.Sprint(neighbours), fmt.Sprint(r.Endpoints)}
	t.head(w)
	t.row(w, "RSS, MiB", r.RSS, "≤ 1.2")
	t.row(w, "heap and stacks, MiB", r.Heap, "≤ 1.2")
	t.row(w, "start, s", r.Start, "≤ 1.2")
	t.row(w, fmt.Sprintf("deliveries per second to %d of them", r.Active), r.Rate, "≥ 0.83")
	t.lone(w, fmt.Sprintf("heap per held endpoint of %d, KiB", r.Held), r.PerHeld)
	t.lone(w, "lost", float64(r.Lost))
}
