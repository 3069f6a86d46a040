package processes

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
)

// ledgerKey is one event at one endpoint.
type ledgerKey struct{ endpoint, event string }

// request is one that came.
type request struct {
	ledgerKey
	nth int // of the event at the endpoint, from 1
	at  time.Time
}

// receipts are the requests for one event at one endpoint.
type receipts struct {
	came  int             // all of them
	taken int             // answered with 204
	ids   map[string]bool // the webhook-ids they came under
}

// receiver is a receiver on loopback, in the test's own process, so that what
// it took is never lost with another's memory. Each endpoint is a path.
type receiver struct {
	t      *testing.T
	addr   string
	server *http.Server
	served chan struct{} // closed once the server has ended

	// answer is the status for a request; nil answers 204.
	answer func(request) int

	mu       sync.Mutex // guards what follows
	seen     map[ledgerKey]*receipts
	requests []request              // in the order they came
	headers  map[string]http.Header // of the newest request, by event
	bodies   map[string][]byte      // likewise
	all      map[string][]string    // the bodies that came, by endpoint
}

func startReceiver(t *testing.T, answer func(request) int) *receiver {
	t.Helper()
	r := &receiver{
		t: t, addr: "127.0.0.1:0", answer: answer,
		seen: map[ledgerKey]*receipts{}, headers: map[string]http.Header{}, bodies: map[string][]byte{}, all: map[string][]string{},
	}
	r.open()
	t.Cleanup(r.close)
	return r
}

// open serves, on the same address as before.
func (r *receiver) open() {
	r.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.addr = listener.Addr().String()
	r.server = &http.Server{Handler: r, ErrorLog: log.New(io.Discard, "", 0)} //nolint:gosec // the only client is Tidings
	served, server := make(chan struct{}), r.server
	r.served = served
	go func() { // close waits for it
		defer close(served)
		_ = server.Serve(listener)
	}()
}

// close is an outage: connections break and new ones are refused. It may be
// called twice.
func (r *receiver) close() {
	_ = r.server.Close()
	<-r.served
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // the sender was killed
	}
	key := ledgerKey{strings.TrimPrefix(q.URL.Path, "/"), eventOf(body)}
	s, came := r.note(key, q.Header.Get(signing.HeaderID))
	status := http.StatusNoContent
	if r.answer != nil {
		status = r.answer(came)
	}
	r.mu.Lock()
	if status == http.StatusNoContent {
		s.taken++
	}
	r.headers[key.event], r.bodies[key.event] = q.Header, body
	r.all[key.endpoint] = append(r.all[key.endpoint], string(body))
	r.mu.Unlock()
	w.WriteHeader(status)
}

// note enters a request under its webhook-id.
func (r *receiver) note(key ledgerKey, id string) (*receipts, request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.seen[key]
	if s == nil {
		s = &receipts{ids: map[string]bool{}}
		r.seen[key] = s
	}
	s.came++
	s.ids[id] = true
	q := request{ledgerKey: key, nth: s.came, at: time.Now()}
	r.requests = append(r.requests, q)
	return s, q
}
