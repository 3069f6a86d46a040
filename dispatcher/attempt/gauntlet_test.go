package attempt

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/tidings-dev/tidings/dispatcher/egress"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// hostile is a receiver that means harm, and the verdict on an attempt at it.
type hostile struct {
	name string
	// do has the connection after its TLS handshake, if there is one.
	do   func(*peer)
	want schemas.Reason
	// least and most bound the wait before the next attempt; 0 is any.
	least, most time.Duration
	// flood: it goes on after the attempt, until the connection is ended for it.
	flood bool
	// again: another attempt fares as well. By h1 only: net/http may take what came
	// unasked for the answer.
	again bool
	// early: it answers before it is asked. Whether net/http takes that for the answer
	// is left to chance, so this is for h1 only.
	early bool
	// cert and hello change the TLS side; secure receivers only.
	cert  func(authority) tls.Certificate
	hello func(*peer) bool // instead of the handshake; false ends the connection
}

func (h hostile) kind() schemas.Kind {
	if h.want == schemas.ReasonOK {
		return schemas.Delivered
	}
	return schemas.Retry
}

// timeout is the endpoint's: short where only time ends the attempt, and else so
// long that a slow machine does not.
func (h hostile) timeout() time.Duration {
	if h.want == schemas.ReasonTimeout {
		return 150 * time.Millisecond
	}
	return 15 * time.Second
}

const (
	margin   = 20 * time.Second // beyond the endpoint's timeout: a busy machine
	maxTaken = 32 << 20         // bytes a receiver gets rid of: what the sockets of both sides hold, mostly
	maxHeap  = 256 << 20        // bytes that all attempts of the gauntlet hold at once
)

// way is a transport and the receivers it runs the gauntlet of.
type way struct {
	name  string
	light bool
	speak string // http, https or h2
	rows  []hostile
}

// TestGauntlet attempts at each hostile receiver by each way there is: the verdict
// is as the table says, in time, little is taken in, and another endpoint is
// delivered to meanwhile.
func TestGauntlet(t *testing.T) {
	ca := newAuthority(t)
	peak := heapPeak(t)
	t.Run("ways", func(t *testing.T) {
		for _, w := range []way{
			{"light http", true, "http", hostileHTTP()},
			{"light https", true, "https", append(hostileHTTP(), hostileTLS()...)},
			{"light h2", true, "h2", hostileHTTP2()},
			{"standard http", false, "http", hostileHTTP()},
			{"standard https", false, "https", append(hostileHTTP(), hostileTLS()...)},
			{"standard h2", false, "h2", hostileHTTP2()},
		} {
			t.Run(w.name, func(t *testing.T) { w.run(t, ca) })
		}
	})
	n := len(hostileHTTP()) + len(hostileTLS()) + len(hostileHTTP2())
	got := peak()
	t.Logf("%d behaviours; %d MiB of heap at most", n, got>>20)
	if got > maxHeap {
		t.Errorf("%d MiB of heap, want at most %d", got>>20, maxHeap>>20)
	}
}

func (w way) run(t *testing.T, ca authority) {
	t.Parallel()
	g := newGauntlet(t, ca, w.light)
	good := g.endpoint("ep_good", newReceiver(t, ca, w.speak, 0, hostile{do: polite}), 30*time.Second)
	for _, h := range w.rows {
		if h.early && !w.light {
			continue
		}
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			manners := 0
			if w.light && w.speak == "https" {
				manners = 1 // h1 takes over from net/http after the first answer
			}
			r := newReceiver(t, ca, w.speak, manners, h)
			id := g.endpoint("ep_"+strings.Map(letters, h.name), r, h.timeout())
			if manners > 0 {
				g.patient(t, id, r)
			}
			g.meet(t, id, good, r, h)
			if h.again && w.light {
				if _, o := g.attempt(t, id); o.Kind != h.kind() {
					t.Errorf("again: got %+v", o)
				}
			}
		})
	}
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r
	}
	return -1
}

// gauntlet is a Maker with a real transport.
type gauntlet struct {
	maker   *Maker
	targets *Targets
}

