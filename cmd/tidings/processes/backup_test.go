package processes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// savedEndpoints have deliveries of every kind in every stream while they are saved.
var savedEndpoints = map[string]planned{
	"ep_well":    {fleetTypes, fleetPolicy},
	"ep_failing": {fleetTypes, "{retry: [200ms, 500ms, 500ms, 500ms, 1s, 1s, 1s, 1s], breaker: off}"}, // retries wait
	"ep_slow":    {fleetTypes[:2], "{retry: [1s, 1s, 1s], concurrency: 8}"},                           // held
	"ep_fifo":    {fleetTypes[2:3], "{retry: [200ms, 200ms, 200ms, 1s, 1s, 1s], order: fifo, breaker: off}"},
	"ep_strict":  {fleetTypes[3:], "{retry: [100ms]}"}, // dies
	"ep_pulled":  {fleetTypes[1:3], "{retry: [200ms, 200ms, 200ms, 200ms, 200ms, 200ms, 200ms, 200ms, 1s, 1s]}"},
}

func answerSaved(q request) int {
	switch share := rand.IntN(100); {
	case q.endpoint == "ep_slow":
		<-time.After(30 * time.Millisecond)
	case q.endpoint == "ep_failing" && share < 20, q.endpoint == "ep_fifo" && share < 5, q.endpoint == "ep_strict" && share < 25, q.endpoint == "ep_pulled" && share < 25:
		return http.StatusInternalServerError
	}
	return http.StatusNoContent
}

const publishersOfSaved = 4

// accepted are the events that were stored, as publishers were told, in this order.
type accepted struct {
	mu  sync.Mutex // guards ids
	ids []string
}

func (a *accepted) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.ids)
}

// publish publishes events of its own until over. What fails is tried no more.
func (a *accepted) publish(ctx context.Context, f *fleet, n int, over <-chan struct{}) {
	for ; ; n += publishersOfSaved {
		select {
		case <-over:
			return
		case <-time.After(2 * time.Millisecond):
		}
		e := typedEvent(fmt.Sprintf("e%d", n), fleetTypes[n%len(fleetTypes)])
		if _, err := f.pub.Publish(ctx, e); err != nil {
			continue
		}
		a.mu.Lock()
		a.ids = append(a.ids, e.ID())
		a.mu.Unlock()
	}
}

// wreck is a pipe that is saved while it runs.
type wreck struct {
	*fleet
	*shell
	built    programs
	flags    []string
	accepted accepted
}

// beginWreck runs the pipe in one process, with a load.
func beginWreck(t *testing.T) (d *wreck, stop func()) {
	t.Helper()
	built := build(t, "tidings")
	dir := t.TempDir()
	d = &wreck{fleet: newFleet(t, savedEndpoints, answerSaved), built: built}
	d.file(dir)
	for _, name := range []string{"backups", "elsewhere"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	broker, address := freeAddress(t), freeAddress(t)
	d.flags = []string{"--nats-listen", broker, "--http-addr", address, "--egress-allow", "127.0.0.0/8", "--partitions", "8", "--shards", "2", "--grace", "5s"}
	d.shell = &shell{t: t, dir: dir, env: []string{"PATH=" + filepath.Dir(built["tidings"]) + ":" + os.Getenv("PATH"), "TIDINGS_NATS_URL=nats://" + broker}, instead: strings.NewReplacer()} //nolint:forbidigo // what the shell needs
	d.begin("data")
	d.connect("nats://" + broker)
	over := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range publishersOfSaved {
		all.Go(func() { d.accepted.publish(ctx, d.fleet, i, over) })
	}
	stopPulling := d.pullAll(caller{t, "http://" + address, chaosToken}, 20)
	t.Cleanup(stopPulling)
	var once sync.Once
	stop = func() {
		once.Do(func() { close(over); cancel() })
		all.Wait()
	}
	t.Cleanup(stop)
	return d, stop
}

// begin runs the pipe on a data directory.
func (d *wreck) begin(data string) *process {
	d.shell.t.Helper()
	p := newProcess(d.shell.t, data, append([]string{d.built["tidings"], "run", "--data-dir", data, "--config", "tidings.yaml"}, d.flags...)...)
	p.dir, p.env = d.dir, []string{"TIDINGS_ADMIN_TOKEN=" + chaosToken}
	d.processes["all"] = p
	return p.running()
}

// reach waits until so many events are accepted.
func (d *wreck) reach(n int) {
	d.shell.t.Helper()
	for end := time.Now().Add(waitLimit); d.accepted.count() < n; <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			d.shell.t.Fatalf("%d events are accepted, want %d", d.accepted.count(), n)
		}
	}
}

