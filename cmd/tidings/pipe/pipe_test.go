package pipe

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/config/telemetry"
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
	receiver *dispatchertest.Receiver
	registry *registry.Registry
	nc       *nats.Conn
	pub      *producers.Publisher
	reports  chan dispatcher.Report

	tracers   trace.TracerProvider // nil is none
	telemetry *telemetry.Telemetry // of the process
	process   *Process             // nil if the test runs the stages itself
	settings  config.Settings
}

// startPipe runs the process, inside a synctest bubble.
func startPipe(t *testing.T) *pipe {
	t.Helper()
	return startTracedPipe(t, nil)
}

func startTracedPipe(t *testing.T, tracers trace.TracerProvider) *pipe {
	t.Helper()
	streamstest.DropTimers(t)
	p := newPipe(t)
	p.tracers = tracers
	p.settings = testSettings(t.TempDir())
	p.start()
	t.Cleanup(p.stop)
	if err := p.registry.PutTenant(t.Context(), schemas.Tenant{ID: testTenant}); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return p
}

func newPipe(t *testing.T) *pipe {
	return &pipe{t: t, receiver: dispatchertest.New(t), reports: make(chan dispatcher.Report, 10000)}
}

// start runs the process on what the data directory holds.
func (p *pipe) start() {
	p.t.Helper()
	process, err := Start(p.t.Context(), p.settings, slog.New(slog.DiscardHandler), Hooks{
		Observe:   p.observe,
		Transport: p.receiver.Transport(p.t),
		Tracers:   p.tracers,
		Telemetry: p.telemetry,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	nc, err := process.connect("test")
	if err != nil {
		p.t.Fatal(err)
	}
	p.process, p.registry = process, process.Registry
	p.use(nc)
}

// use makes nc the test's own connection.
func (p *pipe) use(nc *nats.Conn) {
	p.t.Helper()
	var err error
	p.nc = nc
	if p.pub, err = producers.New(nc, producers.Options{Tenant: testTenant, Source: "/test", Tracers: p.tracers}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pipe) observe(r dispatcher.Report) { p.reports <- r }

func (p *pipe) stop() {
	p.nc.Close()
	if err := p.process.Stop(); err != nil {
		p.t.Errorf("stop: %v", err)
	}
}

func testSettings(dir string) config.Settings {
	return config.Settings{
		DataDir: dir, Roles: []string{"all"}, Grace: time.Second,
		Streams: config.Streams{Partitions: 4, Shards: 2},
	}
}

// endpoint registers an endpoint that gets the events of the types, or every
// event, and waits until the stages know it.
func (p *pipe) endpoint(id schemas.EndpointID, policy schemas.Policy, types ...schemas.TypePattern) {
	p.t.Helper()
	if len(types) == 0 {
		types = []schemas.TypePattern{"*"}
	}
	p.putEndpoint(id, "http://receiver.test/"+string(id), policy)
	p.subscribe(schemas.SubscriptionID("sub_"+string(id)), id, types...)
}

func (p *pipe) putEndpoint(id schemas.EndpointID, url string, policy schemas.Policy) {
	p.t.Helper()
	p.put(schemas.Endpoint{ID: id, URL: url, Policy: policy})
}

// put registers an endpoint with the test's secret, of the test's tenant if it
// names none.
func (p *pipe) put(e schemas.Endpoint) {
	p.t.Helper()
	e.Tenant, e.Secrets = cmp.Or(e.Tenant, testTenant), []schemas.Secret{schemas.NewSecret(testSecret)}
	if err := p.registry.PutEndpoint(p.t.Context(), e); err != nil {
		p.t.Fatal(err)
	}
	synctest.Wait()
}

func (p *pipe) subscribe(id schemas.SubscriptionID, endpoint schemas.EndpointID, types ...schemas.TypePattern) {
	p.t.Helper()
	s := schemas.Subscription{ID: id, Tenant: testTenant, Endpoint: endpoint, Types: types}
	if err := p.registry.PutSubscription(p.t.Context(), s); err != nil {
		p.t.Fatal(err)
	}
	synctest.Wait()
}

func (p *pipe) publish(ctx context.Context, id string) {
	p.t.Helper()
	p.publishEvent(ctx, testEvent(id))
}

func (p *pipe) publishEvent(ctx context.Context, e schemas.Event) {
	p.t.Helper()
	if _, err := p.pub.Publish(ctx, e); err != nil {
		p.t.Fatal(err)
	}
}

func testEvent(id string) schemas.Event { return typedEvent(id, "order.created") }

func typedEvent(id, eventType string) schemas.Event {
	e := event.New()
	e.SetID(id)
	e.SetType(eventType)
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

// noMore fails if anything is attempted in the time.
func (p *pipe) noMore(within time.Duration) {
	p.t.Helper()
	select {
	case r := <-p.reports:
		p.t.Errorf("attempted %s for %s: %+v; want nothing", r.Delivery.ID, r.Delivery.Endpoint, r.Outcome)
	case <-time.After(within):
	}
}

// requests are those of one endpoint, by the path of its first URL.
func (p *pipe) requests(id schemas.EndpointID) []dispatchertest.Request {
	var own []dispatchertest.Request
	for _, q := range p.receiver.Requests() {
		if q.Path == "/"+string(id) {
			own = append(own, q)
		}
	}
	return own
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
	for i := range s.CachedInfo().State.Msgs { // nothing leaves it in so short a time
		sequence := s.CachedInfo().State.FirstSeq + i
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

// theDeadLetter is the only one in DEAD.
func (p *pipe) theDeadLetter() *schemas.DeadLetter {
	p.t.Helper()
	letters := p.deadLetters()
	if len(letters) != 1 {
		p.t.Fatalf("%d dead letters, want 1", len(letters))
	}
	return letters[0]
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
		if want := fmt.Sprintf(`{"type":"order.created","timestamp":"%s","data":{"id":"e1"}}`, time.Now().UTC().Format(time.RFC3339Nano)); string(got[0].Body) != want {
			t.Errorf("body %s\nwant %s", got[0].Body, want)
		}
	})
}
