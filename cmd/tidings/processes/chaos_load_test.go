//go:build unix

package processes

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
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

// answerLimit is how long a caller waits for the API, which tries for 30 s to
// have an event stored.
const answerLimit = 40 * time.Second

// post makes a request that may fail; where [caller.call] ends the test, it
// returns an error.
func (c caller) post(ctx context.Context, path, contentType string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // read only
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s: %s", response.Status, answer)
	}
	return nil
}
