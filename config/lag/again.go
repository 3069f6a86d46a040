package lag

import (
	"context"
	"log/slog"
	"time"
)

// lookEvery is how often what is of the whole fleet is looked at.
const lookEvery = 15 * time.Second

// again looks, now and every so often, until ctx ends. A look that fails leaves what was
// found before, and is warned of.
func again(ctx context.Context, log *slog.Logger, at string, look func(context.Context) error) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if err := look(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "the fleet is not known", "what", at, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