// TestBackupOfARunningPipe saves a pipe while it runs, as deploy/disaster.md shows, has
// all of it die, and begins anew from the backup on another place. What was accepted
// before the backup began is taken or dead. The next one is kept in a folder in peace.
func TestBackupOfARunningPipe(t *testing.T) {
	t.Parallel() // it waits most of the time
	need(t, "tar", "cp")
	d, stop := beginWreck(t)
	d.reach(800)
	before, began := d.accepted.count(), time.Now()
	for _, command := range toRun(t, "deploy/disaster.md", "Backup") {
		d.run(command)
	}
	during, took := d.accepted.count(), time.Since(began).Round(time.Millisecond)
	d.reach(during + 100)
	d.processes["all"].kill()
	stop()
	if err := os.RemoveAll(filepath.Join(d.dir, "data")); err != nil {
		t.Fatal(err)
	}
	d.follow("Restore")
	d.drained()
	lost, doubled := d.missing(d.accepted.ids)
	firstLost := slices.IndexFunc(d.accepted.ids, func(id string) bool { return lost[id] > 0 })
	t.Logf("%s: %d events were accepted before the backup began, %d until it ended, %d until the crash: %d of their deliveries are lost, the first of event %d; %d came more than once",
		took, before, during, d.accepted.count(), total(lost), firstLost, doubled)
	for _, id := range d.accepted.ids[:before] {
		if lost[id] > 0 {
			t.Errorf("%s was accepted before the backup began: %d of its deliveries are neither taken nor dead", id, lost[id])
		}
	}
	if total(lost) == 0 || doubled == 0 {
		t.Errorf("%d deliveries are lost and %d doubled: the crash shows nothing", total(lost), doubled)
	}
	d.signs()
	d.goesOn("e-new")

	if code := d.processes["all"].terminate(); code != 0 {
		t.Errorf("it exits with %d", code)
	}
	if err := os.Rename(filepath.Join(d.dir, "new"), filepath.Join(d.dir, "data")); err != nil {
		t.Fatal(err)
	}
	d.follow("Moving a machine")
	d.goesOn("e-moved")
}

// follow does what a section of deploy/disaster.md shows.
func (d *wreck) follow(section string) {
	d.shell.t.Helper()
	for _, command := range toRun(d.shell.t, "deploy/disaster.md", section) {
		args := strings.Fields(command)
		if !strings.HasPrefix(command, "tidings run ") {
			d.run(command)
			continue
		}
		d.begin(args[slices.Index(args, "--data-dir")+1])
	}
}

// missing are the deliveries that are neither taken nor dead, by event.
func (d *wreck) missing(ids []string) (lost map[string]int, doubled int) {
	d.shell.t.Helper()
	dead := d.deadLetters()
	d.receiver.mu.Lock()
	defer d.receiver.mu.Unlock()
	lost = map[string]int{}
	for _, id := range ids {
		kind := fleetTypes[number(id)%len(fleetTypes)]
		for endpoint, p := range d.plan {
			if !slices.Contains(p.types, kind) {
				continue
			}
			key := ledgerKey{endpoint, id}
			s := d.receiver.seen[key]
			if taken := s != nil && s.taken > 0; !taken && dead[key] == "" {
				lost[id]++
			} else if taken && s.taken > 1 {
				doubled++
			}
		}
	}
	for key, s := range d.receiver.seen {
		if len(s.ids) != 1 {
			d.shell.t.Errorf("%v came under %d webhook-ids: %v", key, len(s.ids), s.ids)
		}
	}
	return lost, doubled
}

func total(of map[string]int) (n int) {
	for _, count := range of {
		n += count
	}
	return n
}

// goesOn wants a new event taken, whose signature is right.
func (d *wreck) goesOn(id string) {
	d.shell.t.Helper()
	if _, err := d.pub.Publish(d.shell.t.Context(), typedEvent(id, fleetTypes[0])); err != nil {
		d.shell.t.Fatal(err)
	}
	key := ledgerKey{"ep_well", id}
	for end := time.Now().Add(waitLimit); ; <-time.After(10 * time.Millisecond) {
		d.receiver.mu.Lock()
		s := d.receiver.seen[key]
		header, body := d.receiver.headers[key.event], d.receiver.bodies[key.event]
		done := s != nil && s.taken == 1 && header != nil
		d.receiver.mu.Unlock()
		if done {
			d.verify(header, body)
			return
		}
		if time.Now().After(end) {
			d.shell.t.Fatalf("%s was not taken", key.event)
		}
	}
}

// signs wants all that came last signed with the secret.
func (d *wreck) signs() {
	d.shell.t.Helper()
	d.receiver.mu.Lock()
	defer d.receiver.mu.Unlock()
	for event, header := range d.receiver.headers {
		d.verify(header, d.receiver.bodies[event])
	}
}

func (d *wreck) verify(header http.Header, body []byte) {
	d.shell.t.Helper()
	official, err := standardwebhooks.NewWebhook(testSecret)
	if err != nil {
		d.shell.t.Fatal(err)
	}
	if err := official.VerifyIgnoringTimestamp(body, header); err != nil {
		d.shell.t.Errorf("the official library refuses %s: %v", body, err)
	}
}
