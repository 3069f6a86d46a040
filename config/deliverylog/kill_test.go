//go:build unix

package deliverylog

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
)

var (
	mortalNATS = flag.String("mortal.nats", "", "of the process that TestKilled kills: where its server is")
	mortalDB   = flag.String("mortal.db", "", "of the process that TestKilled kills: its database")
)

// TestMortal is the process that [TestKilled] kills, and otherwise nothing. It says when
// it begins to store a batch.
func TestMortal(t *testing.T) {
	if *mortalNATS == "" {
		return
	}
	nc, err := nats.Connect(*mortalNATS)
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), *mortalDB)
	if err != nil {
		t.Fatal(err)
	}
	say := func(context.Context) { fmt.Fprintln(os.Stdout, "batch") }
	if err := NewProjector(js, s, Options{Yield: say}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A projector that is killed, again and again, at any instruction, leaves nothing out and
// counts nothing twice.
func TestKilled(t *testing.T) {
	streamstest.DropTimers(t)
	server, err := broker.StartEmbedded(t.Context(), broker.Embedded{DataDir: t.TempDir(), Listen: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	nc, err := nats.Connect(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if _, err := streams.Apply(t.Context(), nc, streamstest.Small()); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	records := traffic(rand.New(rand.NewPCG(6, 6)), 1000)
	publish(t, js, records)
	publish(t, js, records[:500])
	want := tables(t, records)
	onEach(t, func(t *testing.T, url string) {
		r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)) // when it dies is chance anyway
		s := open(t, url)
		amid := 0 // deaths between the first batch and the last
		for range 12 {
			killOnce(t, server.URL(), url, 1+r.IntN(2), time.Duration(r.IntN(8000))*time.Microsecond)
			p := NewProjector(js, s, Options{})
			made, err := p.Progress(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if made.Applied == made.Last {
				break
			}
			if made.Applied > 0 {
				amid++
			}
		}
		if amid == 0 {
			t.Error("it never died in the middle")
		}
		p := NewProjector(js, s, Options{})
		run(t, p)
		caughtUp(t, p)
		wantSame(t, "after all", dump(t, s), want)
	})
}

// killOnce runs a projector as a process, and kills it some time after it began to store
// its n-th batch, or at its last.
func killOnce(t *testing.T, natsURL, url string, n int, after time.Duration) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestMortal$", "-mortal.nats="+natsURL, "-mortal.db="+url)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	go func() {
		defer close(begun)
		lines := bufio.NewScanner(out)
		for n > 0 && lines.Scan() {
			n--
		}
	}()
	select {
	case <-begun:
	case <-time.After(10 * time.Second): // fewer were left
	}
	<-time.After(after)
	if err := c.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-begun
	_ = c.Wait() // killed
}
