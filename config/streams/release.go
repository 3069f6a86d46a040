package streams

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// releaseAckWait is an ack wait that is over.
	releaseAckWait = time.Millisecond
	// releaseTime is how long JetStream may take to notice: it looks a tenth of a
	// second after the change.
	releaseTime = 300 * time.Millisecond
)

// Release has JetStream give out at once what it had given to processes that are
// gone, rather than after the ack wait. It is for the process that starts the
// broker: nobody was connected before. Should one be alive all the same, what is in
// its hands may be attempted twice.
func Release(ctx context.Context, js jetstream.JetStream, l schemas.Layout) error {
	taken := map[string][]jetstream.ConsumerConfig{} // by stream
	for p := range l.Partitions {
		for stream, c := range map[string]jetstream.ConsumerConfig{
			schemas.StreamEvents:  fanoutConsumer(p),
			l.DeliveriesStream(p): dispatchConsumer(p),
		} {
			consumer, err := js.Consumer(ctx, stream, c.Durable)
			if err != nil {
				return fmt.Errorf("read consumer %s: %w", c.Durable, err)
			}
			if consumer.CachedInfo().NumAckPending > 0 {
				taken[stream] = append(taken[stream], c)
			}
		}
	}
	if len(taken) == 0 {
		return nil
	}
	err := updateAll(ctx, js, taken, func(c *jetstream.ConsumerConfig) { c.AckWait = releaseAckWait })
	if err == nil {
		select {
		case <-time.After(releaseTime):
		case <-ctx.Done():
		}
	}
	if e := updateAll(context.WithoutCancel(ctx), js, taken, func(*jetstream.ConsumerConfig) {}); e != nil {
		return e
	}
	return err
}

func updateAll(ctx context.Context, js jetstream.JetStream, of map[string][]jetstream.ConsumerConfig, change func(*jetstream.ConsumerConfig)) error {
	for stream, consumers := range of {
		for _, c := range consumers {
			change(&c)
			if _, err := js.UpdateConsumer(ctx, stream, c); err != nil {
				return fmt.Errorf("update consumer %s: %w", c.Durable, err)
			}
		}
	}
	return nil
}
