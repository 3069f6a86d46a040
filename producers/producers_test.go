package producers_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

const source = "/services/accounts"

// pipe is the streams of the pipe and a publisher on them.
type pipe struct {
	*streamstest.Env
	*producers.Publisher
	t      testing.TB
	stream jetstream.Stream
}

func start(t testing.TB) *pipe {
	t.Helper()
	env := streamstest.Start(t, streamstest.Small())
	return &pipe{Env: env, Publisher: publisher(t, env.NC, producers.Options{}), t: t, stream: eventsOf(t, env.NC)}
}

func publisher(t testing.TB, nc *nats.Conn, o producers.Options) *producers.Publisher {
	t.Helper()
	o.Tenant, o.Source = "acme", source
	p, err := producers.New(nc, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func eventsOf(t testing.TB, nc *nats.Conn) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), schemas.StreamEvents)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// count is how many events are stored.
func count(t testing.TB, s jetstream.Stream) uint64 {
	t.Helper()
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

// stored is the message under a sequence, and the event in it.
func (p *pipe) stored(sequence uint64) (*jetstream.RawStreamMsg, schemas.Event) {
	p.t.Helper()
	m, err := p.stream.GetMsg(p.t.Context(), sequence)
	if err != nil {
		p.t.Fatal(err)
	}
	e, err := schemas.DecodeEvent(schemas.Header(m.Header), m.Data)
	if err != nil {
		p.t.Fatal(err)
	}
	return m, e
}

// created is a valid event; without an id the publisher chooses one.
func created(id string) schemas.Event {
	e := event.New()
	e.SetID(id) // the SDK takes "" for an error, which the next line forgets
	e.FieldErrors = nil
	e.SetType("order.created")
	e.SetSubject("u1")
	e.DataEncoded = []byte(`{"current":{"id":"u1"},"previous":null}`)
	e.SetDataContentType(event.ApplicationJSON)
	return e
}

// refused wants the error of an event that is certainly not stored.
func refused(t testing.TB, err error) {
	t.Helper()
	var e *producers.PublishError
	if !errors.As(err, &e) || e.MaybeStored {
		t.Fatalf("error is %v, want a PublishError without MaybeStored", err)
	}
}

// doubtful wants the error of an event that may be stored, and returns the
// event.
func doubtful(t testing.TB, err error) schemas.Event {
	t.Helper()
	var e *producers.PublishError
	if !errors.As(err, &e) || !e.MaybeStored {
		t.Fatalf("error is %v, want a PublishError with MaybeStored", err)
	}
	return e.Event
}

// newServer runs a bare server of its own: without a store folder without
// JetStream. It opens no socket.
func newServer(storeDir string) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, NoLog: true,
		JetStream: storeDir != "", StoreDir: storeDir, MaxPayload: 2 << 20,
	})
	if err != nil {
		return nil, err
	}
	go s.Start() // stop waits for it
	if !s.ReadyForConnections(time.Minute) {
		return nil, errors.New("the server is not ready")
	}
	return s, nil
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// door leads clients to the server of the moment.
type door struct {
	mu sync.Mutex // guards s
	s  *server.Server
}

func (d *door) InProcessConn() (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.s.InProcessConn()
}

func (d *door) lead(t testing.TB, storeDir string) {
	t.Helper()
	s, err := newServer(storeDir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(s) })
	d.mu.Lock()
	defer d.mu.Unlock()
	d.s = s
}

func (d *door) connect(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect("", append(options, nats.InProcessServer(d),
		nats.MaxReconnects(-1), nats.ReconnectWait(250*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))...) // it would print
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// hand answers publishes in EVENTS' place, when and as the test says.
type hand struct {
	t    testing.TB
	msgs chan *nats.Msg // what was published and is not answered
	seq  uint64
}

func newHand(t testing.TB) (*hand, *nats.Conn) {
	t.Helper()
	var d door
	d.lead(t, "")
	nc := d.connect(t)
	h := &hand{t: t, msgs: make(chan *nats.Msg, 100)}
	if _, err := nc.ChanSubscribe(schemas.EventsSubjects, h.msgs); err != nil {
		t.Fatal(err)
	}
	return h, nc
}

// ok stores the oldest publish.
func (h *hand) ok() *nats.Msg {
	h.seq++
	return h.answer(fmt.Sprintf(`{"stream":"EVENTS","seq":%d}`, h.seq))
}

// refuse answers the oldest publish with an error.
func (h *hand) refuse(code, errorCode int, description string) *nats.Msg {
	b, _ := json.Marshal(map[string]any{"stream": "EVENTS", "error": map[string]any{
		"code": code, "err_code": errorCode, "description": description,
	}})
	return h.answer(string(b))
}

func (h *hand) answer(body string) *nats.Msg {
	h.t.Helper()
	m := h.next()
	if err := m.Respond([]byte(body)); err != nil {
		h.t.Fatal(err)
	}
	return m
}

// next is the oldest publish, without an answer.
func (h *hand) next() *nats.Msg {
	h.t.Helper()
	select {
	case m := <-h.msgs:
		return m
	case <-time.After(2 * time.Hour): // longer than any publisher here tries
		h.t.Fatal("nothing more was published")
		return nil
	}
}
