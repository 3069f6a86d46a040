// Package bodies finds the data of deliveries that are stored by reference, so
// that a large event is stored once and not once for each of its endpoints: it
// lies in EVENTS, at the sequence that the delivery's id names.
//
// What was read is kept for a short while, so that a fan-out to a thousand
// endpoints reads its event a few times; whoever waits for the same event waits
// for the same read.
//
//	what fails                        what happens
//	JetStream does not answer         it is asked again, until ctx ends
//	EVENTS no longer has the event    [schemas.CodeNotFound], with what to do
//	another event is at its sequence  the same: EVENTS was made anew
package bodies

import (
	"container/list"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/singleflight"

	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
)

// Bodies reads EVENTS. It is safe for concurrent use.
type Bodies struct {
	nc      *nats.Conn
	log     *slog.Logger
	reading singleflight.Group // by key
	cache   cache
}

// New reads on a connection.
func New(nc *nats.Conn, log *slog.Logger) *Bodies {
	return &Bodies{nc: nc, log: log, cache: cache{entries: map[string]*list.Element{}}}
}

// Load is the delivery with its data, and without a reference; d itself is not
// changed, since it may wait. The data is shared: nobody may write to it. An
// error with [schemas.CodeNotFound] means that EVENTS no longer has the event, and
// any other that ctx has ended.
func (b *Bodies) Load(ctx context.Context, d *schemas.Delivery) (*schemas.Delivery, error) {
	if d.Reference == 0 {
		return d, nil
	}
	whole := *d
	whole.Reference = 0
	if whole.Data != nil {
		return &whole, nil
	}
	key := keyOf(d)
	if whole.Data = b.cache.get(key); whole.Data != nil {
		return &whole, nil
	}
	var gone error
	err := persist.Do(ctx, b.log, "fetch event", func(ctx context.Context) error {
		select {
		case answer := <-b.reading.DoChan(key, func() (any, error) { return b.read(context.WithoutCancel(ctx), d, key) }):
			whole.Data, _ = answer.Val.([]byte)
			if gone = answer.Err; schemas.HasCode(gone, schemas.CodeNotFound) {
				return nil
			}
			return answer.Err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err == nil {
		err = gone
	}
	if err != nil {
		return nil, err
	}
	return &whole, nil
}

// keyOf tells events apart, those of a stream made anew as well.
func keyOf(d *schemas.Delivery) string {
	at, sequence, _ := d.ID.Accepted() // ReadDelivery has checked the id
	return fmt.Sprintf("%d %d %d %s", at.UnixMilli(), sequence, d.Reference, d.Tenant)
}

// young is how long ago an event was stored that a leader of EVENTS may not show
// yet: one that has not come as far as the replica from which fanout had the event,
// or was deposed before and has not heard of it.
const young = time.Minute

// read is one read for all who wait for it, so it does not end with any of them.
func (b *Bodies) read(ctx context.Context, d *schemas.Delivery, key string) ([]byte, error) {
	if data := b.cache.get(key); data != nil {
		return data, nil
	}
	at, sequence, err := d.ID.Accepted()
	if err != nil {
		return nil, err
	}
	m, err := direct.Get(ctx, b.nc, schemas.StreamEvents, sequence)
	if err != nil {
		return nil, err
	}
	if m == nil && time.Since(at) < young {
		return nil, schemas.Errorf(schemas.CodeUnavailable, "EVENTS does not show event %d yet", sequence)
	}
	data, known := dataOf(m, d, at)
	if !known {
		return nil, schemas.Errorf(schemas.CodeNotFound,
			"EVENTS no longer has the event, which it stored at %s, nor its %d bytes of data: publish it again, and have events kept longer (events-max-age) if deliveries may wait so long",
			at.Format(time.RFC3339Nano), d.Reference)
	}
	b.cache.put(key, data)
	return data, nil
}

// dataOf is the data of the event, if it is the delivery's.
func dataOf(m *direct.Message, d *schemas.Delivery, accepted time.Time) (data []byte, known bool) {
	if m == nil || m.Time.UnixMilli() != accepted.UnixMilli() {
		return nil, false
	}
	if tenant, _, err := schemas.StoredEvent(m.Subject); err != nil || tenant != d.Tenant {
		return nil, false
	}
	data, err := schemas.EventData(m.Header, m.Data)
	return data, err == nil && len(data) == d.Reference
}
