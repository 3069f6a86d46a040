package pipe

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// largeEvent is one whose deliveries are stored by reference.
func largeEvent(id string, size int) schemas.Event {
	e := testEvent(id)
	_ = e.SetData(event.ApplicationJSON, map[string]string{"id": id, "pad": strings.Repeat("x", size)})
	return e
}

// deliveriesState is what the delivery stream holds.
func (s *stages) deliveriesState() jetstream.StreamState {
	s.t.Helper()
	js, err := jetstream.New(s.nc)
	if err != nil {
		s.t.Fatal(err)
	}
	stream, err := js.Stream(s.t.Context(), s.env.Layout.DeliveriesStream(0))
	if err != nil {
		s.t.Fatal(err)
	}
	return stream.CachedInfo().State
}

// thousand is a receiver that takes what is signed and right, and keeps nothing
// of it but the path.
type thousand struct {
	key  signing.Key
	want []byte // what a body ends with

	mu    sync.Mutex // guards what follows
	taken map[string]int
	wrong []string
}

func (r *thousand) RoundTrip(q *http.Request) (*http.Response, error) {
	header := http.Header{} // as a server would show it
	for name, values := range q.Header {
		header[http.CanonicalHeaderKey(name)] = values
	}
	body, err := io.ReadAll(q.Body)
	if err == nil {
		err = signing.Verify(header, body, time.Now(), r.key)
	}
	if err == nil && !bytes.HasSuffix(body, r.want) {
		err = fmt.Errorf("%d bytes, and not what was published", len(body))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken[q.URL.Path]++
	if err != nil {
		r.wrong = append(r.wrong, err.Error())
	}
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}, nil
}

// TestALargeEventForAThousand publishes 512 KiB that a thousand endpoints want.
// It wants less than 5 MiB stored for them, EVENTS read a handful of times, though
// the dispatcher dies half-way, and each of them to get the data, signed.
func TestALargeEventForAThousand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepareStages(t)
		for n := range 1000 {
			id := schemas.EndpointID(fmt.Sprintf("ep_%d", n))
			e := schemas.Endpoint{ID: id, Tenant: testTenant, URL: "http://receiver.test/" + string(id), Secrets: []schemas.Secret{schemas.NewSecret(testSecret)}}
			sub := schemas.Subscription{ID: schemas.SubscriptionID(fmt.Sprintf("sub_%d", n)), Tenant: testTenant, Endpoint: id, Types: []schemas.TypePattern{"*"}}
			s.targets.Apply(schemas.Change{Endpoint: &e})
			s.index.Apply(schemas.Change{Subscription: &sub})
		}
		e := largeEvent("e1", 512<<10)
		key, err := signing.ParseKey(testSecret)
		if err != nil {
			t.Fatal(err)
		}
		receiver := &thousand{key: key, want: append([]byte(`"data":`), append(e.Data(), '}')...), taken: map[string]int{}}
		reads, err := s.nc.SubscribeSync("$JS.API.DIRECT.GET.EVENTS")
		if err != nil {
			t.Fatal(err)
		}
		nc := s.env.Connect()
		t.Cleanup(s.run(nc, s.fanoutOn(nc)).stop)
		s.publishEvent(t.Context(), e)
		<-time.After(time.Minute)
		if state := s.deliveriesState(); state.Msgs != 1000 || state.Bytes >= 5<<20 {
			t.Errorf("%d deliveries take %d bytes", state.Msgs, state.Bytes)
		}
		dispatcherOn := func(nc *nats.Conn) func(context.Context, int) error {
			d, err := dispatcher.New(nc, dispatcher.Options{
				Layout: s.env.Layout, Targets: s.targets, Fetch: s.registry.Endpoint, Disable: s.registry.DisableEndpoint, Transport: receiver,
			})
			if err != nil {
				t.Fatal(err)
			}
			return d.RunPartition
		}
		dies, gone := s.env.ConnectFor(20_000)
		first := s.run(dies, dispatcherOn(dies))
		<-gone
		first.stop()
		left := s.deliveriesState().Msgs
		nc = s.env.Connect()
		t.Cleanup(s.run(nc, dispatcherOn(nc)).stop)
		s.drained()
		if n, _, err := reads.Pending(); err != nil || n < 1 || n > 5 {
			t.Errorf("EVENTS was read %d times (%v)", n, err)
		}
		if left == 0 || left == 1000 {
			t.Errorf("%d were left when the first dispatcher died: the test shows nothing", left)
		}
		if len(receiver.taken) != 1000 || len(receiver.wrong) > 0 {
			t.Errorf("%d of 1000 got it; wrong: %.200q", len(receiver.taken), receiver.wrong)
		}
	})
}

// A large event goes the express way like others; what is retried of it, or comes
// from history, is stored by reference and delivered with all its data.
func TestALargeEventThroughThePipe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		p.endpoint("ep_a", schemas.Policy{Retry: []schemas.Duration{seconds(600)}})
		p.receiver.Play(dispatchertest.Status(500))
		js, err := jetstream.New(p.nc)
		if err != nil {
			t.Fatal(err)
		}
		stored := func() (n int, size uint64) {
			for shard := range 2 {
				s, err := js.Stream(t.Context(), schemas.DeliveriesShard(shard))
				if err != nil {
					t.Fatal(err)
				}
				n += int(s.CachedInfo().State.Msgs) //nolint:gosec // a few
				size += s.CachedInfo().State.Bytes
			}
			return n, size
		}
		e := largeEvent("e1", 100_000)
		p.publishEvent(t.Context(), e)
		<-time.After(time.Minute)
		if n, size := stored(); n != 1 || size > 2000 {
			t.Errorf("the retries of %d deliveries take %d bytes", n, size)
		}
		p.ends(1)
		p.putEndpoint("ep_new", "http://receiver.test/ep_new", schemas.Policy{})
		s := schemas.Subscription{
			ID: "sub_new", Tenant: testTenant, Endpoint: "ep_new", Types: []schemas.TypePattern{"*"},
			History: &schemas.History{State: schemas.HistoryReading},
		}
		if err := p.registry.PutSubscription(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		p.ends(1)
		got := p.receiver.Requests()
		if len(got) != 4 || len(p.requests("ep_new")) != 2 {
			t.Fatalf("%d requests, %d of them from history", len(got), len(p.requests("ep_new")))
		}
		key, err := signing.ParseKey(testSecret)
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range got {
			if !bytes.HasSuffix(q.Body, append([]byte(`"data":`), append(e.Data(), '}')...)) {
				t.Errorf("request %d: %d bytes, and not what was published", i, len(q.Body))
			}
			if err := signing.Verify(q.Header, q.Body, q.At, key); err != nil {
				t.Errorf("request %d: %v", i, err)
			}
		}
		if len(p.deadLetters()) > 0 {
			t.Error("something died")
		}
	})
}
