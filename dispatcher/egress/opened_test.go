package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// files are the connections that a dial has opened and nobody has closed.
type files struct {
	mu        sync.Mutex // guards what follows
	now, most int
}

func (f *files) count(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now += n
	f.most = max(f.most, f.now)
}

func (f *files) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	f.count(1)
	return &file{Conn: c, of: f}, nil
}

type file struct {
	net.Conn
	of     *files
	closed atomic.Bool
}

func (f *file) Close() error {
	if !f.closed.Swap(true) {
		f.of.count(-1)
	}
	return f.Conn.Close()
}

// Whoever delivers to many hosts keeps connections to few of them.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	const hosts, most = 40, 8
	_, trust := secureServer(t, hello) // all of httptest have one certificate
	for name, secure := range map[string]func(*httptest.Server){
		"http":   nil,
		"http1s": func(s *httptest.Server) { s.TLS = &tls.Config{NextProtos: []string{"http/1.1"}} },
		"http2":  func(s *httptest.Server) { s.EnableHTTP2 = true },
	} {
		for _, light := range []bool{false, true} {
			t.Run(name+", light "+strconv.FormatBool(light), func(t *testing.T) {
				var opened files
				o := Options{Dial: opened.dial, TLS: trust, MaxOpen: most}
				var tr interface {
					http.RoundTripper
					CloseIdleConnections()
				} = NewTransport(o)
				if light {
					tr = NewLight(o)
				}
				t.Cleanup(tr.CloseIdleConnections)
				for range hosts {
					s := httptest.NewUnstartedServer(hello)
					if secure == nil {
						s.Start()
					} else {
						secure(s)
						s.StartTLS()
					}
					t.Cleanup(s.Close)
					for range 3 { // the first may be the fallback's
						if _, err := lightPost(t, tr, s.URL); err != nil {
							t.Fatal(err)
						}
					}
				}
				if n := opened.most; n < most/2 || n > most {
					t.Errorf("%d connections were open at once, want at most %d, and some", n, most)
				}
				tr.CloseIdleConnections()
				if n := opened.now; n != 0 {
					t.Errorf("%d connections are left", n)
				}
			})
		}
	}
}

// A connection for which the process has no file is made once it has one, and fails only
// if that takes too long.
func TestNoFileIsWaitedFor(t *testing.T) {
	s := plainServer(t, hello)
	var opened files
	fails := 3
	tr := NewLight(Options{MaxOpen: 8, ConnectTimeout: time.Second, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if fails--; fails >= 0 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("socket", syscall.EMFILE)}
		}
		return opened.dial(ctx, network, addr)
	}})
	t.Cleanup(tr.CloseIdleConnections)
	if _, err := lightPost(t, tr, s.URL); err != nil || fails != -1 {
		t.Errorf("%v, %d", err, fails)
	}
	tr.CloseIdleConnections()
	fails = math.MaxInt
	if _, err := lightPost(t, tr, s.URL); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("without files: %v", err)
	}
}
