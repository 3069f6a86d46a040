package h1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestCutAtEveryByte hangs up, politely or not, after each byte of a response:
// only the whole is a success.
func TestCutAtEveryByte(t *testing.T) {
	const whole = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
	for _, reset := range []bool{false, true} {
		for cut := range len(whole) + 1 {
			r := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
				if _, got := request(in); got {
					_, _ = io.WriteString(c, whole[:cut])
				}
				if reset {
					_ = c.(*net.TCPConn).SetLinger(0)
				}
			})
			tr := newTransport(t, nil)
			_, body, err := post(t, tr, r.url)
			if cut < len(whole) && err == nil {
				t.Fatalf("reset %v after %d bytes: got %q without an error", reset, cut, body)
			}
			if cut == len(whole) && !reset && (err != nil || body != "ok") {
				t.Fatalf("whole: got %q, %v", body, err)
			}
			if n := r.conns.Load(); n != 1 {
				t.Fatalf("reset %v after %d bytes: %d connections, want 1", reset, cut, n)
			}
		}
	}
}

func TestEndlessHeader(t *testing.T) {
	for _, raw := range []string{"X: y\r\n", "y", "HTTP/1.1 103 Early Hints\r\n\r\n"} {
		r := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
			_, _ = request(in)
			start := "HTTP/1.1 200 OK\r\n"
			if strings.HasPrefix(raw, "HTTP") {
				start = ""
			}
			for _, err := io.WriteString(c, start); err == nil; {
				_, err = io.WriteString(c, raw)
			}
		})
		if _, _, err := post(t, newTransport(t, nil), r.url); !errors.Is(err, ErrHeaderTooLong) {
			t.Errorf("endless %q: got %.80v, want ErrHeaderTooLong", raw, err)
		}
	}
}

// TestEndlessBody closes it early: that ends at once, and so does the connection.
func TestEndlessBody(t *testing.T) {
	for _, head := range []string{"\r\n", "Content-Length: 9223372036854775807\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"} {
		ended := make(chan struct{})
		r := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
			defer close(ended)
			_, _ = request(in)
			for _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n"+head); err == nil; {
				_, err = io.WriteString(c, "2\r\nxx\r\n")
			}
		})
		tr := newTransport(t, nil)
		resp, err := tr.RoundTrip(newRequest(t.Context(), t, r.url, "x"))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.CopyN(io.Discard, resp.Body, 64<<10); err != nil {
			t.Fatalf("%q: %v after %d bytes", head, err, n)
		}
		_ = resp.Body.Close()
		<-ended
		if idle(tr) != 0 {
			t.Errorf("%q: a half-read connection was kept", head)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("%q: a closed body ends without an error", head)
		}
	}
}

// TestContextEndsEveryPhase lets a receiver stall, or drip, at each point.
func TestContextEndsEveryPhase(t *testing.T) {
	drip := func(c net.Conn, s string) {
		for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
			if _, err := io.WriteString(c, s); err != nil {
				tick.Stop()
				return
			}
		}
	}
	stall := func(in *bufio.Reader) { _, _ = in.ReadByte() }
	for name, phase := range map[string]func(c net.Conn, in *bufio.Reader){
		"no response": func(_ net.Conn, in *bufio.Reader) { _, _ = request(in); stall(in) },
		"half a line": func(c net.Conn, in *bufio.Reader) { _, _ = request(in); _, _ = io.WriteString(c, "HTTP/1."); stall(in) },
		"dripped header": func(c net.Conn, in *bufio.Reader) {
			_, _ = request(in)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX:")
			drip(c, "y")
		},
		"no body": func(c net.Conn, in *bufio.Reader) {
			_, _ = request(in)
			_, _ = io.WriteString(c, ok[:len(ok)-2])
			stall(in)
		},
		"dripped body": func(c net.Conn, in *bufio.Reader) {
			_, _ = request(in)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			drip(c, "1\r\nx\r\n")
		},
	} {
		for _, cancelled := range []bool{false, true} {
			r := serve(t, func(_ int, c net.Conn, in *bufio.Reader) { phase(c, in) })
			tr := newTransport(t, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			want := context.DeadlineExceeded
			if cancelled {
				var stop context.CancelCauseFunc
				cancel()
				ctx, stop = context.WithCancelCause(t.Context())
				want = errors.New("shutting down")
				time.AfterFunc(30*time.Millisecond, func() { stop(want) })
			}
			start := time.Now()
			_, _, err := postWith(ctx, t, tr, r.url)
			cancel()
			if !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", name, err, want)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%s: took %s", name, took)
			}
			if idle(tr) != 0 {
				t.Errorf("%s: the connection was kept", name)
			}
		}
	}
}

