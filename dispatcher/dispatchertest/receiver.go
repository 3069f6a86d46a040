// Package dispatchertest is a receiver that does what a test tells it, on a
// network of pipes: no sockets, so it works inside testing/synctest, where a
// hang of fifteen seconds takes no time.
package dispatchertest

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/egress"
)

// Request is one request as the receiver saw it.
type Request struct {
	At     time.Time
	Method string
	Path   string
	ID     string // webhook-id
	Header http.Header
	Body   []byte
}

// Answer is how the receiver answers a request: it may write to w, block
// until the request's context ends, or panic with http.ErrAbortHandler to break
// the connection.
type Answer func(w http.ResponseWriter, r *http.Request)

// Status answers with a status and headers, given as name, value, name, value.
func Status(status int, headers ...string) Answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
	}
}

// Hang never answers.
func Hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Reset breaks the connection.
func Reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// After answers as a does, some time later.
func After(d time.Duration, a Answer) Answer {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(d):
			a(w, r)
		case <-r.Context().Done():
		}
	}
}

// Once answers as a does, once open is closed.
func Once(open <-chan struct{}, a Answer) Answer {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-open:
			a(w, r)
		case <-r.Context().Done():
		}
	}
}

// SlowBody says 200 at once and then drips a byte a second, for ever.
func SlowBody(w http.ResponseWriter, r *http.Request) {
	for {
		if _, err := w.Write([]byte(".")); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(time.Second):
		}
	}
}

// Receiver is an HTTP server that plays a script.
type Receiver struct {
	conns chan net.Conn
	done  chan struct{}

	mu       sync.Mutex // guards what follows
	script   func(Request) Answer
	requests []Request
}

// New starts a receiver that answers 204 until told otherwise, and stops it
// when the test ends.
func New(tb testing.TB) *Receiver {
	r := &Receiver{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: http.HandlerFunc(r.serve)} //nolint:gosec // no stranger can reach it
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener{r})
	}()
	tb.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return r
}

// Script decides the answer to each request; nil means 204.
func (r *Receiver) Script(s func(Request) Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.script = s
}

// Play answers each webhook-id's requests with the answers in turn, and any
// further with 204.
func (r *Receiver) Play(answers ...Answer) {
	seen := map[string]int{}
	r.Script(func(q Request) Answer {
		n := seen[q.ID]
		seen[q.ID]++
		if n < len(answers) {
			return answers[n]
		}
		return nil
	})
}

// Requests are those so far, in the order they came.
func (r *Receiver) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Request(nil), r.requests...)
}

// Transport is a way to the receiver, whatever the URL's host. Use http URLs.
func (r *Receiver) Transport(tb testing.TB) *egress.Transport {
	t := egress.NewTransport(egress.Options{Dial: r.dial})
	tb.Cleanup(t.CloseIdleConnections)
	return t
}

func (r *Receiver) serve(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	request := Request{At: time.Now(), Method: q.Method, Path: q.URL.Path, ID: q.Header.Get("webhook-id"), Header: q.Header, Body: body}
	r.mu.Lock()
	r.requests = append(r.requests, request)
	var answer Answer
	if r.script != nil {
		answer = r.script(request)
	}
	r.mu.Unlock()
	if answer == nil {
		answer = Status(http.StatusNoContent)
	}
	answer(w, q)
}

func (r *Receiver) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case r.conns <- server:
		return client, nil
	case <-r.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// listener hands the server its ends of the pipes.
type listener struct{ r *Receiver }

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.r.conns:
		return c, nil
	case <-l.r.done:
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error {
	select {
	case <-l.r.done:
	default:
		close(l.r.done)
	}
	return nil
}

func (l listener) Addr() net.Addr { return &net.UnixAddr{Name: "receiver", Net: "pipe"} }
