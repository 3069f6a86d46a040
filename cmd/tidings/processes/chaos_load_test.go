//go:build unix

package processes

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	natsPublishers = 6
	httpPublishers = 4
	// publishEvery is how long a publisher rests after an event is stored.
	publishEvery = 200 * time.Millisecond
	// chaosKeys is how many values the attribute has that orders ep_keyed.
	chaosKeys = 4
)

// load is what publishers do, and what they are told.
type load struct {
	next    atomic.Int64 // the number of the next event
	refused atomic.Int64 // tries that ended with an error
	over    atomic.Bool  // nothing more comes

	mu       sync.Mutex           // guards what follows
	accepted []string             // the ids of the events that are stored, as far as publishers know
	offered  map[string]time.Time // when publishers first tried to have them stored
}

// start has publishers publish until over.
func (l *load) start(ctx context.Context, c *chaos, over <-chan struct{}, all *sync.WaitGroup) {
	l.offered = map[string]time.Time{}
	for i := range natsPublishers + httpPublishers {
		put := c.putNATS
		if i < httpPublishers {
			put = c.putHTTP
		}
		all.Go(func() { l.publish(ctx, over, put) })
	}
	all.Go(func() {
		select {
		case <-over:
			l.over.Store(true)
		case <-ctx.Done():
		}
	})
}

// publish publishes each event again until it is stored.
func (l *load) publish(ctx context.Context, over <-chan struct{}, put func(context.Context, schemas.Event) error) {
	for {
		select {
		case <-over:
			return
		case <-time.After(publishEvery):
		}
		e := chaosEvent(int(l.next.Add(1)) - 1)
		l.mu.Lock()
		l.offered[e.ID()] = time.Now()
		l.mu.Unlock()
		for put(ctx, e) != nil {
			if ctx.Err() != nil {
				return
			}
			l.refused.Add(1)
			<-time.After(publishEvery)
		}
		l.mu.Lock()
		l.accepted = append(l.accepted, e.ID())
		l.mu.Unlock()
	}
}

// chaosEvent is the event of a number.
func chaosEvent(n int) schemas.Event {
	e := typedEvent(fmt.Sprintf("e%d", n), chaosType(n))
	e.SetSource("/test")
	e.SetExtension("partitionkey", strconv.Itoa(n%chaosKeys))
	return e
}

func chaosType(n int) string { return fleetTypes[n%len(fleetTypes)] }

func (c *chaos) putNATS(ctx context.Context, e schemas.Event) error {
	_, err := c.pub.Publish(ctx, e)
	return err
}

func (c *chaos) putHTTP(ctx context.Context, e schemas.Event) error {
	body, err := e.MarshalJSON()
	if err != nil {
		return err
	}
	return c.api.post(ctx, fmt.Sprintf("/v1/tenants/%s/events", testTenant), "application/cloudevents+json", body)
}

// post is exchange without the answer.
func (c caller) post(ctx context.Context, path, contentType string, body []byte) error {
	_, err := c.exchange(ctx, path, contentType, body)
	return err
}
