package h1

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// canned is a connection to a receiver that takes one request, answers with what
// it has, and hangs up.
type canned struct {
	answer *bytes.Reader
	sent   bytes.Buffer
	taken  chan struct{}
	once   sync.Once
}

func newCanned(answer []byte) *canned {
	return &canned{answer: bytes.NewReader(answer), taken: make(chan struct{})}
}

func (c *canned) Write(b []byte) (int, error) {
	c.sent.Write(b)
	if bytes.HasSuffix(c.sent.Bytes(), []byte(`{"a":1}`)) {
		c.once.Do(func() { close(c.taken) })
	}
	return len(b), nil
}

func (c *canned) Read(b []byte) (int, error) {
	<-c.taken
	return c.answer.Read(b)
}

func (c *canned) Close() error {
	c.once.Do(func() { close(c.taken) })
	return nil
}

func (*canned) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*canned) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*canned) SetDeadline(time.Time) error      { return nil }
func (*canned) SetReadDeadline(time.Time) error  { return nil }
func (*canned) SetWriteDeadline(time.Time) error { return nil }

// FuzzResponse has h1 and net/http read the same bytes: they agree on status, body,
// and whether there was an error. But h1 takes no status below 100, which is none
// (RFC 9110 §15).
func FuzzResponse(f *testing.F) {
	for _, r := range responses {
		f.Add([]byte(r.raw))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		light := New(Options{
			Dial:     func(context.Context, string, string) (net.Conn, error) { return newCanned(answer), nil },
			Fallback: &http.Transport{}, MaxIdlePerHost: 1, IdleTimeout: time.Minute, MaxHeaderBytes: headerBound,
		})
		defer light.CloseIdleConnections()
		std := &http.Transport{
			DialContext:            func(context.Context, string, string) (net.Conn, error) { return newCanned(answer), nil },
			MaxResponseHeaderBytes: headerBound, DisableCompression: true, DisableKeepAlives: false,
		}
		defer std.CloseIdleConnections()
		status, header, body, err := exchangeWith(t, light)
		wantStatus, wantHeader, wantBody, wantErr := exchangeWith(t, std)
		switch {
		case wantErr == nil && wantStatus < 100:
		case err != nil && wantErr == nil:
			t.Fatalf("%q: %v, and net/http reads %d %q", answer, err, wantStatus, wantBody)
		case err == nil && wantErr != nil:
			t.Fatalf("%q: %d %q, and net/http says %v", answer, status, body, wantErr)
		case err == nil && (status != wantStatus || body != wantBody || header != wantHeader):
			t.Fatalf("%q: %d %q %q, and net/http reads %d %q %q", answer, status, header, body, wantStatus, wantHeader, wantBody)
		}
	})
}

func exchangeWith(t *testing.T, rt http.RoundTripper) (status int, retryAfter, body string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://receiver.example/", strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(r)
	if err != nil {
		return 0, "", "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp.StatusCode, "", "", nil // what follows is no body
	}
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, strings.Join(resp.Header.Values("Retry-After"), ","), string(b), err
}
