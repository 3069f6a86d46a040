package processes

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// upgradeFrom is the version that a fleet comes from.
var upgradeFrom = flag.String("upgrade.from", "", "commit that TestUpgrade comes from: by default the last tag, or the commit before this one if there is none")

// buildBefore builds tidings as it was.
func buildBefore(t *testing.T) (program, version string) {
	t.Helper()
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), "git", args...).Output()
		return strings.TrimSpace(string(out)), err
	}
	version = *upgradeFrom
	if version == "" {
		version, _ = git("describe", "--tags", "--abbrev=0", "HEAD^")
	}
	if version == "" {
		version = "HEAD^"
	}
	commit, err := git("rev-parse", "--verify", version+"^{commit}")
	if err != nil {
		t.Skipf("needs the history of the repository: git knows no %s", version)
	}
	root, err := git("rev-parse", "--show-toplevel")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	source := exec.CommandContext(t.Context(), "git", "-C", root, "archive", "--format", "tar", commit)
	unpack := exec.CommandContext(t.Context(), "tar", "-x", "-C", dir)
	var archive bytes.Buffer
	source.Stdout, unpack.Stdin = &archive, &archive
	for _, c := range []*exec.Cmd{source, unpack} {
		if err := c.Run(); err != nil {
			t.Fatalf("%s: %v", c, err)
		}
	}
	program = filepath.Join(dir, "tidings-before")
	c := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/tidings")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", version, err, out)
	}
	return program, commit[:12]
}

// TestUpgrade replaces each process of a fleet of the version before by one of this
// version, and then each of these by one of the version before, while events flow and
// receivers fail. Each event is taken everywhere.
func TestUpgrade(t *testing.T) {
	t.Parallel() // it waits most of the time
	built, dir := build(t, "tidings", "nats-server"), t.TempDir()
	before, version := buildBefore(t)
	f := newFleet(t, map[string]planned{
		"ep_well":    {fleetTypes, fleetPolicy},
		"ep_failing": {fleetTypes[:2], "{retry: [200ms, 500ms, 1s, 1s, 2s, 2s, 3s, 5s, 5s, 5s], breaker: off}"},
		"ep_slow":    {fleetTypes[2:3], "{retry: [1s, 1s, 1s], concurrency: 4}"},
		"ep_fifo":    {fleetTypes[3:], "{retry: [200ms, 200ms, 200ms, 1s, 1s, 1s], order: fifo, breaker: off}"},
	}, func(q request) int {
		switch share := rand.IntN(100); {
		case q.endpoint == "ep_slow":
			<-time.After(200 * time.Millisecond)
		case q.endpoint == "ep_failing" && share < 20, q.endpoint == "ep_fifo" && share < 5:
			return http.StatusInternalServerError
		}
		return http.StatusNoContent
	})
	f.pace = 50 * time.Millisecond
	url := f.server(built, dir)
	f.restart("nats")
	old := programs{"tidings": before}
	f.add("api", old, "--nats-url", url, "--roles", "api", "--config", f.file(dir)).running()
	names := []string{"fanout-1", "dispatcher-1", "fanout-2", "dispatcher-2"}
	for _, name := range names {
		role, _, _ := strings.Cut(name, "-")
		f.add(name, old, "--nats-url", url, "--roles", role).running()
	}
	f.connect(url)
	over := make(chan struct{})
	var (
		wg     sync.WaitGroup
		events int
		want   map[ledgerKey]bool
	)
	wg.Go(func() { events, want = f.publish(over, 1000) })
	for _, to := range []string{built["tidings"], before} {
		for _, name := range append([]string{"api"}, names...) {
			<-time.After(moment)
			f.leave(name)
			f.processes[name].args[0] = to
			f.restart(name)
		}
		<-time.After(2 * time.Second)
	}
	close(over)
	wg.Wait()
	f.drained()
	a := f.account(events, want)
	t.Logf("from %s to this version and back: %d events accepted; %d deliveries: %d taken (%d of them more than once), %d dead, %d lost",
		version, events, len(want), a.taken, a.doubled, a.dead, a.lost)
	if a.taken != len(want) {
		t.Errorf("%d of %d were taken", a.taken, len(want))
	}
	f.inOrder("ep_fifo", 1)
	f.stop()
}
