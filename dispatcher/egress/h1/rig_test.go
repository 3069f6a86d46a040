package h1

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// receiver is a raw TCP server: each connection is handed to serve with its
// number, from 0, and closed after.
type receiver struct {
	url   string
	conns atomic.Int32
	wg    sync.WaitGroup
}

func serve(t *testing.T, serve func(n int, c net.Conn, in *bufio.Reader)) *receiver {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{url: "http://" + ln.Addr().String() + "/"}
	r.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n := int(r.conns.Add(1)) - 1
			r.wg.Go(func() {
				stop := context.AfterFunc(t.Context(), func() { _ = c.Close() })
				defer stop()
				serve(n, c, bufio.NewReader(c))
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		r.wg.Wait()
	})
	return r
}

// request reads one request with its body; false at the connection's end.
func request(in *bufio.Reader) (string, bool) {
	r, err := http.ReadRequest(in)
	if err != nil {
		return "", false
	}
	body, err := io.ReadAll(r.Body)
	return string(body), err == nil
}

// answering answers every request alike.
func answering(response string) func(int, net.Conn, *bufio.Reader) {
	return func(_ int, c net.Conn, in *bufio.Reader) {
		for {
			if _, ok := request(in); !ok {
				return
			}
			_, _ = io.WriteString(c, response)
		}
	}
}

const headerBound = 64 << 10

func newTransport(t *testing.T, change func(*Options)) *Transport {
	t.Helper()
	o := Options{
		Dial: func(ctx context.Context, _, addr string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		},
		Fallback:       &http.Transport{MaxResponseHeaderBytes: headerBound, DisableCompression: true},
		MaxIdlePerHost: 64, IdleTimeout: time.Minute, MaxHeaderBytes: headerBound,
	}
	if change != nil {
		change(&o)
	}
	tr := New(o)
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// post makes one request with a body and reads all of the response. Its
// deadline only keeps a test that fails from hanging.
func post(t *testing.T, rt http.RoundTripper, url string) (int, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return postWith(ctx, t, rt, url)
}

func postWith(ctx context.Context, t *testing.T, rt http.RoundTripper, url string) (int, string, error) {
	t.Helper()
	resp, err := rt.RoundTrip(newRequest(ctx, t, url, `{"a":1}`))
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, string(body), err
}

func newRequest(ctx context.Context, t *testing.T, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// idle is how many connections t keeps.
func idle(t *Transport) int {
	t.pool.mu.Lock()
	defer t.pool.mu.Unlock()
	n := 0
	for _, conns := range t.pool.hosts {
		n += len(conns)
	}
	return n
}

// secure dials as the egress transport does: TLS, with HTTP/1.1 alone.
func secure(config *tls.Config, dials *atomic.Int32) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, addr string) (net.Conn, error) {
		dials.Add(1)
		c := config.Clone()
		c.NextProtos = []string{"http/1.1"}
		return (&tls.Dialer{Config: c}).DialContext(ctx, "tcp", addr)
	}
}
