//go:build unix

package processes

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// jumpVariable tells a program whose clock jumps when and by how much, both in
// seconds: "3600@1767323045" is an hour forward at that time of the real clock.
const jumpVariable = "TIDINGS_TEST_CLOCK_JUMP"

// clockSource is added to Go's package time, and clockPatch to its Now. The
// monotonic clock goes on as before.
const (
	clockSource = `package time

import "syscall"

var jumpBy, jumpAt = jump()

func jump() (by, at int64) {
	value, _ := syscall.Getenv("` + jumpVariable + `")
	for i := range value {
		if value[i] == '@' {
			b, _ := atoi(value[:i])
			a, _ := atoi(value[i+1:])
			return int64(b), int64(a)
		}
	}
	return 0, 0
}
`
	clockAnchor = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	clockPatch  = clockAnchor + "\tif jumpAt != 0 && sec >= jumpAt {\n\t\tsec += jumpBy\n\t}\n"
)

// buildWithClocks builds the programs with clocks that can jump.
func buildWithClocks(t *testing.T, names ...string) programs {
	t.Helper()
	if testing.Short() {
		t.Skip("builds Go's library anew, and runs processes for a minute")
	}
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	library, dir := filepath.Join(strings.TrimSpace(string(root)), "src", "time"), t.TempDir()
	source, err := os.ReadFile(filepath.Join(library, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(source), clockAnchor) != 1 {
		t.Fatalf("this Go's time.Now is not the one that the test can change: it looks for\n%s", clockAnchor)
	}
	writeFile(t, filepath.Join(dir, "time.go"), strings.Replace(string(source), clockAnchor, clockPatch, 1))
	writeFile(t, filepath.Join(dir, "jump.go"), clockSource)
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(library, "time.go"): filepath.Join(dir, "time.go"),
		filepath.Join(library, "jump.go"): filepath.Join(dir, "jump.go"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "overlay.json"), string(overlay))
	built := programs{}
	for _, name := range names {
		built[name] = filepath.Join(dir, name)
		args := append([]string{"build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", built[name]}, sources[name]...)
		if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
	return built
}

// TestClockJumps has the wall clock of some processes jump by an hour while events
// flow: nothing is lost or comes under another webhook-id, and what is due is
// delivered. Only a retry whose time JetStream has already may come when its clock
// says so; in the end that time comes. In the short form all clocks jump at once.
func TestClockJumps(t *testing.T) {
	t.Parallel() // it waits most of the time
	whose, programs := []string{"all"}, []string{"tidings"}
	if *chaosRounds > shortRounds {
		whose, programs = append(whose, "nats", "dispatcher-1"), append(programs, "nats-server")
	}
	built := buildWithClocks(t, programs...)
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		for _, who := range whose {
			t.Run(fmt.Sprintf("%s by %s", who, by), func(t *testing.T) {
				t.Parallel()
				newJump(t, built, who == "all").happen(who, by)
			})
		}
	}
}

// jump is a pipe whose clocks jump.
type jump struct{ *chaos }

func newJump(t *testing.T, built programs, whole bool) jump {
	t.Helper()
	c, dir, address := newChaos(t), t.TempDir(), freeAddress(t)
	c.api = caller{t, "http://" + address, chaosToken}
	flags := []string{"--http-addr", address, "--config", c.file(dir)}
	name := "api"
	if whole {
		name = "all"
		broker := freeAddress(t)
		c.url = "nats://" + broker
		c.rooms = []room{{name: "all", broker: true, fanout: true, dispatcher: true}}
		flags = append(flags, "--data-dir", filepath.Join(dir, "data"), "--nats-listen", broker)
	} else {
		c.url = c.server(built, dir)
		c.rooms = []room{{name: "nats", broker: true}, {name: "api"}, {name: "fanout-1", fanout: true}, {name: "dispatcher-1", dispatcher: true}}
		flags = append(flags, "--roles", "api", "--nats-url", c.url)
		for _, role := range []string{"fanout", "dispatcher"} {
			c.add(role+"-1", built, "--roles", role, "--nats-url", c.url)
		}
	}
	first := c.add(name, built, flags...)
	first.env = append(first.env, "TIDINGS_ADMIN_TOKEN="+chaosToken)
	return jump{c}
}

// happen is the test.
func (j jump) happen(who string, by time.Duration) {
	at := time.Now().Add(2 * calm).Truncate(time.Second)
	j.jumpAt(who, at, by)
	for _, r := range j.rooms {
		j.restart(r.name)
	}
	j.connect(j.url)
	j.preparePaused()
	began, over := time.Now(), make(chan struct{})
	ctx, cancel := context.WithCancel(j.t.Context())
	var loading sync.WaitGroup
	defer loading.Wait()
	defer cancel()
	j.load.start(ctx, j.chaos, over, &loading)
	<-time.After(time.Until(at) + 2*calm)
	last := time.Now()
	close(over)
	loading.Wait()
	if who == "dispatcher-1" { // retries go by the broker's clock
		j.drained(chaosLimit)
	}
	waiting := j.flows()
	j.t.Logf("%s later all is done but %d retries that have their time", time.Since(last).Round(100*time.Millisecond), waiting)
	j.allLive()

	// Two hours pass, for those who keep the schedules.
	keeper := j.rooms[0].name
	j.processes[keeper].kill()
	j.jumpAt(keeper, began, 2*time.Hour)
	killed := time.Now()
	j.restart(keeper)
	j.drained(chaosLimit)
	j.disasters = []disaster{
		{kind: jumps, victims: []room{{name: "clock", broker: true}}, hit: at, healed: at.Add(time.Second)},
		{kind: kills, victims: j.rooms[:1], hit: killed, healed: time.Now()},
	}
	j.settleAccount(began, last, time.Now())
	j.stop()
}

// jumpAt sets when the clock of a process jumps, from its next start on.
func (j jump) jumpAt(name string, at time.Time, by time.Duration) {
	p := j.processes[name]
	kept := p.env[:0:0]
	for _, v := range p.env {
		if !strings.HasPrefix(v, jumpVariable) {
			kept = append(kept, v)
		}
	}
	p.env = append(kept, fmt.Sprintf("%s=%d@%d", jumpVariable, int64(by.Seconds()), at.Unix()))
}

// flows waits until all is done but retries that JetStream has a time for, and
// returns how many those are.
func (j jump) flows() (waiting int) {
	j.t.Helper()
	for deadline := time.Now().Add(chaosLimit); time.Now().Before(deadline); <-time.After(200 * time.Millisecond) {
		scheduled, left := j.scheduled(), j.left()
		if left == scheduled && j.scheduled() == left {
			return left
		}
	}
	j.t.Errorf("work is left after %s that waits for no time:\n%s", chaosLimit, j.diagnosis())
	return -1
}

// scheduled is how many messages have a time; -2 if that is not known.
func (j jump) scheduled() (n int) {
	for shard := range fleetLayout.Shards {
		s, err := j.js.Stream(j.t.Context(), schemas.DeliveriesShard(shard))
		if err != nil {
			return -2
		}
		info, err := s.Info(j.t.Context(), jetstream.WithSubjectFilter("later.>"))
		if err != nil {
			return -2
		}
		for _, messages := range info.State.Subjects {
			n += int(messages)
		}
	}
	return n
}
