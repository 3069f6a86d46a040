package processes

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

// posted is an event as its publisher knows it.
type posted struct {
	event    schemas.Event
	tenant   schemas.TenantID
	sent     time.Time // for the first time
	stored   time.Time // when its publisher was told so; zero before
	sequence uint64    // in EVENTS, once stored
}

// refusal is what a publisher was told in place of an acknowledgement.
type refusal struct {
	at  time.Time
	err error
}

// clusterLoad is what publishers do, and what they remember of it.
type clusterLoad struct {
	t    *testing.T
	urls []string // a publisher for each of these servers, or lists of servers
	ncs  []*nats.Conn
	pubs []*producers.Publisher
	end  func()         // ends the publishers of the moment; nil if there are none
	wg   sync.WaitGroup // those

	mu       sync.Mutex // guards what follows
	all      []*posted
	refusals []refusal
	stored   chan struct{} // closed and replaced when one is stored
}

const (
	// postPace is how often each publisher publishes an event.
	postPace = 40 * time.Millisecond
	// postGiveUp is how long it tries before it says that it cannot: then it begins
	// anew, with the same event.
	postGiveUp = 4 * time.Second
)

// newLoad is one of publishers for each of these servers, or lists of servers.
func newClusterLoad(t *testing.T, urls ...string) *clusterLoad {
	t.Helper()
	l := &clusterLoad{t: t, urls: urls, stored: make(chan struct{})}
	t.Cleanup(l.leave)
	l.connect()
	return l
}

// connect makes the publishers, and leaves servers to which they have moved.
func (l *clusterLoad) connect() {
	l.t.Helper()
	l.leave()
	for _, url := range l.urls {
		nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // the servers are to be lost
		if err != nil {
			l.t.Fatal(err)
		}
		pub, err := producers.New(nc, producers.Options{Tenant: clusterTenant(0), Source: "/test", GiveUp: postGiveUp})
		if err != nil {
			l.t.Fatal(err)
		}
		l.ncs, l.pubs = append(l.ncs, nc), append(l.pubs, pub)
	}
}

func (l *clusterLoad) leave() {
	for _, nc := range l.ncs {
		nc.Close()
	}
	l.ncs, l.pubs = nil, nil
}

// start has all publishers publish, until stop.
func (l *clusterLoad) start() {
	ended := make(chan struct{})
	var once sync.Once
	l.end = func() { once.Do(func() { close(ended) }) }
	for i, pub := range l.pubs {
		l.wg.Go(func() {
			pace := time.NewTicker(postPace)
			defer pace.Stop()
			for n := 0; ; n++ {
				select {
				case <-ended:
					return
				case <-pace.C:
				}
				tenant, kind := clusterTenant(0), clusterTypes[n%len(clusterTypes)]
				if i%2 == 1 { // every other publisher serves the other tenants too
					tenant = clusterTenant(n % clusterTenants)
				}
				l.post(l.t.Context(), pub, tenant, kind)
			}
		})
	}
	l.t.Cleanup(l.end)
}

// stop returns once every event that was begun is stored.
func (l *clusterLoad) stop() {
	l.end()
	l.wg.Wait()
}

// post publishes an event, again and again until it is stored.
func (l *clusterLoad) post(ctx context.Context, pub *producers.Publisher, tenant schemas.TenantID, kind string) {
	pub, err := pub.For(tenant)
	if err != nil {
		l.t.Error(err)
		return
	}
	l.mu.Lock()
	p := &posted{event: typedEvent(fmt.Sprintf("e%d", len(l.all)), kind), tenant: tenant, sent: time.Now()}
	l.all = append(l.all, p)
	l.mu.Unlock()
	for {
		receipt, err := pub.Publish(ctx, p.event)
		if ctx.Err() != nil {
			return
		}
		l.mu.Lock()
		if err == nil {
			p.stored, p.sequence = time.Now(), receipt.Sequence
			close(l.stored)
			l.stored = make(chan struct{})
			l.mu.Unlock()
			return
		}
		l.refusals = append(l.refusals, refusal{time.Now(), err})
		l.mu.Unlock()
	}
}

// events are all that were published so far.
func (l *clusterLoad) events() []posted {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]posted, len(l.all))
	for i, p := range l.all {
		all[i] = *p
	}
	return all
}

// told are the refusals between two times.
func (l *clusterLoad) told(from, to time.Time) (errs []error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.refusals {
		if r.at.After(from) && r.at.Before(to) {
			errs = append(errs, r.err)
		}
	}
	return errs
}