func newGauntlet(t *testing.T, ca authority, light bool) *gauntlet {
	t.Helper()
	o := egress.Options{
		Guard: egress.NewGuard(egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
		TLS:   &tls.Config{RootCAs: ca.pool},
	}
	var rt interface {
		http.RoundTripper
		CloseIdleConnections()
	} = egress.NewTransport(o)
	if light {
		rt = egress.NewLight(o)
	}
	t.Cleanup(rt.CloseIdleConnections)
	targets := NewTargets()
	return &gauntlet{targets: targets, maker: New(Options{
		Targets: targets, Catalogue: catalogue.New(), Log: slog.New(slog.DiscardHandler), Transport: rt,
		Load: func(_ context.Context, d *schemas.Delivery) (*schemas.Delivery, error) { return d, nil },
	})}
}

func (g *gauntlet) endpoint(id string, r *receiver, timeout time.Duration) schemas.EndpointID {
	e := testEndpoint()
	e.ID, e.URL, e.Policy.Timeout = schemas.EndpointID(id), r.url, schemas.Duration(timeout)
	g.targets.Apply(schemas.Change{Endpoint: &e})
	return e.ID
}

func (g *gauntlet) attempt(t *testing.T, id schemas.EndpointID) (schemas.Attempt, schemas.Outcome) {
	d := &schemas.Delivery{ID: schemas.NewDeliveryID(time.Unix(1, 0), 7, id), Tenant: "acme", Endpoint: id, Data: []byte("{}")}
	result, err := g.maker.Attempt(t.Context(), d, nil)
	if err != nil {
		t.Errorf("attempt at %s: %v", id, err)
	}
	return result.Attempt, result.Outcome
}

// patient makes the attempt that the receiver answers politely, under a timeout
// of its own.
func (g *gauntlet) patient(t *testing.T, id schemas.EndpointID, r *receiver) {
	t.Helper()
	first := g.endpoint(string(id)+"first", r, 30*time.Second)
	if _, o := g.attempt(t, first); o.Kind != schemas.Delivered {
		t.Fatalf("the polite answer: got %+v", o)
	}
}

// meet attempts at the hostile receiver, and at the good one while it does.
func (g *gauntlet) meet(t *testing.T, id, good schemas.EndpointID, r *receiver, h hostile) {
	t.Helper()
	var o schemas.Outcome
	var record schemas.Attempt
	start, took := time.Now(), time.Duration(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		record, o = g.attempt(t, id)
		took = time.Since(start)
	}()
	select {
	case <-r.met:
	case <-done:
	}
	if _, other := g.attempt(t, good); other.Kind != schemas.Delivered {
		t.Errorf("another endpoint meanwhile: got %+v", other)
	}
	<-done
	h.check(t, record, o)
	if took > h.timeout()+margin {
		t.Errorf("took %s with a timeout of %s", took, h.timeout())
	}
	if h.flood {
		<-r.over
	}
	if sent := r.sent.Load(); sent > maxTaken {
		t.Errorf("%d bytes were taken in, want at most %d", sent, int64(maxTaken))
	}
	t.Logf("%s, %d bytes, %s: %s", took.Round(time.Millisecond), r.sent.Load(), o.Reason, o.Detail)
}

// check holds the verdict to the table's.
func (h hostile) check(t *testing.T, record schemas.Attempt, o schemas.Outcome) {
	t.Helper()
	if o.Reason != h.want || o.Cause != h.want || o.Kind != h.kind() {
		t.Errorf("got %s %s, want %s %s; status %d: %s", o.Kind, o.Reason, h.kind(), h.want, record.Status, o.Detail)
	}
	if o.After < h.least || o.After > 24*time.Hour || h.most > 0 && o.After > h.most {
		t.Errorf("another attempt after %s, want from %s to %s", o.After, h.least, h.most)
	}
	if o.Detail == "" || len(o.Detail) > schemas.MaxDetail || strings.ContainsFunc(o.Detail, unicode.IsControl) {
		t.Errorf("detail %q", o.Detail)
	}
}

// heapPeak watches the heap until the function it returns is called, which tells
// how many bytes it grew by at most.
func heapPeak(t *testing.T) func() int64 {
	t.Helper()
	size := func() int64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return int64(s[0].Value.Uint64()) //nolint:gosec // no heap is that large
	}
	before, stop := size(), make(chan struct{})
	var most atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most.Store(max(most.Load(), size()-before))
			case <-stop:
				return
			}
		}
	})
	return func() int64 {
		close(stop)
		wg.Wait()
		return most.Load()
	}
}
