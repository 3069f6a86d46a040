package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	fleetEndpoints = 32 // as many as partitions by default
	// fleetRequests is how many requests a dispatcher makes at once, so few that they and
	// not the CPUs bound it.
	fleetRequests = 48
	fleetAnswers  = 50 * time.Millisecond
	// fleetLasts is how long there are so many dispatchers. Its last two thirds are
	// measured: a process that starts needs about a second.
	fleetLasts = 12 * time.Second
	// fleetSlot is how finely time is counted in.
	fleetSlot = 250 * time.Millisecond
	// fleetAhead is how many deliveries wait in the pipe: for more than a second.
	fleetAhead = 4000
)

// fleetSteps are how many dispatchers there are, one after the other.
var fleetSteps = []int{1, 4, 2}

// fleetReport is what becomes of deliveries while dispatchers come and go: each makes
// as many requests at once as it may, to receivers that take 50 ms to answer.
type fleetReport struct {
	Endpoints  int         `json:"endpoints"`
	Requests   int         `json:"requests_at_once"` // of a dispatcher
	Steps      []fleetStep `json:"steps"`
	Duplicates count       `json:"duplicates"`
	Lost       count       `json:"lost"`
	Slot       float64     `json:"slot_seconds"`
	Slots      []float64   `json:"deliveries_by_slot"` // since the beginning
}

// fleetStep is a time with so many dispatchers.
type fleetStep struct {
	Dispatchers int     `json:"dispatchers"`
	Began       float64 `json:"began_seconds"`
	Rate        versus  `json:"deliveries_per_second"` // base: as many times what one makes
	// Gap is the longest time in which an endpoint got nothing, of all endpoints and
	// the whole step; the base is that of the first, when nobody came or went.
	Gap versus `json:"longest_gap_ms"`
}

// measureFleet runs a dispatcher, then three more, and then two fewer, each a process.
func measureFleet(ctx context.Context, b *bencher) (r fleetReport, err error) {
	receiver, err := startArrivals(ctx)
	if err != nil {
		return r, err
	}
	defer receiver.stop()
	p, err := newBenchPipeOf(ctx, pipe.Hooks{}, config.RoleAPI, config.RoleFanout)
	if err != nil {
		return r, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	if err := p.register(ctx, onePerPartition(p.process.Streams.Layout, receiver.url), nil); err != nil {
		return r, err
	}
	var all dispatchers
	defer func() { err = errors.Join(err, all.scale(ctx, p, 0)) }()

	loading, stop := context.WithCancel(ctx)
	sent := make(chan error, 1)
	go func() { sent <- p.keepAhead(loading, receiver, fleetAhead) }()
	r.Endpoints, r.Requests = fleetEndpoints, fleetRequests
	began, lasts := time.Now(), max(b.lasting(fleetLasts), 2*time.Second)
	for _, n := range fleetSteps {
		at := time.Now()
		if err := all.scale(ctx, p, n); err != nil {
			stop()
			return r, errors.Join(err, <-sent)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(at.Add(lasts))):
		}
		r.Steps = append(r.Steps, r.step(n, receiver.since(at), at.Sub(began), lasts))
		b.progress("  %d dispatchers: %.0f deliveries/s", n, r.Steps[len(r.Steps)-1].Rate.Value)
	}
	ended := time.Since(began)
	stop()
	if err := <-sent; err != nil {
		return r, err
	}
	have, twice := receiver.await(ctx, int(p.sent.Load()))
	r.Lost, r.Duplicates = count(int(p.sent.Load())-have), count(twice)
	r.Slot, r.Slots = fleetSlot.Seconds(), slots(receiver.since(began), ended)
	return r, ctx.Err()
}

// onePerPartition are endpoints of which each partition has one: so all dispatchers have
// as much to do, as they have with very many.
func onePerPartition(l schemas.Layout, url string) []benchEndpoint {
	var endpoints []benchEndpoint
	has := map[int]bool{}
	for n := 0; len(endpoints) < fleetEndpoints; n++ {
		if p := l.Partition(benchEndpointID(n)); !has[p] {
			has[p] = true
			i := len(endpoints)
			endpoints = append(endpoints, benchEndpoint{n: n, eventType: i, url: url + strconv.Itoa(i), policy: schemas.Policy{Concurrency: fleetRequests}})
		}
	}
	return endpoints
}

