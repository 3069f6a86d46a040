package egress

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestOptionsReachTheTransport(t *testing.T) {
	zero := NewTransport(Options{})
	if zero.MaxIdleConnsPerHost != 512 || zero.MaxIdleConns != 0 || zero.IdleConnTimeout != 90*time.Second || zero.MaxConnsPerHost != 0 {
		t.Errorf("pools of the zero value: %d per host, %d in total, %s, at most %d",
			zero.MaxIdleConnsPerHost, zero.MaxIdleConns, zero.IdleConnTimeout, zero.MaxConnsPerHost)
	}
	if zero.Proxy != nil {
		t.Error("the transport asks for a proxy")
	}
	if !zero.DisableCompression {
		t.Error("the transport decompresses")
	}
	set := NewTransport(Options{MaxIdlePerHost: 7, IdleTimeout: time.Minute})
	if set.MaxIdleConnsPerHost != 7 || set.IdleConnTimeout != time.Minute {
		t.Errorf("pools: %d per host, %s, want 7 and 1m", set.MaxIdleConnsPerHost, set.IdleConnTimeout)
	}
}

func TestResponseHeaderIsBounded(t *testing.T) {
	header := func(size int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("a", size))
		})
	}
	for _, tt := range []struct {
		size int
		ok   bool
	}{{60 << 10, true}, {66 << 10, false}} {
		plain := plainServer(t, header(tt.size))
		if _, _, err := get(t, transport(t, Options{Guard: loopback}), plain.URL); (err == nil) != tt.ok {
			t.Errorf("HTTP/1.1, %d bytes of header: %v", tt.size, err)
		}
		secure, trust := secureServer(t, header(tt.size))
		if _, _, err := get(t, transport(t, Options{Guard: loopback, TLS: trust}), secure.URL); (err == nil) != tt.ok {
			t.Errorf("HTTP/2, %d bytes of header: %v", tt.size, err)
		}
	}
}

// TestCompressionIsLeftAlone answers with what says it is compressed and is not:
// it comes as it was sent, and nobody had asked for it.
func TestCompressionIsLeftAlone(t *testing.T) {
	s := plainServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "asked for "+r.Header.Get("Accept-Encoding"))
	}))
	if _, body, err := get(t, transport(t, Options{Guard: loopback}), s.URL); err != nil || body != "asked for " {
		t.Errorf("got %q, %v", body, err)
	}
}

// TestIdleConnectionsAreKept runs rounds of simultaneous requests: after the
// first round every request finds a connection.
func TestIdleConnectionsAreKept(t *testing.T) {
	const width = 64 // below the default of MaxIdlePerHost
	arrived, release := make(chan struct{}, width), make(chan struct{}, width)
	s := plainServer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}))
	var dials atomic.Int32
	tr := transport(t, Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}})
	for range 3 {
		done := make(chan error, width)
		for range width {
			go func() { // the loop over done waits for it
				_, _, err := get(t, tr, s.URL)
				done <- err
			}()
		}
		for range width {
			<-arrived
		}
		for range width {
			release <- struct{}{}
		}
		for range width {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	}
	// A connection returns to the pool a moment after its response was read, so
	// a round may open a few more; without a pool there would be 192.
	if n := dials.Load(); n < width || n >= 2*width {
		t.Errorf("%d dials for 3 rounds of %d requests, want about %d", n, width, width)
	}
}
