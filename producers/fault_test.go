package producers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

// betweenTries is a time at which a refused event waits to be sent again, so
// that no try is under way.
const betweenTries = 1050 * time.Millisecond

func TestServerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t)
		if _, err := p.Publish(t.Context(), created("before")); err != nil {
			t.Fatal(err)
		}
		p.Server.Close()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		// The client keeps it, to send it once the server is back.
		_, err := p.Publish(ctx, created(""))
		e := doubtful(t, err)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 10*time.Second || e.ID() == "" {
			t.Errorf("after %s: %v; want the deadline, and the id to try again with", time.Since(begin), err)
		}
		// Without a deadline the publisher sets one.
		begin = time.Now()
		_, err = p.Publish(t.Context(), created("e2"))
		doubtful(t, err)
		if time.Since(begin) != 30*time.Second || !strings.Contains(err.Error(), "no acknowledgement within 30s") {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
	})
}

func TestServerGoneAndNothingLeavesTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d door
		d.lead(t, "")
		p := publisher(t, d.connect(t, nats.ReconnectBufSize(-1)), producers.Options{})
		d.s.Shutdown()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), betweenTries)
		defer cancel()
		_, err := p.Publish(ctx, created("e1"))
		refused(t, err)
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, nats.ErrReconnectBufExceeded) {
			t.Errorf("error is %v, want the deadline and why nothing was sent", err)
		}
	})
}

func TestClosedConnectionIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, used := range map[string]bool{"used before": true, "never used": false} {
			env := streamstest.Start(t, streamstest.Small())
			nc := env.Connect()
			p := publisher(t, nc, producers.Options{})
			if used {
				if _, err := p.Publish(t.Context(), created("e1")); err != nil {
					t.Fatal(err)
				}
			}
			nc.Close()
			begin := time.Now()
			_, err := p.Publish(t.Context(), created("e2"))
			refused(t, err)
			if time.Since(begin) != 0 || !strings.Contains(err.Error(), nats.ErrConnectionClosed.Error()) {
				t.Errorf("%s: after %s: %v", name, time.Since(begin), err)
			}
		}
	})
}

func TestNoStreamIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d door
		d.lead(t, "")
		p := publisher(t, d.connect(t), producers.Options{GiveUp: betweenTries})
		_, err := p.Publish(t.Context(), created("e1"))
		refused(t, err)
		if !errors.Is(err, jetstream.ErrNoStreamResponse) {
			t.Errorf("error is %v, want no response from stream", err)
		}
	})
}

func TestRestartDuringPublishing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		var d door
		d.lead(t, dir)
		nc := d.connect(t)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
			Name: schemas.StreamEvents, Subjects: []string{schemas.EventsSubjects}, Storage: jetstream.FileStorage,
		}); err != nil {
			t.Fatal(err)
		}
		p := publisher(t, nc, producers.Options{})
		const n = 200
		publish := func(from int) (futures []*producers.Future) {
			for i := range n {
				f, err := p.PublishAsync(t.Context(), created(fmt.Sprint("e", from+i)))
				if err != nil {
					t.Fatal(err)
				}
				futures = append(futures, f)
			}
			return futures
		}
		futures := publish(0) // most of them without an answer when the server goes
		stop(d.s)
		futures = append(futures, publish(n)...) // while there is none
		<-time.After(5 * time.Second)
		d.lead(t, dir)
		seen := map[uint64]bool{}
		for i, f := range futures {
			receipt, err := f.Wait(t.Context())
			if err != nil || seen[receipt.Sequence] {
				t.Fatalf("event %d: %+v, %v; want it stored under a sequence of its own", i, receipt, err)
			}
			seen[receipt.Sequence] = true
		}
		if got := count(t, eventsOf(t, nc)); got != 2*n {
			t.Errorf("%d events are stored, want %d", got, 2*n)
		}
	})
}

func TestFullStreamRefusesAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := start(t)
		limit := func(n int64) {
			js, err := jetstream.New(p.NC)
			if err != nil {
				t.Error(err)
				return
			}
			c := p.stream.CachedInfo().Config
			c.MaxMsgs = n
			if _, err := js.UpdateStream(t.Context(), c); err != nil {
				t.Error(err)
			}
		}
		limit(2)
		for _, id := range []string{"e1", "e2"} {
			if _, err := p.Publish(t.Context(), created(id)); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), betweenTries)
		defer cancel()
		_, err := p.Publish(ctx, created("e3"))
		refused(t, err)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "maximum messages exceeded") {
			t.Errorf("error is %v, want the deadline and the server's reason", err)
		}
		for sequence, id := range []string{"e1", "e2"} {
			if _, e := p.stored(uint64(sequence + 1)); e.ID() != id {
				t.Errorf("sequence %d holds %s, want %s", sequence+1, e.ID(), id)
			}
		}
		// An event that can wait is stored once there is room.
		var room sync.WaitGroup
		room.Go(func() {
			<-time.After(10 * time.Second)
			limit(3)
		})
		receipt, err := p.Publish(t.Context(), created("e3"))
		room.Wait()
		if err != nil || receipt.Sequence != 3 || receipt.Duplicate {
			t.Errorf("%+v, %v; want it stored after the wait", receipt, err)
		}
	})
}

func TestForeignStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d door
		d.lead(t, t.TempDir())
		nc := d.connect(t)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"events.>"}}); err != nil {
			t.Fatal(err)
		}
		_, err = publisher(t, nc, producers.Options{}).Publish(t.Context(), created("e1"))
		refused(t, err)
		if !strings.Contains(err.Error(), "belongs to stream OTHER of this NATS account") {
			t.Error(err)
		}
	})
}

// answers are what the server may say, and what the publisher makes of it.
func TestAnswers(t *testing.T) {
	type step = func(h *hand) *nats.Msg
	ok := (*hand).ok
	silence := (*hand).next
	refuse := func(code, errorCode int) step {
		return func(h *hand) *nats.Msg { return h.refuse(code, errorCode, "because") }
	}
	for _, c := range []struct {
		name  string
		steps []step
		want  string // "stored", "refused" or "doubt"
	}{
		{"at once", []step{ok}, "stored"},
		{"an answer is lost", []step{silence, silence, ok}, "stored"},
		{"busy", []step{refuse(503, 10008), ok}, "stored"},
		{"an earlier try is in process", []step{silence, refuse(409, 10158), ok}, "stored"},
		{"refused", []step{refuse(400, 10054)}, "refused"},
		{"refused after silence", []step{silence, refuse(400, 10054)}, "doubt"},
		{"busy all along", []step{refuse(503, 10008), refuse(503, 10008)}, "refused"},
		{"silence", []step{silence}, "doubt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, nc := newHand(t)
				p := publisher(t, nc, producers.Options{})
				ctx, cancel := context.WithCancel(t.Context())
				f, err := p.PublishAsync(ctx, created("e1"))
				if err != nil {
					t.Fatal(err)
				}
				var id string
				for i, answer := range c.steps {
					m := answer(h)
					if got := m.Header.Get(nats.MsgIdHdr); i == 0 {
						id = got
					} else if got != id {
						t.Errorf("try %d under id %q, the first under %q", i+1, got, id)
					}
				}
				synctest.Wait()
				cancel()
				_, err = f.Wait(t.Context())
				switch c.want {
				case "stored":
					if err != nil {
						t.Error(err)
					}
				case "refused":
					refused(t, err)
				case "doubt":
					doubtful(t, err)
				}
			})
		})
	}
}