// step sums up what came in a step.
func (r *fleetReport) step(n int, came map[string][]time.Duration, began, lasts time.Duration) fleetStep {
	s := fleetStep{Dispatchers: n, Began: began.Seconds()}
	arrivals, gap, from := 0, time.Duration(0), lasts/3
	for _, at := range came {
		before := time.Duration(0)
		if len(r.Steps) == 0 { // the first has to start
			before = from
		}
		for _, a := range append(at, lasts) {
			if a >= from && a < lasts {
				arrivals++
			}
			if a > before {
				gap, before = max(gap, a-before), a
			}
		}
	}
	rate := float64(arrivals) / (lasts - from).Seconds()
	one, calm := rate, gap
	if len(r.Steps) > 0 {
		one, calm = r.Steps[0].Rate.Value, time.Duration(r.Steps[0].Gap.Value*float64(time.Millisecond))
	}
	s.Rate, s.Gap = against(float64(n)*one, rate), against(milliseconds(calm), milliseconds(gap))
	return s
}

// slots count what came in each slot, until the last whole one.
func slots(came map[string][]time.Duration, until time.Duration) []float64 {
	n := make([]float64, until/fleetSlot)
	for _, at := range came {
		for _, a := range at {
			if i := int(a / fleetSlot); i < len(n) {
				n[i]++
			}
		}
	}
	return n
}

// keepAhead publishes, to each endpoint in turn, so that as many deliveries wait, until
// ctx ends.
func (p *benchPipe) keepAhead(ctx context.Context, a *arrivals, ahead int) error {
	for n := 0; ctx.Err() == nil; n++ {
		for n-a.count() >= ahead && ctx.Err() == nil {
			<-time.After(time.Millisecond)
		}
		if err := p.publish(context.WithoutCancel(ctx), n%fleetEndpoints, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// dispatchers are processes.
type dispatchers []*exec.Cmd

// scale starts some, or asks the oldest to end and waits for them.
func (all *dispatchers) scale(ctx context.Context, p *benchPipe, n int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for len(*all) < n {
		name := fmt.Sprintf("dispatcher-%d", time.Now().UnixNano())
		c := exec.CommandContext(ctx, self, "run", "--roles", "dispatcher", "--nats-url", p.process.NATSURL, "--data-dir", filepath.Join(p.dir, name), //nolint:gosec // this program
			"--secrets-key-file", filepath.Join(p.dir, "secrets.key"), "--http-addr", "", "--egress-allow", "127.0.0.0/8", "--max-requests", strconv.Itoa(fleetRequests), "--log-level", "warn")
		c.Stdout, c.Stderr = p.log, p.log
		if err := c.Start(); err != nil {
			return fmt.Errorf("start a dispatcher: %w", err)
		}
		*all = append(*all, c)
	}
	ending := (*all)[:len(*all)-n]
	*all = (*all)[len(ending):]
	for _, c := range ending {
		err = cmp.Or(err, c.Process.Signal(syscall.SIGTERM))
	}
	for _, c := range ending {
		err = cmp.Or(err, c.Wait())
	}
	return err
}

func (r fleetReport) write(w io.Writer) {
	t := comparison{fmt.Sprintf("dispatchers of %d requests at once, to %d slow endpoints", r.Requests, r.Endpoints), "linear", "measured"}
	t.head(w)
	for _, s := range r.Steps {
		t.row(w, fmt.Sprintf("deliveries/s by %d", s.Dispatchers), s.Rate, "≥ 0.90")
	}
	for i, s := range slices.All(r.Steps) {
		if i > 0 {
			t.lone(w, fmt.Sprintf("longest gap of an endpoint, %d to %d, ms", r.Steps[i-1].Dispatchers, s.Dispatchers), s.Gap.Value)
		}
	}
	t.lone(w, "longest gap while nobody came or went, ms", r.Steps[0].Gap.Value)
	t.lone(w, "duplicates", float64(r.Duplicates))
	t.lone(w, "lost", float64(r.Lost))
}