func TestContextEndsDial(t *testing.T) {
	tr := newTransport(t, func(o *Options) {
		o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	var closed closeNoted
	r := newRequest(ctx, t, "http://receiver.example/", "x")
	r.Body = &closed
	if _, err := tr.RoundTrip(r); !errors.Is(err, context.DeadlineExceeded) || !closed.Load() {
		t.Errorf("got %v, body closed %v", err, closed.Load())
	}
}

type closeNoted struct{ atomic.Bool }

func (*closeNoted) Read(p []byte) (int, error) { return copy(p, "x"), io.EOF }
func (c *closeNoted) Close() error             { c.Store(true); return nil }

// TestEarlyAnswer refuses the largest body without reading a byte of it, through
// a small window, and keeps the connection open or resets it.
func TestEarlyAnswer(t *testing.T) {
	for _, reset := range []bool{false, true} {
		hold := make(chan struct{})
		r := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
			_ = c.(*net.TCPConn).SetReadBuffer(2048)
			_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
			if reset {
				_, _ = in.ReadByte() // unread bytes make closing a reset
				return
			}
			<-hold
		})
		tr := newTransport(t, nil)
		failed := 0
		for range 20 {
			resp, err := tr.RoundTrip(newRequest(t.Context(), t, r.url, strings.Repeat("x", maxBody)))
			if err != nil {
				failed++ // the reset overtook the answer
				continue
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("got %d", resp.StatusCode)
			}
		}
		if !reset && failed > 0 || failed == 20 {
			t.Errorf("reset %v: %d of 20 early answers were lost", reset, failed)
		}
		close(hold)
	}
}

// TestClosedWhileIdle closes, or talks on, every connection after its response:
// no request meets one.
func TestClosedWhileIdle(t *testing.T) {
	for name, end := range map[string]func(net.Conn){
		"closed":       func(c net.Conn) { _ = c.Close() },
		"reset":        func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() },
		"408":          func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\n\r\n") },
		"a second 200": func(c net.Conn) { _, _ = io.WriteString(c, ok) },
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan struct{})
			next := make(chan struct{})
			r := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
				_, _ = request(in)
				_, _ = io.WriteString(c, ok)
				<-next
				end(c)
				ended <- struct{}{}
				_, _ = in.ReadByte()
			})
			tr := newTransport(t, nil)
			for range 10 {
				if status, body, err := post(t, tr, r.url); status != 200 || body != "ok" || err != nil {
					t.Fatalf("got %d %q %v", status, body, err)
				}
				next <- struct{}{}
				<-ended
				awaitNoise(t, tr)
			}
			if n := r.conns.Load(); n != 10 {
				t.Errorf("%d connections, want 10", n)
			}
		})
	}
}

// awaitNoise waits until loopback has delivered what the peer of the idle
// connection did. It takes a byte of it, as quiet does.
func awaitNoise(t *testing.T, tr *Transport) {
	t.Helper()
	tr.pool.mu.Lock()
	defer tr.pool.mu.Unlock()
	for _, conns := range tr.pool.hosts {
		for _, c := range conns {
			var b [1]byte
			_ = c.raw.SetReadDeadline(time.Now().Add(10 * time.Second))
			_, _ = c.raw.Read(b[:])
			_ = c.raw.SetReadDeadline(time.Time{})
		}
	}
}

