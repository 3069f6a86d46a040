package h1

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestRequestOnTheWire holds it to what net/http sends, but for the compression
// it asks for.
func TestRequestOnTheWire(t *testing.T) {
	heads := make(chan string, 2)
	r := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
		var head strings.Builder
		for {
			line, err := in.ReadString('\n')
			if head.WriteString(line); err != nil || line == "\r\n" {
				break
			}
		}
		heads <- head.String()
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	})
	std := &http.Transport{DisableCompression: true}
	for _, rt := range []http.RoundTripper{std, newTransport(t, nil)} {
		q := newRequest(t.Context(), t, r.url+"a%2Fb?c=d e", "{}")
		q.Header = http.Header{"User-Agent": {"Tidings"}, "Webhook-Id": {"1"}, "X": {"a", "b"}}
		q.Host = "virtual.example"
		resp, err := rt.RoundTrip(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	if want, got := <-heads, <-heads; got != want {
		t.Errorf("got\n%s\nnet/http sends\n%s", got, want)
	}
}

func TestLeftToNetHTTP(t *testing.T) {
	var own atomic.Int32
	r := serve(t, answering(ok))
	tr := newTransport(t, func(o *Options) {
		dial := o.Dial
		o.Dial = func(ctx context.Context, scheme, addr string) (net.Conn, error) {
			own.Add(1)
			return dial(ctx, scheme, addr)
		}
	})
	for name, tt := range map[string]struct {
		change  func(*http.Request)
		refused bool
	}{
		"GET":             {func(q *http.Request) { q.Method = http.MethodGet; q.Body, q.ContentLength = nil, 0 }, false},
		"long body":       {func(q *http.Request) { setBody(q, strings.Repeat("x", maxBody+1)) }, false},
		"unknown length":  {func(q *http.Request) { q.ContentLength = -1 }, false},
		"expect":          {func(q *http.Request) { q.Header.Set("Expect", "100-continue") }, false},
		"upgrade":         {func(q *http.Request) { q.Header.Set("Upgrade", "websocket") }, false},
		"scheme":          {func(q *http.Request) { q.URL.Scheme = "ftp" }, true},
		"no host":         {func(q *http.Request) { q.URL.Host = "" }, true},
		"line in a value": {func(q *http.Request) { q.Header["X"] = []string{"a\r\nB: c"} }, true},
		"NUL in a value":  {func(q *http.Request) { q.Header["X"] = []string{"a\x00"} }, true},
		"line in a name":  {func(q *http.Request) { q.Header["X\r\nY"] = []string{"a"} }, true},
		"no header":       {func(q *http.Request) { q.Header = nil }, true},
	} {
		q := newRequest(t.Context(), t, r.url, "x")
		tt.change(q)
		resp, err := tr.RoundTrip(q)
		if err == nil {
			_ = resp.Body.Close()
		}
		if (err != nil) != tt.refused || own.Load() != 0 {
			t.Errorf("%s: %v, %d own dials", name, err, own.Load())
		}
	}
}

func setBody(q *http.Request, s string) {
	q.Body, q.ContentLength, q.GetBody = io.NopCloser(strings.NewReader(s)), int64(len(s)), nil
}

func TestHTTPS(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			_, _ = io.Copy(w, q.Body)
		}))
		s.EnableHTTP2 = h2
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		t.Cleanup(s.Close)
		roots := x509.NewCertPool()
		roots.AddCert(s.Certificate())
		config := &tls.Config{RootCAs: roots, ServerName: "example.com"}
		var dials atomic.Int32
		tr := newTransport(t, func(o *Options) {
			o.Fallback = &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
			o.Dial = secure(config, &dials)
		})
		for n := range 4 {
			resp, err := tr.RoundTrip(newRequest(t.Context(), t, s.URL, "hello"))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if string(body) != "hello" || err != nil || resp.TLS == nil || (resp.ProtoMajor == 2) != h2 {
				t.Errorf("HTTP/2 %v, request %d: %q, %v, %s", h2, n, body, err, resp.Proto)
			}
		}
		want := int32(0)
		if !h2 {
			want = 1 // after the first, one connection carries all
		}
		if got := dials.Load(); got != want {
			t.Errorf("HTTP/2 %v: %d own dials, want %d", h2, got, want)
		}
	}
}

// TestIdleConnections is the pool's timetable, over pipes.
func TestIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials, open atomic.Int32
		tr := New(Options{
			Fallback: &http.Transport{}, MaxIdlePerHost: 2, IdleTimeout: time.Minute, MaxHeaderBytes: headerBound,
			Dial: func(context.Context, string, string) (net.Conn, error) {
				dials.Add(1)
				open.Add(1)
				here, there := net.Pipe()
				go func() { // ends when here is closed
					answering(ok)(0, there, bufio.NewReader(there))
					open.Add(-1)
				}()
				return here, nil
			},
		})
		together := func(width int) {
			for range width {
				resp, err := tr.RoundTrip(newRequest(t.Context(), t, "http://a.example/", "x"))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _, _ = io.ReadAll(resp.Body) }() // until then it has a connection of its own
			}
		}
		check := func(wantDials, wantOpen int32) {
			t.Helper()
			synctest.Wait()
			if d, o := dials.Load(), open.Load(); d != wantDials || o != wantOpen {
				t.Errorf("%d dials, %d open, want %d, %d", d, o, wantDials, wantOpen)
			}
		}
		together(3)
		check(3, 2) // one more than is kept
		<-time.After(50 * time.Second)
		together(1)
		check(3, 2)
		<-time.After(41 * time.Second) // the other has been idle for 91s, this for 41s
		check(3, 1)
		<-time.After(50 * time.Second)
		check(3, 0)
		if len(tr.pool.hosts) != 0 {
			t.Error("an unused host is remembered")
		}
		together(1)
		tr.CloseIdleConnections()
		check(4, 0)

		<-time.After(10 * time.Second) // between sweeps
		together(1)
		<-time.After(61 * time.Second) // no sweep has found it old
		check(5, 1)
		together(1)
		check(6, 1)
		tr.CloseIdleConnections()
	})
}

// TestStorm runs many requests against a receiver that hangs up at random, with
// contexts that end at random: each is answered at most once, with its own answer.
func TestStorm(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	r := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
		for {
			body, got := request(in)
			if !got {
				return
			}
			mu.Lock()
			seen[body]++
			mu.Unlock()
			if rand.N(20) == 0 {
				return
			}
			_, _ = io.WriteString(c, fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n", len(body)))
			_, _ = io.WriteString(c, body+"\r\n0\r\n\r\n") // another packet
			if rand.N(20) == 0 {
				return
			}
		}
	})
	tr := newTransport(t, nil)
	var wg sync.WaitGroup
	var good atomic.Int32
	for w := range 32 {
		wg.Go(func() {
			for n := range 100 {
				id := string(rune('a'+w)) + "-" + string(rune('a'+n/26)) + string(rune('a'+n%26))
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				if n%10 == 0 {
					ctx, cancel = context.WithTimeout(t.Context(), time.Duration(rand.N(2000))*time.Microsecond)
				}
				resp, err := tr.RoundTrip(newRequest(ctx, t, r.url, id))
				if err == nil {
					var body []byte
					body, err = io.ReadAll(resp.Body)
					_ = resp.Body.Close()
					if err == nil && string(body) != id {
						t.Errorf("asked %q, got %q", id, body)
					}
				}
				if err == nil {
					good.Add(1)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%q arrived %d times", id, n)
		}
	}
	if good.Load() < 2000 {
		t.Errorf("%d of 3200 succeeded", good.Load())
	}
}
