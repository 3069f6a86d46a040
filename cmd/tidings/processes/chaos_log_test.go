//go:build unix

package processes

import (
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// told is what LOG says of a delivery.
type told struct {
	matched bool // an event's record names it
	ended   bool // delivered or dead
}

// unlogged is how many deliveries of those wanted the log leaves out, or does not
// know the end of.
func (c *chaos) unlogged(want map[ledgerKey]bool) (n int) {
	c.t.Helper()
	log := c.deliveryLog()
	for key := range want {
		if of := log[key]; !of.matched || !of.ended {
			if n++; n <= 10 && !c.logless {
				c.t.Errorf("the log has of %v: %+v", key, of)
			}
		}
	}
	return n
}

// deliveryLog reads all of LOG.
func (c *chaos) deliveryLog() map[ledgerKey]told {
	c.t.Helper()
	stream, err := c.js.Stream(c.t.Context(), schemas.StreamLog)
	if err != nil {
		c.t.Fatal(err)
	}
	consumer, err := stream.OrderedConsumer(c.t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		c.t.Fatal(err)
	}
	log := map[ledgerKey]told{}
	for left := int(stream.CachedInfo().State.Msgs); left > 0; {
		batch, err := consumer.Fetch(min(left, 500), jetstream.FetchMaxWait(waitLimit))
		if err != nil {
			c.t.Fatal(err)
		}
		for m := range batch.Messages() {
			left--
			_, records, unread, err := schemas.ReadRecords(m.Subject(), m.Data())
			if err != nil || unread > 0 {
				c.t.Fatalf("LOG: %d lines unread, %v", unread, err)
			}
			for _, r := range records {
				c.tell(log, r)
			}
		}
		if err := batch.Error(); err != nil {
			c.t.Fatal(err)
		}
	}
	return log
}

func (c *chaos) tell(log map[ledgerKey]told, r schemas.Record) {
	if e := r.Event; e != nil {
		for _, endpoint := range e.Endpoints {
			key := ledgerKey{c.name(string(endpoint)), e.ID}
			of := log[key]
			of.matched = true
			log[key] = of
		}
	}
	if a := r.Attempt; a != nil && slices.Contains([]schemas.Kind{schemas.Delivered, schemas.Dead}, a.Kind) {
		key := ledgerKey{c.name(string(a.Endpoint)), a.Event.ID}
		of := log[key]
		of.ended = true
		log[key] = of
	}
}
