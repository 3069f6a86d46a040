package dispatcher

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// ackWait is of the consumers, and of fanout's.
const ackWait = 10 * time.Second

// ledger plays fanout while owners come and go: it offers each delivery to the
// owner there is, and stores what is refused or released unsettled. What an owner
// that died had not released comes again after JetStream's ack wait, and is
// stored then.
type ledger struct {
	*rig
	random *rand.Rand

	mu        sync.Mutex // guards what follows
	owner     *owner     // nil while there is none
	dead      map[*owner]bool
	at        map[*schemas.Delivery]*owner // who has been offered what is not released
	releases  map[schemas.DeliveryID]int   // by living owners
	failed    map[string]int               // answers other than 204
	again     map[string]bool              // not released by an owner that died
	takeovers []time.Time
}

func (l *ledger) float() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.random.Float64()
}

// upTo is a random time.
func (l *ledger) upTo(d time.Duration) time.Duration { return time.Duration(l.float() * float64(d)) }

// give has a delivery attempted or stored.
func (l *ledger) give(d *schemas.Delivery) {
	l.mu.Lock()
	o := l.owner
	if o != nil {
		l.at[d] = o
	}
	l.mu.Unlock()
	took := o != nil && o.p.d.Express(d, func(settled bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.dead[o] {
			return
		}
		delete(l.at, d)
		l.releases[d.ID]++
		if !settled {
			go l.store(d)
		}
	})
	l.mu.Lock()
	took = took || l.dead[o] // take sees to it
	if !took {
		delete(l.at, d)
		l.releases[d.ID]++
	}
	l.mu.Unlock()
	if !took {
		l.store(d)
	}
}

func (l *ledger) store(d *schemas.Delivery) {
	<-time.After(l.upTo(20 * time.Millisecond))
	if _, err := l.js.PublishMsg(l.t.Context(), l.ready(d), jetstream.WithMsgID(d.MessageID())); err != nil {
		l.t.Errorf("store %s: %v", d.ID, err)
	}
}

// take makes a new owner, after the old one was stopped or killed.
func (l *ledger) take() {
	l.mu.Lock()
	old := l.owner
	l.owner = nil
	l.takeovers = append(l.takeovers, time.Now())
	l.mu.Unlock()
	switch {
	case old == nil:
	case l.float() < 0.5:
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			_ = old.stop()
		}()
		if l.float() < 0.5 { // the next one waits for its end
			<-stopped
		}
	default:
		l.mu.Lock()
		l.dead[old] = true
		for d, o := range l.at {
			if o == old {
				delete(l.at, d)
				l.releases[d.ID]++
				l.again[string(d.ID)] = true
				time.AfterFunc(ackWait, func() { l.store(d) })
			}
		}
		l.mu.Unlock()
		old.kill()
	}
	next := l.own(2 * time.Second)
	l.mu.Lock()
	l.owner = next
	l.mu.Unlock()
}

// answer is how a receiver answers, by its endpoint.
func (l *ledger) answer(q dispatchertest.Request) dispatchertest.Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	after := time.Duration(l.random.Int64N(int64(20 * time.Millisecond)))
	switch q.Path {
	case "/ep_slow":
		after += time.Duration(l.random.Int64N(int64(800 * time.Millisecond)))
	case "/ep_failing":
		if l.random.Float64() < 0.3 {
			l.failed[q.ID]++
			return dispatchertest.After(after, dispatchertest.Status(500))
		}
	}
	return dispatchertest.After(after, dispatchertest.Status(204))
}

// repeats wants each request that was one too many to belong to a delivery that
// was under way at a takeover: attempted, or on its way into a held queue when its
// owner died.
func (l *ledger) repeats() {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := map[string][]time.Time{}
	for _, q := range l.receiver.Requests() {
		sent[q.ID] = append(sent[q.ID], q.At)
	}
	for id, times := range sent {
		if len(times) <= l.failed[id]+1 || l.again[id] {
			continue
		}
		underWay := slices.ContainsFunc(times, func(at time.Time) bool {
			return slices.ContainsFunc(l.takeovers, func(over time.Time) bool {
				after := at.Sub(over)
				// at the takeover, or handed out again since the last that the old owner said of it
				return after > -1500*time.Millisecond && after < 500*time.Millisecond || after >= ackWait*2/3 && after < ackWait+2*time.Second
			})
		})
		if !underWay {
			l.t.Errorf("%s was attempted at %v, with %d failures; takeovers were at %v", id, times, l.failed[id], l.takeovers)
		}
	}
}

// delivered waits until so many deliveries are.
func (l *ledger) delivered(n int) {
	l.t.Helper()
	ended := map[schemas.DeliveryID]bool{}
	for len(ended) < n {
		select {
		case report := <-l.reports:
			if report.Outcome.Kind == schemas.Delivered {
				ended[report.Delivery.ID] = true
			}
		case <-time.After(10 * time.Minute):
			l.t.Fatalf("%d of %d deliveries ended", len(ended), n)
		}
	}
}

// Whatever endpoints do and owners suffer, every delivery ends, and each one that
// an owner took is released once.
func TestExpressLosesNothing(t *testing.T) {
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &ledger{
					rig: newRig(t), random: rand.New(rand.NewPCG(seed, 0)), dead: map[*owner]bool{},
					at: map[*schemas.Delivery]*owner{}, releases: map[schemas.DeliveryID]int{}, failed: map[string]int{}, again: map[string]bool{},
				}
				l.receiver.Script(l.answer)
				endpoints := []schemas.EndpointID{"ep_quick", "ep_slow", "ep_failing", "ep_pausing"}
				policy := schemas.Policy{Concurrency: 4, Retry: slices.Repeat([]schemas.Duration{schemas.Duration(time.Second)}, 30)}
				for _, e := range endpoints {
					l.endpoint(e, policy)
				}
				l.take()
				var ids []string
				var giving sync.WaitGroup
				for range 20 {
					for range 60 {
						if l.float() < 0.1 {
							<-time.After(l.upTo(time.Second))
						}
						e := endpoints[int(l.float()*4)]
						if l.float() < 0.2 {
							ids = append(ids, l.due(e, 1)...)
							continue
						}
						d := l.delivery(e, "")
						ids = append(ids, string(d.ID))
						giving.Go(func() { l.give(d) })
					}
					switch n := l.float(); {
					case n < 0.25:
						l.take()
					case n < 0.5:
						l.paused("ep_pausing", policy)
					default:
						l.endpoint("ep_pausing", policy)
					}
				}
				l.endpoint("ep_pausing", policy)
				l.take()
				giving.Wait()
				l.delivered(len(ids))
				<-time.After(2 * time.Minute)
				for id, n := range l.releases {
					if n != 1 {
						t.Errorf("%s was released %d times", id, n)
					}
				}
				if len(l.at) > 0 {
					t.Errorf("%d were never released", len(l.at))
				}
				l.repeats()
				newOffers(l.rig).clean(l.owner)
			})
		})
	}
}
