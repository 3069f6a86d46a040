package processes

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas/fault"
)

const (
	// early is how many events are done with before the receiver turns rough;
	// late is how many are published from then on.
	early, late = 20, 80
	// settling is how long JetStream may take to write down what was
	// acknowledged: it does so ten times a second.
	settling = 500 * time.Millisecond
	// mortalToken is the administrator's.
	mortalToken = "tidings_of_one_that_is_to_die"
)

// mortalEndpoints are those that deaths name, and their policies.
var mortalEndpoints = map[string]string{
	"ep_well":    "{retry: [300ms, 300ms]}",
	"ep_failing": "{retry: [300ms, 300ms, 300ms, 300ms], breaker: off}",
	"ep_dying":   "{retry: [300ms], breaker: off}",
	"ep_slow":    "{retry: [300ms, 300ms], concurrency: 4}",
	"ep_sick":    "{retry: [300ms, 300ms, 300ms, 300ms], concurrency: 4, breaker: off}",
	"ep_hanging": "{retry: [300ms, 300ms]}",
	"ep_fifo":    "{retry: [300ms, 300ms, 300ms], order: fifo, breaker: off}",
	"ep_keyed":   "{retry: [300ms, 300ms, 300ms], order: fifo, order_key: partitionkey, breaker: off}",

	"ep_pulled":       "{retry: [300ms, 300ms, 300ms, 300ms]}",
	"ep_pulled_dying": "{retry: [300ms]}",
	"ep_pulled_fifo":  "{retry: [300ms, 300ms, 300ms], order: fifo}",
}

// mortal is a fleet of which one process dies.
type mortal struct {
	death
	*fleet
	url   string      // of the broker
	http  string      // address of the API
	one   *process    // the one that dies
	died  time.Time   // zero before
	rough atomic.Bool // the receiver gives trouble
}

// newMortal makes one of which nothing runs yet. What it is made of ends with t.
func newMortal(t *testing.T, built programs, d death) *mortal {
	t.Helper()
	m, dir, plan := &mortal{death: d}, t.TempDir(), map[string]planned{}
	for _, id := range d.endpoints {
		plan[id] = planned{[]string{"order.created"}, mortalEndpoints[id]}
	}
	m.fleet, m.http = newFleet(t, plan, m.answer), freeAddress(t)
	programs := programs{"tidings": built["tidings-faults"], "nats-server": built["nats-server"]}
	if d.alone == "" {
		broker := freeAddress(t)
		m.url = "nats://" + broker
		m.one = m.add("all", programs, "--data-dir", filepath.Join(dir, "data"), "--nats-listen", broker, "--http-addr", m.http, "--config", m.file(dir))
		m.one.env = append(m.one.env, "TIDINGS_ADMIN_TOKEN="+mortalToken)
		t.Cleanup(m.pullAll(caller{t, "http://" + m.http, mortalToken}, 1)) // so that each hand-out is a pass of its own
		return m
	}
	m.url = m.server(programs, dir)
	m.one = m.add("api", programs, "--roles", "api", "--nats-url", m.url, "--http-addr", m.http, "--config", m.file(dir))
	m.one.env = append(m.one.env, "TIDINGS_ADMIN_TOKEN="+mortalToken)
	t.Cleanup(m.pullAll(caller{t, "http://" + m.http, mortalToken}, 1))
	for _, role := range []string{"fanout", "dispatcher"} {
		if !strings.Contains(d.alone, role) {
			m.add(role, programs, "--roles", role, "--nats-url", m.url)
		}
	}
	if d.alone != "api" {
		m.one = m.add(d.alone, programs, "--roles", d.alone, "--nats-url", m.url)
	}
	return m
}

// in makes t the test that waits for the processes and complains.
func (m *mortal) in(t *testing.T) {
	m.t, m.receiver.t = t, t
	for _, p := range m.processes {
		p.t = t
	}
}

// answer gives each endpoint the trouble that it is named after.
func (m *mortal) answer(q request) int {
	if !m.rough.Load() {
		return http.StatusNoContent
	}
	fails := false
	switch q.endpoint {
	case "ep_failing", "ep_pulled":
		fails = q.nth <= 2
	case "ep_dying", "ep_pulled_dying":
		fails = true
	case "ep_slow":
		<-time.After(400 * time.Millisecond)
	case "ep_sick":
		<-time.After(400 * time.Millisecond)
		fails = q.nth == 1
	case "ep_hanging":
		if q.nth == 1 {
			<-time.After(time.Second)
		}
	case "ep_fifo", "ep_keyed", "ep_pulled_fifo":
		fails = q.nth == 1 && number(q.event)%5 == 0
	}
	if fails {
		return http.StatusInternalServerError
	}
	return http.StatusNoContent
}

