package processes

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/schemas"
)

// handOverEndpoints have work of every kind in hand when it changes hands.
var handOverEndpoints = map[string]planned{
	"ep_quick_a": {[]string{"order.created"}, fleetPolicy},
	"ep_quick_b": {[]string{"order.removed"}, fleetPolicy},
	"ep_quick_c": {[]string{"stock.created"}, fleetPolicy},
	"ep_quick_d": {[]string{"stock.removed"}, fleetPolicy},                                                            // these four express, where one process has the event and the endpoint
	"ep_failing": {fleetTypes, "{retry: [200ms, 500ms, 1s, 1s, 2s, 2s, 3s, 5s, 5s, 5s], breaker: off}"},               // retries wait
	"ep_hanging": {[]string{"order.removed"}, "{retry: [200ms, 500ms, 1s, 1s, 2s, 2s, 3s, 5s, 5s, 5s], timeout: 1s}"}, // express, and stored late
	"ep_slow":    {[]string{"order.created"}, "{retry: [1s, 1s, 1s], concurrency: 8}"},                                // held
	"ep_fifo":    {[]string{"stock.created"}, "{retry: [200ms, 200ms, 200ms, 1s, 1s, 1s], order: fifo, breaker: off}"},
}

// answerHandOver gives them the trouble that is named.
func answerHandOver(q request) int {
	switch share := rand.IntN(100); {
	case q.endpoint == "ep_slow":
		<-time.After(time.Duration(280+rand.IntN(40)) * time.Millisecond)
	case q.endpoint == "ep_hanging" && share < 3:
		<-time.After(1200 * time.Millisecond) // nobody hears the answer
		return http.StatusInternalServerError
	case q.endpoint == "ep_failing" && share < 20, q.endpoint == "ep_fifo" && share < 5:
		return http.StatusInternalServerError
	}
	return http.StatusNoContent
}

// TestHandOverUnderLoad has work change hands while events flow, endpoints fail,
// hang and are held, and some processes play all roles: one process more, one
// killed, one that leaves, and in the end each replaced in turn. Every event is
// taken everywhere, or the test fails.
func TestHandOverUnderLoad(t *testing.T) {
	t.Parallel() // it waits most of the time
	built, dir := build(t, "tidings", "nats-server"), t.TempDir()
	f := newFleet(t, handOverEndpoints, answerHandOver)
	f.pace = 50 * time.Millisecond
	url := f.server(built, dir)
	f.restart("nats")
	f.add("all-1", built, "--nats-url", url, "--config", f.file(dir)).running()
	f.add("all-2", built, "--nats-url", url).running()
	f.add("dispatcher-1", built, "--nats-url", url, "--roles", "dispatcher").running()
	f.connect(url)
	var stored atomic.Int64 // deliveries to the quick endpoints that are not express
	for id := range f.plan {
		if !strings.HasPrefix(id, "ep_quick") {
			continue
		}
		if _, err := f.nc.Subscribe(fleetLayout.ReadySubject(schemas.EndpointID(id)), func(*nats.Msg) { stored.Add(1) }); err != nil {
			t.Fatal(err)
		}
	}
	over := make(chan struct{})
	var (
		wg     sync.WaitGroup
		events int
		want   map[ledgerKey]bool
	)
	began := time.Now()
	wg.Go(func() { events, want = f.publish(over, 1000) })
	replace := func(name string, end func(string)) {
		<-time.After(moment)
		end(name)
		<-time.After(moment)
		f.restart(name)
	}
	kill := func(name string) { f.processes[name].kill() }
	<-time.After(moment)
	f.add("dispatcher-2", built, "--nats-url", url, "--roles", "dispatcher").running()
	replace("dispatcher-1", kill)
	replace("all-1", kill)
	<-time.After(streams.MemberTTL) // the dead are missed
	replace("all-2", f.leave)
	for _, name := range []string{"all-1", "dispatcher-1", "all-2", "dispatcher-2"} {
		replace(name, f.leave)
	}
	last := time.Now()
	close(over)
	wg.Wait()
	f.drained()
	recovery := time.Since(last)

	quick := 0
	for key := range want {
		if strings.HasPrefix(key.endpoint, "ep_quick") {
			quick++
		}
	}
	a := f.account(events, want)
	t.Logf("%d events accepted; %d deliveries: %d taken (%d of them more than once), %d dead, %d lost; all done %s after the last start",
		events, len(want), a.taken, a.doubled, a.dead, a.lost, recovery.Round(100*time.Millisecond))
	for id := range f.plan {
		t.Logf("%s: nothing came for %s at most while events were published", id, f.gap(id, began, last).Round(10*time.Millisecond))
	}
	if a.taken != len(want) {
		t.Errorf("%d of %d were taken", a.taken, len(want))
	}
	switch n := int(stored.Load()); {
	case n == 0:
		t.Errorf("none of %d deliveries to quick endpoints were stored: want some that are not express", quick)
	case n >= quick: // how many are express follows from how busy the machine is
		t.Logf("%d were stored of %d deliveries to quick endpoints: this run shows nothing of express ones", n, quick)
	}
	for _, id := range []string{"ep_slow", "ep_fifo"} {
		if !f.held()[id] {
			t.Errorf("%s was never held", id)
		}
	}
	f.inOrder("ep_fifo", 1)
	f.stop()
}

// gap is the longest time in which no request came for an endpoint.
func (f *fleet) gap(endpoint string, from, to time.Time) (longest time.Duration) {
	f.receiver.mu.Lock()
	defer f.receiver.mu.Unlock()
	for _, q := range f.receiver.requests {
		if q.endpoint == endpoint && q.at.Before(to) {
			longest, from = max(longest, q.at.Sub(from)), q.at
		}
	}
	return max(longest, to.Sub(from))
}
