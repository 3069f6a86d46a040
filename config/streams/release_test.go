package streams_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// What a process had in its hands that died with the broker comes at once after
// Release, and an ack wait is what it was.
func TestReleaseGivesOutWhatTheDeadHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		js, err := jetstream.New(env.NC)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(t.Context(), schemas.EventSubject("acme", "user.created"), []byte("{}")); err != nil {
			t.Fatal(err)
		}
		fetch := func(wait time.Duration) (got int) {
			for p := range env.Layout.Partitions {
				c, err := js.Consumer(t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(p))
				if err != nil {
					t.Fatal(err)
				}
				batch, err := c.Fetch(1, jetstream.FetchMaxWait(wait))
				if err != nil {
					t.Fatal(err)
				}
				for range batch.Messages() {
					got++
				}
			}
			return got
		}
		if n := fetch(100 * time.Millisecond); n != 1 {
			t.Fatalf("%d events came, want 1", n)
		}
		env.Down()
		env.Up()
		if n := fetch(time.Second); n != 0 {
			t.Fatalf("%d events came again before the ack wait was over", n)
		}
		began := time.Now()
		if err := streams.Release(t.Context(), js, env.Layout); err != nil {
			t.Fatal(err)
		}
		if n, took := fetch(100*time.Millisecond), time.Since(began); n != 1 || took > 2*time.Second {
			t.Errorf("%d events came again, after %s", n, took)
		}
		if n := fetch(time.Second); n != 0 {
			t.Errorf("%d events came once more at once", n)
		}
	})
}
