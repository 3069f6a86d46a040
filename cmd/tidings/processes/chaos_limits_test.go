//go:build unix

package processes

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// smallStore and largeStore are what JetStream may store in all, in MiB.
	smallStore, largeStore = 12, 2000
	// bulk is how many bytes of data an event has that fills them.
	bulk = 8 << 10
	// quiet is how long a full pipe is watched for being busy about nothing, and
	// quietLines what each process may say meanwhile: some lines of each message
	// that repeats.
	quiet, quietLines = 15 * time.Second, 500
)

// TestFullJetStream fills all that JetStream may store in a fleet, while nobody
// takes deliveries: EVENTS, the deliveries and the registry have no room all at
// once. Publishers and the API are told so; with room again everything that was
// accepted is delivered. Then EVENTS alone is full: what it has is delivered all the
// same.
func TestFullJetStream(t *testing.T) {
	t.Parallel() // it waits most of the time
	built, dir := build(t, "tidings", "nats-server"), t.TempDir()
	f := newFleet(t, fleetEndpoints, nil)
	url, address := f.server(built, dir), freeAddress(t)
	f.storeAtMost(dir, url, smallStore)
	f.restart("nats")
	c := &chaos{fleet: f, url: url, api: caller{t, "http://" + address, chaosToken}}
	c.rooms = []room{{name: "api"}, {name: "fanout-1", fanout: true}, {name: "dispatcher-1", dispatcher: true}}
	api := f.add("api", built, "--roles", "api", "--http-addr", address, "--config", f.file(dir), "--nats-url", url)
	api.env = append(api.env, "TIDINGS_ADMIN_TOKEN="+chaosToken)
	api.running()
	f.add("fanout-1", built, "--roles", "fanout", "--nats-url", url).running()
	f.add("dispatcher-1", built, "--roles", "dispatcher", "--nats-url", url).running()
	f.connect(url)

	f.receiver.close()
	want, n := map[ledgerKey]bool{}, 0
	for refused := 0; refused < 3; { // one may be late
		if c.offers(n, bulk, want) {
			n, refused = n+1, 0
		} else {
			refused++
		}
	}
	if n < 10 {
		t.Fatalf("full after %d events", n)
	}
	c.refusesAsFull()
	if err := c.api.post(t.Context(), "/v1/tenants", "application/json", []byte(`{"id":"another"}`)); err == nil || !strings.Contains(err.Error(), "507") {
		t.Errorf("the API is told of a change that cannot be stored: %v", err)
	}
	c.isQuiet()
	f.receiver.open()
	<-time.After(calm) // what is taken makes no room: EVENTS keeps its events
	c.allLive()
	f.leaveServer()
	f.storeAtMost(dir, url, largeStore)
	f.restart("nats")
	for !c.offers(n, 0, want) {
		<-time.After(moment)
	}
	n++
	c.drained(chaosLimit)

	f.limitEvents(1)
	c.refusesAsFull()
	c.drained(chaosLimit)
	f.limitEvents(-1)
	for !c.offers(n, 0, want) {
		<-time.After(moment)
	}
	n++
	c.drained(chaosLimit)
	c.allLive()
	a := f.account(n, want)
	t.Logf("%d events accepted; %d deliveries: %d taken (%d of them more than once), %d dead, %d lost", n, len(want), a.taken, a.doubled, a.dead, a.lost)
	if a.doubled > 0 {
		t.Errorf("%d came again, and nobody died", a.doubled)
	}
	f.stop()
}

// offers publishes an event of so many bytes, and reports whether it was accepted.
// If it was, its deliveries are wanted.
func (c *chaos) offers(n, size int, want map[ledgerKey]bool) bool {
	c.t.Helper()
	e := typedEvent(fmt.Sprintf("e%d", n), chaosType(n))
	if err := e.SetData(event.ApplicationJSON, map[string]string{"id": e.ID(), "text": strings.Repeat("x", size)}); err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Second)
	defer cancel()
	if err := c.putNATS(ctx, e); err != nil {
		if !schemas.HasCode(err, schemas.CodeFull) && !errors.Is(err, context.DeadlineExceeded) {
			c.t.Fatalf("publish: %v", err)
		}
		return false
	}
	for endpoint, p := range c.plan {
		for _, eventType := range p.types {
			if eventType == e.Type() {
				want[ledgerKey{endpoint, e.ID()}] = true
			}
		}
	}
	return true
}

// isQuiet wants the processes to wait for room rather than to ask for it all the
// time.
func (c *chaos) isQuiet() {
	c.t.Helper()
	before := map[string]int{}
	for _, r := range c.rooms {
		before[r.name] = strings.Count(c.processes[r.name].said(), "\n")
	}
	<-time.After(quiet)
	for _, r := range c.rooms {
		lines := strings.Count(c.processes[r.name].said(), "\n") - before[r.name]
		c.t.Logf("%s says %d lines in %s while the storage is full", r.name, lines, quiet)
		if lines > quietLines {
			c.t.Errorf("%s says %d lines in %s while the storage is full, want at most %d", r.name, lines, quiet, quietLines)
		}
	}
}

// storeAtMost sets how much JetStream may store from the server's next start on.
func (f *fleet) storeAtMost(dir, url string, mebibytes int) {
	f.t.Helper()
	writeFile(f.t, filepath.Join(dir, "nats.conf"), fmt.Sprintf("listen: %q\nmax_payload: 2MB\njetstream { store_dir: %q, max_file_store: %dMB }\n",
		strings.TrimPrefix(url, "nats://"), dir, mebibytes))
}

func (f *fleet) leaveServer() {
	f.t.Helper()
	f.processes["nats"].terminate()
}

// limitEvents sets how many bytes EVENTS may have; -1 is no limit.
func (f *fleet) limitEvents(bytes int64) {
	f.t.Helper()
	s, err := f.js.Stream(f.t.Context(), schemas.StreamEvents)
	if err != nil {
		f.t.Fatal(err)
	}
	config := s.CachedInfo().Config
	config.MaxBytes = bytes
	if _, err := f.js.UpdateStream(f.t.Context(), config); err != nil {
		f.t.Fatal(err)
	}
}
