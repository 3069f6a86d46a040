package streams

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// SetIntake opens or closes EVENTS for new events. What it has stays, and goes its
// way; who publishes while it is closed is told that it is full. [Apply] opens it.
func SetIntake(ctx context.Context, js jetstream.JetStream, open bool) error {
	s, err := js.Stream(ctx, schemas.StreamEvents)
	if err != nil {
		return fmt.Errorf("read stream %s: %w", schemas.StreamEvents, err)
	}
	c := s.CachedInfo().Config
	c.MaxBytes = 1 // it refuses what is new, and drops nothing: see common
	if open {
		c.MaxBytes = -1
	}
	if c.MaxBytes == s.CachedInfo().Config.MaxBytes {
		return nil
	}
	if _, err := js.UpdateStream(ctx, c); err != nil {
		return fmt.Errorf("update stream %s: %w", schemas.StreamEvents, err)
	}
	return nil
}
