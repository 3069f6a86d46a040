package processes

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// moment is how long a process stays away, and how long it then works before
// the next is hit.
const moment = 300 * time.Millisecond

// TestKilledProcessesLoseNothing kills every process of a fleet, the NATS
// server among them, again and again while events flow. In the end each event
// that a publisher knows as stored was taken at every endpoint that it matches,
// or lies in DEAD with its reason, and all its requests there bore one
// webhook-id.
func TestKilledProcessesLoseNothing(t *testing.T) {
	f := startFleet(t, func(q request) int {
		<-time.After(time.Duration(rand.IntN(50)) * time.Millisecond)
		if share := rand.IntN(100); share < 3 || share < 25 && q.endpoint == "ep_strict" {
			return http.StatusInternalServerError
		}
		return http.StatusNoContent
	})
	killed := make(chan struct{})
	var (
		wg     sync.WaitGroup
		events int
		want   map[ledgerKey]bool
	)
	wg.Go(func() { events, want = f.publish(killed, 4000) })
	kills := 0
	for _, victims := range [][]string{
		{"fanout-1", "dispatcher-1", "api", "nats"},
		{"fanout-2", "dispatcher-2", "nats", "api"},
	} {
		for _, name := range victims {
			<-time.After(moment)
			f.processes[name].kill()
			<-time.After(moment)
			f.restart(name)
			kills++
		}
		f.receiver.close() // for a moment nobody listens
		<-time.After(moment)
		f.receiver.open()
	}
	last := time.Now()
	close(killed)
	wg.Wait()
	f.drained()
	recovery := time.Since(last)

	a := f.account(events, want)
	t.Logf("%d events accepted; %d deliveries: %d taken (%d of them more than once), %d dead, %d lost; %d kills, all done %s after the last",
		events, len(want), a.taken, a.doubled, a.dead, a.lost, kills, recovery.Round(100*time.Millisecond))
	if a.dead == 0 {
		t.Error("none died: the receiver that fails shows nothing")
	}
	f.stop()
}

// account is what became of the deliveries.
type account struct{ taken, doubled, dead, lost, unlogged int }

// account holds what the receiver and DEAD have against what was wanted.
func (f *fleet) account(events int, want map[ledgerKey]bool) (a account) {
	f.t.Helper()
	if n, err := f.messages(schemas.StreamEvents); err != nil || n != events {
		f.t.Errorf("EVENTS holds %d events, %v; want each of %d once", n, err, events)
	}
	dead := f.deadLetters()
	for key, reason := range dead {
		if !slices.Contains([]schemas.Reason{schemas.ReasonExhausted, schemas.ReasonNotRetried}, reason) {
			f.t.Errorf("%v died of %s", key, reason)
		}
	}
	f.receiver.mu.Lock()
	defer f.receiver.mu.Unlock()
	for key := range want {
		s := f.receiver.seen[key]
		switch _, died := dead[key]; {
		case s != nil && s.taken > 0:
			a.taken++
			if s.taken > 1 {
				a.doubled++
			}
		case died:
			a.dead++
		default:
			a.lost++
			if a.lost <= 5 {
				f.t.Errorf("%v is neither taken nor dead", key)
			}
		}
	}
	for key, s := range f.receiver.seen {
		if len(s.ids) != 1 {
			f.t.Errorf("%v came under %d webhook-ids: %v", key, len(s.ids), s.ids)
		}
		if !want[key] {
			f.t.Errorf("%v came, and was not matched", key)
		}
	}
	if a.lost > 0 {
		f.t.Errorf("%d deliveries are lost of %d", a.lost, len(want))
	}
	return a
}

// held are the endpoints of which a dispatcher said that it holds them.
func (f *fleet) held() map[string]bool {
	held := map[string]bool{}
	for _, p := range f.processes {
		for line := range strings.Lines(p.said()) {
			if strings.Contains(line, `msg="endpoint held"`) {
				held[field(line, "endpoint")] = true
			}
		}
	}
	return held
}

// TestRolesShareOneServer ends each process of a fleet in peace while events
// flow, and starts it again. The others take its work over, and no event comes
// twice anywhere. But where a busy machine was so slow that an endpoint was
// held, what was under way from its held queue at a hand-over may come twice:
// who takes it over reads the queue before the other has purged it.
func TestRolesShareOneServer(t *testing.T) {
	var underWay atomic.Int64
	f := startFleet(t, func(request) int {
		underWay.Add(1)
		defer underWay.Add(-1)
		<-time.After(time.Duration(10+rand.IntN(60)) * time.Millisecond)
		return http.StatusNoContent
	})
	ended := make(chan struct{})
	var (
		wg     sync.WaitGroup
		events int
		want   map[ledgerKey]bool
	)
	wg.Go(func() { events, want = f.publish(ended, 1000) })
	for _, name := range []string{"dispatcher-1", "fanout-1", "api", "fanout-2", "dispatcher-2"} {
		<-time.After(moment)
		f.leave(name)
		<-time.After(moment)
		f.restart(name)
	}
	last := time.Now()
	close(ended)
	wg.Wait()
	f.drained()
	recovery := time.Since(last)
	a := f.account(events, want)
	t.Logf("%d events accepted; %d deliveries: %d taken (%d of them more than once), %d dead, %d lost; all done %s after the last start",
		events, len(want), a.taken, a.doubled, a.dead, a.lost, recovery.Round(100*time.Millisecond))
	if a.taken != len(want) {
		t.Errorf("%d of %d were taken", a.taken, len(want))
	}
	held := f.held()
	for key, s := range f.receiver.seen {
		if s.taken > 1 && !held[key.endpoint] {
			t.Errorf("%v was taken %d times, and its endpoint was never held", key, s.taken)
		}
	}
	f.stop()
	if n := underWay.Load(); n != 0 {
		t.Errorf("%d requests are under way and nobody is there to hear the answer", n)
	}
}
