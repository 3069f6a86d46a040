// Package persist repeats what the dispatcher must get done before a delivery
// may go, however long the broker or the registry is away.
package persist

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// Pause is the time until the second try, and between looks at what is read
	// anyway; between tries it grows, up to maxPause.
	Pause = 100 * time.Millisecond
	// maxPause is as much as a broker that is back may not be noticed. While it is
	// away, or full, thousands of deliveries may wait so.
	maxPause = 2 * time.Second
	// Try is how long one may take.
	Try = 5 * time.Second
)

// Do calls do until it returns no error, or ctx ends: then it returns the last
// error. What names the step in the log.
func Do(ctx context.Context, log *slog.Logger, what string, do func(context.Context) error) error {
	for pause := Pause; ; pause = min(2*pause, maxPause) {
		try, cancel := context.WithTimeout(ctx, Try)
		err := do(try)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		log.WarnContext(ctx, "dispatcher tries again", "step", what, "error", err)
		if !Wait(ctx, pause) {
			return err
		}
	}
}

// Wait reports whether ctx still stands after a time.
func Wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// Acknowledged waits until a message that is being published is stored, and tells
// whether it was before.
func Acknowledged(ctx context.Context, ack jetstream.PubAckFuture) (twice bool, err error) {
	select {
	case stored := <-ack.Ok():
		return stored.Duplicate, nil
	case err := <-ack.Err():
		return false, err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
