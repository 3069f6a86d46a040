package deliverylog

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func jetStream(t *testing.T, env *streamstest.Env) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(env.NC)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// publish puts records into LOG, up to some in a message.
func publish(t *testing.T, js jetstream.JetStream, records []said) {
	t.Helper()
	for len(records) > 0 {
		tenant := records[0].tenant
		var body []byte
		for n := 0; n < 10 && len(records) > 0 && records[0].tenant == tenant; n++ {
			body = schemas.AppendRecord(body, records[0].Record)
			records = records[1:]
		}
		if _, err := js.PublishAsync(schemas.LogSubject(tenant), body); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
}

// run runs a projector until the function that it returns is called, or the test ends.
func run(t *testing.T, p *Projector) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// caughtUp waits until all of LOG is in the tables.
func caughtUp(t *testing.T, p *Projector) Progress {
	t.Helper()
	for {
		made, err := p.Progress(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if made.Applied >= made.Last {
			if made.Lag != 0 {
				t.Errorf("a lag of %s", made.Lag)
			}
			return made
		}
		if made.Lag < 0 || made.Applied > 0 && made.Lag == 0 {
			t.Errorf("%+v: a lag of %s", made, made.Lag)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// tables are what the records make, applied at once.
func tables(t *testing.T, records []said) []string {
	t.Helper()
	s := open(t, newSQLite(t))
	put(t, s, records...)
	return dump(t, s)
}

// The projection goes on where it was, whoever runs, follows what comes, and can be made
// anew.
func TestProjector(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		env := streamstest.Start(t, streamstest.Small())
		js, s := jetStream(t, env), open(t, url)
		records := traffic(rand.New(rand.NewPCG(3, 3)), 120)
		third := len(records) / 3
		publish(t, js, records[:third])
		batches := 0
		p := NewProjector(js, s, Options{Yield: func(context.Context) { batches++ }})
		stop := run(t, p)
		caughtUp(t, p)
		publish(t, js, records[third:2*third])
		caughtUp(t, p)
		stop()
		if batches < 2 {
			t.Errorf("%d batches", batches)
		}
		wantSame(t, "two thirds", dump(t, s), tables(t, records[:2*third]))

		publish(t, js, records[2*third:])
		publish(t, js, records[third:])
		if _, err := js.Publish(t.Context(), schemas.LogSubject("acme"), []byte("{\"later\":{}}\nnothing\n")); err != nil {
			t.Fatal(err)
		}
		first, second := NewProjector(js, s, Options{}), NewProjector(js, open(t, url), Options{})
		run(t, first)
		run(t, second)
		if made := caughtUp(t, first); made.Unread != 2 {
			t.Errorf("%+v", made)
		}
		want := tables(t, records)
		wantSame(t, "all, by two", dump(t, s), want)

		if _, err := s.write.Exec("DELETE FROM attempts"); err != nil {
			t.Fatal(err)
		}
		if err := first.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		for {
			made, err := first.Progress(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !made.Emptying {
				break
			}
			<-time.After(10 * time.Millisecond)
		}
		caughtUp(t, first)
		wantSame(t, "made anew", dump(t, s), want)
	})
}

// TestRebuildIsSeen asks for a rebuild while nobody projects: it is not done.
func TestRebuildIsSeen(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		env := streamstest.Start(t, streamstest.Small())
		p := NewProjector(jetStream(t, env), open(t, url), Options{})
		stop := run(t, p)
		caughtUp(t, p)
		stop()
		if made, err := p.Progress(t.Context()); err != nil || made.Emptying {
			t.Fatalf("%+v, %v", made, err)
		}
		if err := p.Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		if made, err := p.Progress(t.Context()); err != nil || !made.Emptying {
			t.Errorf("%+v, %v", made, err)
		}
	})
}

// What LOG no longer has is skipped; a LOG made anew is read from its beginning.
func TestProjectorOfAnotherLog(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		env := streamstest.Start(t, streamstest.Small())
		js, s := jetStream(t, env), open(t, url)
		records := traffic(rand.New(rand.NewPCG(4, 4)), 45)
		third := len(records) / 3
		publish(t, js, records[:third])
		p := NewProjector(js, s, Options{})
		stop := run(t, p)
		caughtUp(t, p)
		stop()

		publish(t, js, records[third:2*third])
		stream, err := js.Stream(t.Context(), schemas.StreamLog)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if made, err := p.Progress(t.Context()); err != nil || made.Lag != 0 {
			t.Errorf("of what is purged: %+v, %v", made, err)
		}
		publish(t, js, records[2*third:])
		stop = run(t, p)
		caughtUp(t, p)
		stop()
		rest := append(append([]said{}, records[:third]...), records[2*third:]...)
		wantSame(t, "behind the gap", dump(t, s), tables(t, rest))

		if err := js.DeleteStream(t.Context(), schemas.StreamLog); err != nil {
			t.Fatal(err)
		}
		if _, err := js.CreateStream(t.Context(), stream.CachedInfo().Config); err != nil {
			t.Fatal(err)
		}
		for range 20 { // it is longer than the one before
			publish(t, js, records[third:2*third])
		}
		old, err := readPosition(t.Context(), s.read, "")
		if err != nil {
			t.Fatal(err)
		}
		run(t, p)
		for at := old; at.stream == old.stream; { // until it has noticed
			if at, err = readPosition(t.Context(), s.read, ""); err != nil {
				t.Fatal(err)
			}
			<-time.After(10 * time.Millisecond)
		}
		caughtUp(t, p)
		wantSame(t, "of both", dump(t, s), tables(t, records))
	})
}

// While the database or JetStream fails, it waits; then all is there.
func TestProjectorWaits(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		env := streamstest.Start(t, streamstest.Small())
		js, s := jetStream(t, env), open(t, url)
		records := traffic(rand.New(rand.NewPCG(5, 5)), 90)
		half := len(records) / 2
		publish(t, js, records[:half])
		if _, err := s.write.Exec("ALTER TABLE counts RENAME TO away"); err != nil {
			t.Fatal(err)
		}
		tries := make(chan error, 100)
		p := NewProjector(js, s, Options{Log: warnings(tries)})
		run(t, p)
		for range 2 {
			t.Log(<-tries)
		}
		if made, err := p.Progress(t.Context()); err != nil || made.Applied != 0 || made.Lag <= 0 {
			t.Errorf("%+v, %v", made, err)
		}
		if _, err := s.write.Exec("ALTER TABLE away RENAME TO counts"); err != nil {
			t.Fatal(err)
		}
		caughtUp(t, p)
		env.Down()
		env.Up()
		for {
			if _, err := js.Publish(t.Context(), schemas.LogSubject("acme"), []byte("{}\n")); err == nil {
				break
			}
		}
		publish(t, js, records[half:])
		caughtUp(t, p)
		wantSame(t, "in the end", dump(t, s), tables(t, records))
	})
}
