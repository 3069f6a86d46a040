package processes

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
)

// disk is a small one of the test's own.
type disk struct {
	t     *testing.T
	dir   string   // for who runs on it
	here  string   // for the test
	enter []string // runs a program on it
}

// startDisk mounts it where nobody else sees it; skips the test where the system
// does not allow that.
func startDisk(t *testing.T, mebibytes int) *disk {
	t.Helper()
	d := &disk{t: t, dir: t.TempDir()}
	holder := newProcess(t, "disk", "unshare", "-rm", "sh", "-c",
		`mount -t tmpfs -o "size=$1m" tmpfs "$2" && echo mounted && exec sleep 100000`, "sh", strconv.Itoa(mebibytes), d.dir)
	holder.start()
	if _, err := holder.life.says("mounted"); err != nil {
		t.Skipf("no disk of one's own here, which needs user namespaces: %v", err)
	}
	pid := strconv.Itoa(holder.life.cmd.Process.Pid)
	d.here = filepath.Join("/proc", pid, "root", d.dir)
	d.enter = []string{"nsenter", "-t", pid, "-U", "-m", "--preserve-credentials"}
	return d
}

// run has a process run on the disk.
func (d *disk) run(p *process) { p.args = append(d.enter, p.args...) }

func (d *disk) free() int64 {
	d.t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(d.here, &s); err != nil {
		d.t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}

// fill leaves so many bytes free.
func (d *disk) fill(leave int64) {
	d.t.Helper()
	f, err := os.OpenFile(filepath.Join(d.here, "ballast"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // nothing is to be kept
	for size := d.free() - leave; size > 0; size = d.free() - leave {
		if _, err := f.Write(make([]byte, min(size, 64<<10))); errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d *disk) makeRoom() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.here, "ballast")); err != nil {
		d.t.Fatal(err)
	}
}

// diskSize is in MiB. The broker keeps a twentieth of it free.
const diskSize = 128

// TestFullDisk fills the disk of a pipe that is one process. Nearly full, it
// refuses new events, tells why, and finishes what it has; really full, it ends and
// tells why, and does not start; with room again it goes on. Nothing that was
// accepted is lost.
func TestFullDisk(t *testing.T) {
	t.Parallel() // it waits most of the time
	built, d := build(t, "tidings"), startDisk(t, diskSize)
	c := newChaos(t)
	c.logless = true
	address, broker := freeAddress(t), freeAddress(t)
	c.url, c.api = "nats://"+broker, caller{t, "http://" + address, chaosToken}
	c.rooms = []room{{name: "all", broker: true, fanout: true, dispatcher: true}}
	all := c.add("all", built, "--data-dir", filepath.Join(d.dir, "data"), "--nats-listen", broker, "--http-addr", address, "--config", c.file(t.TempDir()))
	all.env = append(all.env, "TIDINGS_ADMIN_TOKEN="+chaosToken)
	d.run(all)
	all.running()
	c.connect(c.url)
	c.preparePaused()
	ctx, cancel := context.WithCancel(t.Context())
	var loading sync.WaitGroup
	defer loading.Wait()
	defer cancel()
	began, over := time.Now(), make(chan struct{})
	c.load.start(ctx, c, over, &loading)
	<-time.After(calm)

	d.fill(diskSize << 20 / 40) // half of what is kept free
	c.ready(http.StatusServiceUnavailable, "nearly full")
	c.refusesAsFull()
	c.drained(chaosLimit) // what was accepted before goes its way
	d.makeRoom()
	c.ready(http.StatusOK, `"name":"storage"`)
	<-time.After(calm)

	full := disaster{kind: kills, victims: c.rooms, hit: time.Now()}
	d.fill(0)
	select {
	case <-all.life.ended:
	case <-time.After(waitLimit):
		t.Fatalf("it goes on, with %d bytes free", d.free())
	}
	t.Logf("full: it ended after %s; %d lines of log since it began", time.Since(full.hit).Round(time.Millisecond), strings.Count(all.said(), "\n"))
	c.endedFor(all, "cannot store any more")
	all.start()
	<-all.life.ended
	c.endedFor(all, "is full")
	d.makeRoom()
	all.running()
	full.healed = time.Now()
	c.disasters = append(c.disasters, full)
	<-time.After(calm)
	last := time.Now()
	close(over)
	loading.Wait()
	c.drained(chaosLimit)
	if lines := strings.Count(all.said(), "\n"); lines > 10*len(c.load.accepted) {
		t.Errorf("%d lines of log for %d events", lines, len(c.load.accepted))
	}
	c.settleAccount(began, last, time.Now())
	c.stop()
}

// endedFor wants a process to have ended with an error that says why.
func (c *chaos) endedFor(p *process, why string) {
	c.t.Helper()
	said := lastLines(strings.TrimSpace(p.life.out.String()), 1)
	if p.life.code != 1 || !strings.HasPrefix(said, "tidings: ") || !strings.Contains(said, why) || !strings.Contains(said, "make room") {
		c.t.Errorf("%s ended with exit code %d and %q, want 1 and why: %s", p.name, p.life.code, said, why)
	}
}

// ready waits until /readyz answers with a status and a text.
func (c *chaos) ready(status int, text string) {
	c.t.Helper()
	var body []byte
	for deadline := time.Now().Add(waitLimit); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		response, err := http.Get(c.api.base + "/readyz")
		if err != nil {
			continue
		}
		body, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err == nil && response.StatusCode == status && strings.Contains(string(body), text) {
			return
		}
	}
	c.t.Fatalf("/readyz does not become %d with %q: %s", status, text, body)
}

// refusesAsFull wants each way in to tell a publisher that the storage is full.
func (c *chaos) refusesAsFull() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Second)
	defer cancel()
	if err := c.putNATS(ctx, typedEvent("refused", "nobody.wants")); !schemas.HasCode(err, schemas.CodeFull) || !strings.Contains(err.Error(), "make room") {
		c.t.Errorf("a publisher is told: %v", err)
	}
	if err := c.putHTTP(c.t.Context(), chaosEvent(1_000_000)); err == nil || !strings.Contains(err.Error(), "507") || !strings.Contains(err.Error(), "make room") {
		c.t.Errorf("HTTP answers: %v", err)
	}
	answer, err := c.nc.RequestMsg(&nats.Msg{Subject: "events.acme.nobody.wants", Data: []byte("{}")}, waitLimit)
	if err != nil || !strings.Contains(string(answer.Data), "exceeded") && !strings.Contains(string(answer.Data), "insufficient") {
		c.t.Errorf("JetStream answers: %v, %v", answer, err)
	}
}