// TestClosedOnRequest closes a reused connection when it has the request: the
// request is never sent again, as it may have been processed.
func TestClosedOnRequest(t *testing.T) {
	var requests atomic.Int32
	r := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
		for n := range 2 {
			if _, got := request(in); !got {
				return
			}
			requests.Add(1)
			if n == 0 {
				_, _ = io.WriteString(c, ok)
			}
		}
	})
	tr := newTransport(t, nil)
	for n := range 6 {
		_, _, err := post(t, tr, r.url)
		if (err != nil) != (n%2 == 1) {
			t.Fatalf("request %d: %v", n, err)
		}
	}
	if got := requests.Load(); got != 6 {
		t.Errorf("%d requests arrived, want 6", got)
	}
}

// broken is a connection that fails from its nth write on, having taken some
// bytes.
type broken struct {
	net.Conn
	n, takes int
}

func (b *broken) Write(p []byte) (int, error) {
	if b.n--; b.n < 0 {
		_ = b.Close()
		return min(b.takes, len(p)), fmt.Errorf("write: %w", net.ErrClosed)
	}
	return b.Conn.Write(p)
}

func TestSentAgainOnlyIfUntaken(t *testing.T) {
	for _, tt := range []struct {
		takes     int
		getBody   bool
		succeeds  bool
		connected int32
	}{{0, true, true, 2}, {1, true, false, 1}, {0, false, false, 1}} {
		r := serve(t, answering(ok))
		first := true
		tr := newTransport(t, func(o *Options) {
			dial := o.Dial
			o.Dial = func(ctx context.Context, scheme, addr string) (net.Conn, error) {
				c, err := dial(ctx, scheme, addr)
				if first && err == nil {
					first = false
					return &broken{c, 1, tt.takes}, nil
				}
				return c, err
			}
		})
		if _, _, err := post(t, tr, r.url); err != nil {
			t.Fatal(err)
		}
		q := newRequest(t.Context(), t, r.url, "again")
		if !tt.getBody {
			q.GetBody = nil
		}
		resp, err := tr.RoundTrip(q)
		if err == nil {
			_ = resp.Body.Close()
		}
		if (err == nil) != tt.succeeds || r.conns.Load() != tt.connected {
			t.Errorf("%+v: %v over %d connections", tt, err, r.conns.Load())
		}
	}
}

// TestOwnBodyFails fails in our own body, not the connection: nothing is tried
// again.
func TestOwnBodyFails(t *testing.T) {
	r := serve(t, answering(ok))
	tr := newTransport(t, nil)
	if _, _, err := post(t, tr, r.url); err != nil {
		t.Fatal(err)
	}
	q := newRequest(t.Context(), t, r.url, "long")
	q.Body = io.NopCloser(strings.NewReader("short"[:3]))
	if _, err := tr.RoundTrip(q); err == nil || r.conns.Load() != 1 || idle(tr) != 0 {
		t.Errorf("got %v over %d connections, %d idle", err, r.conns.Load(), idle(tr))
	}
}

// halfway is a connection whose writes reach the peer and fail all the same, as
// when the peer hangs up after it has answered.
type halfway struct{ net.Conn }

func (h halfway) Write(p []byte) (int, error) {
	_, _ = h.Conn.Write(p)
	return len(p) / 2, fmt.Errorf("write: %w", net.ErrClosed)
}

func TestAnswerBeforeBrokenPipe(t *testing.T) {
	r := serve(t, answering(ok))
	tr := newTransport(t, func(o *Options) {
		dial := o.Dial
		o.Dial = func(ctx context.Context, scheme, addr string) (net.Conn, error) {
			c, err := dial(ctx, scheme, addr)
			return halfway{c}, err
		}
	})
	if status, body, err := post(t, tr, r.url); status != http.StatusOK || body != "ok" || err != nil {
		t.Errorf("got %d %q %v", status, body, err)
	}
	if idle(tr) != 0 {
		t.Error("the connection was kept")
	}
}
