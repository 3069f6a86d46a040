// Package live shows the delivery log to whoever watches while it is written.
//
//	fanout, dispatcher  →  LOG log.<tenant>  →  each watcher
//
// What is stored in LOG is also heard by whoever subscribes to its subject, so watching
// costs no storage and no consumer, and nothing while nobody watches. It is a picture,
// and no record: a watcher that is too slow misses some, as does one whose connection
// breaks. What was missed is in the log.
package live

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// maxMessages and maxBytes bound what waits for a watcher that is slow.
	maxMessages = 256
	maxBytes    = 16 << 20
)

// Watch calls see with what is written to a tenant's log from now on, until ctx ends,
// which is no error.
func Watch(ctx context.Context, nc *nats.Conn, tenant schemas.TenantID, see func([]schemas.Record)) error {
	sub, err := nc.SubscribeSync(schemas.LogSubject(tenant))
	if err != nil {
		return fmt.Errorf("watch log of %s: %w", tenant, err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // it ends with the connection too
	if err := sub.SetPendingLimits(maxMessages, maxBytes); err != nil {
		return fmt.Errorf("watch log of %s: %w", tenant, err)
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, nats.ErrSlowConsumer):
			continue
		case err != nil:
			return fmt.Errorf("watch log of %s: %w", tenant, err)
		}
		if _, records, _, err := schemas.ReadRecords(m.Subject, m.Data); err == nil {
			see(records)
		}
	}
}
