package streams_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

func TestTransformStoresByPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		js, err := jetstream.New(env.NC)
		if err != nil {
			t.Fatal(err)
		}
		subject := schemas.EventSubject("acme", "user.created")
		ack, err := js.Publish(t.Context(), subject, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := js.Stream(t.Context(), schemas.StreamEvents)
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.GetMsg(t.Context(), ack.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		tenant, published, err := schemas.StoredEvent(m.Subject)
		if err != nil || tenant != "acme" || published != subject {
			t.Fatalf("stored under %q: tenant %q, published %q, %v", m.Subject, tenant, published, err)
		}
		var got int
		for p := range env.Layout.Partitions {
			c, err := js.Consumer(t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(p))
			if err != nil {
				t.Fatal(err)
			}
			batch, err := c.FetchNoWait(10)
			if err != nil {
				t.Fatal(err)
			}
			for range batch.Messages() {
				got++
			}
		}
		if got != 1 {
			t.Fatalf("%d consumers saw the event, want 1", got)
		}
	})
}

func TestApplyIsIdempotentAndRefusesAnotherLayout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := streams.Apply(ctx, env.NC, streamstest.Small()); err != nil {
			t.Fatalf("second apply: %v", err)
		}
		other := streamstest.Small()
		other.Layout.Partitions = 8
		_, err := streams.Apply(ctx, env.NC, other)
		const want = "the streams were made with 4 partitions, 2 shards and the settings say 8 partitions, 2 shards: start with the former, or with a new data directory (or NATS account)"
		if err == nil || err.Error() != want {
			t.Fatalf("got %v\nwant %s", err, want)
		}
		other = streamstest.Small()
		other.Replicas = 3
		if _, err := streams.Apply(ctx, env.NC, other); err == nil {
			t.Fatal("three replicas on one server were not refused")
		}
	})
}

func TestIdempotencyForgetsAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		status, err := env.Idempotency.Status(t.Context())
		if err != nil || status.Bucket() != schemas.BucketIdempotency || status.TTL() != 24*time.Hour || status.History() != 1 {
			t.Fatalf("got %v, %v", status, err)
		}
	})
}