// die runs the fleet until the process is dead, and the process once more.
func (m *mortal) die() {
	peaceful := m.one.env
	m.one.env = append(slices.Clone(peaceful), fmt.Sprintf("TIDINGS_FAULT=%s:%d", m.point, m.pass))
	for _, name := range []string{"nats", "api", "fanout", "dispatcher"} {
		if m.processes[name] != nil { // the api first: it makes the streams
			m.restart(name)
		}
	}
	if m.one.life == nil {
		m.one.running()
	}
	m.connect(m.url)
	m.feed(m.t.Context(), 0, early)
	m.drained()
	<-time.After(settling)

	ctx, cancel := context.WithCancel(m.t.Context())
	var feeding sync.WaitGroup
	defer feeding.Wait()
	defer cancel()
	m.rough.Store(true)
	feeding.Go(func() { m.feed(ctx, early, early+late) })
	select {
	case <-m.one.life.ended:
	case <-time.After(waitLimit):
		m.t.Fatalf("it still lives after %s: it has not passed %s %d times", waitLimit, m.point, m.pass)
	}
	if said := m.one.said(); m.one.life.code != -1 || !strings.Contains(said, "fault: "+string(m.point)+"\n") {
		m.t.Fatalf("it died of something else, with exit code %d", m.one.life.code)
	}
	m.one.env = peaceful
	m.one.running()
	feeding.Wait()
	m.died = time.Now()
}

// feed publishes events with these numbers, each once the one before is stored.
func (m *mortal) feed(ctx context.Context, from, to int) {
	for n := from; n < to; n++ {
		for err := m.put(ctx, n); err != nil; err = m.put(ctx, n) { // until it is stored
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return
			}
		}
	}
}

// put publishes an event: over HTTP if that is where the process dies.
func (m *mortal) put(ctx context.Context, n int) error {
	e := typedEvent(fmt.Sprintf("e%d", n), "order.created")
	e.SetSource("/test")
	e.SetExtension("partitionkey", strconv.Itoa(n%4))
	if m.point != fault.IngestStored {
		_, err := m.pub.Publish(ctx, e)
		return err
	}
	body, err := e.MarshalJSON()
	if err != nil {
		return err
	}
	url := fmt.Sprintf("http://%s/v1/tenants/%s/events", m.http, testTenant)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+mortalToken)
	r.Header.Set("Content-Type", "application/cloudevents+json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // nothing is read
	if response.StatusCode != http.StatusAccepted {
		return fmt.Errorf("answered %s", response.Status)
	}
	return nil
}

// liveOn waits until nothing is left to do, and wants every delivery accounted for.
func (m *mortal) liveOn() {
	m.connect(m.url)
	m.drained()
	took := time.Since(m.died)
	want := map[ledgerKey]bool{}
	for n := range early + late {
		for _, id := range m.endpoints {
			want[ledgerKey{id, fmt.Sprintf("e%d", n)}] = true
		}
	}
	a := m.account(early+late, want)
	m.t.Logf("%d deliveries: %d taken (%d of them more than once), %d dead, %d lost; all done %s after the restart",
		len(want), a.taken, a.doubled, a.dead, a.lost, took.Round(100*time.Millisecond))
	if m.repeats && a.doubled == 0 {
		m.t.Error("no delivery came again: the process had acknowledged what it should have died before")
	}
	m.repeatsLittle()
	m.inOrder("ep_fifo", 1)
	m.inOrder("ep_keyed", 4)
	m.inOrder("ep_pulled_fifo", 1)
	m.stop()
}

// repeatsLittle wants nothing repeated that was done with before the trouble
// began. Anything else may be taken three times: a delivery may be under way when
// the process dies, and lie both where it came from and where it was moved to.
func (m *mortal) repeatsLittle() {
	m.receiver.mu.Lock()
	defer m.receiver.mu.Unlock()
	for key, s := range m.receiver.seen {
		most := 3
		if number(key.event) < early {
			most = 1
		}
		if s.taken > most {
			m.t.Errorf("%v was taken %d times, want at most %d", key, s.taken, most)
		}
	}
}
