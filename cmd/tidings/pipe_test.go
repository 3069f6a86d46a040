package main

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

const (
	testTenant = schemas.TenantID("acme")
	testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// pipe is the whole pipe in a test's process, on the test's clock: producers,
// fanout and dispatcher around a real JetStream, and a scripted receiver.
type pipe struct {
	t        *testing.T
	app      *app
	receiver *dispatchertest.Receiver
	nc       *nats.Conn
	pub      *producers.Publisher
	reports  chan dispatcher.Report
}

// startPipe runs inside a synctest bubble.
func startPipe(t *testing.T) *pipe {
	t.Helper()
	p := &pipe{t: t, receiver: dispatchertest.New(t), reports: make(chan dispatcher.Report, 10000)}
	settings := testSettings(t.TempDir())
	a, err := startApp(t.Context(), settings, slog.New(slog.DiscardHandler), hooks{
		observe:   func(r dispatcher.Report) { p.reports <- r },
		transport: p.receiver.Transport(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	p.app = a
	if p.nc, err = a.connect("test"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.nc.Close)
	if p.pub, err = producers.New(p.nc, producers.Options{Tenant: testTenant, Source: "/test"}); err != nil {
		t.Fatal(err)
	}
	if err := a.registry.PutTenant(t.Context(), schemas.Tenant{ID: testTenant}); err != nil {
		t.Fatal(err)
	}
	return p
}

func testSettings(dir string) config.Settings {
	return config.Settings{
		DataDir: dir, Roles: []string{"all"}, Grace: time.Second,
		Streams: config.Streams{Partitions: 4, Shards: 2},
	}
}

// endpoint registers an endpoint that gets every event, and waits until the
// stages know it.
func (p *pipe) endpoint(id schemas.EndpointID, policy schemas.Policy) {
	p.t.Helper()
	ctx := p.t.Context()
	e := schemas.Endpoint{
		ID: id, Tenant: testTenant, URL: "http://receiver.test/" + string(id),
		Secrets: []schemas.Secret{schemas.NewSecret(testSecret)}, Policy: policy,
	}
	if err := p.app.registry.PutEndpoint(ctx, e); err != nil {
		p.t.Fatal(err)
	}
	s := schemas.Subscription{ID: schemas.SubscriptionID("sub_" + string(id)), Tenant: testTenant, Endpoint: id, Types: []schemas.TypePattern{"*"}}
	if err := p.app.registry.PutSubscription(ctx, s); err != nil {
		p.t.Fatal(err)
	}
	synctest.Wait()
}

func (p *pipe) publish(ctx context.Context, id string) {
	p.t.Helper()
	if _, err := p.pub.Publish(ctx, testEvent(id)); err != nil {
		p.t.Fatal(err)
	}
}

func testEvent(id string) schemas.Event {
	e := event.New()
	e.SetID(id)
	e.SetType("user.created")
	_ = e.SetData(event.ApplicationJSON, map[string]string{"id": id})
	return e
}

// ends collects the verdicts that end a delivery until n have come.
func (p *pipe) ends(n int) []dispatcher.Report {
	p.t.Helper()
	var ends []dispatcher.Report
	for len(ends) < n {
		if r := <-p.reports; r.Outcome.Kind != schemas.Retry {
			ends = append(ends, r)
		}
	}
	return ends
}

// deadLetters reads all of DEAD.
func (p *pipe) deadLetters() []*schemas.DeadLetter {
	p.t.Helper()
	js, err := jetstream.New(p.nc)
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := js.Stream(p.t.Context(), schemas.StreamDead)
	if err != nil {
		p.t.Fatal(err)
	}
	var letters []*schemas.DeadLetter
	for sequence := s.CachedInfo().State.FirstSeq; sequence <= s.CachedInfo().State.LastSeq; sequence++ {
		m, err := s.GetMsg(p.t.Context(), sequence)
		if err != nil {
			p.t.Fatal(err)
		}
		l, err := schemas.ReadDeadLetter(m.Subject, m.Header, m.Data)
		if err != nil {
			p.t.Fatal(err)
		}
		letters = append(letters, l)
	}
	return letters
}

func TestAnEventReachesItsReceiverSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		p.endpoint("ep_a", schemas.Policy{})
		p.publish(t.Context(), "e1")
		end := p.ends(1)[0]
		if end.Outcome.Kind != schemas.Delivered {
			t.Fatalf("ended %+v", end.Outcome)
		}
		got := p.receiver.Requests()
		if len(got) != 1 {
			t.Fatalf("%d requests, want 1", len(got))
		}
		key, err := signing.ParseKey(testSecret)
		if err != nil {
			t.Fatal(err)
		}
		if err := signing.Verify(got[0].Header, got[0].Body, time.Now(), key); err != nil {
			t.Errorf("signature: %v", err)
		}
		if want := fmt.Sprintf(`{"type":"user.created","timestamp":"%s","data":{"id":"e1"}}`, time.Now().UTC().Format(time.RFC3339Nano)); string(got[0].Body) != want {
			t.Errorf("body %s\nwant %s", got[0].Body, want)
		}
	})
}
