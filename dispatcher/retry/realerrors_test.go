package retry_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

// TestJudgeRealErrors attempts against receivers that fail, so that a Go
// release that words or wraps an error anew is noticed.
func TestJudgeRealErrors(t *testing.T) {
	plain := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}} // trusts no one
	trusting := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	deaf := &http.Transport{DialContext: (&net.Dialer{Resolver: &net.Resolver{
		PreferGo: true,
		Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no resolver") },
	}}).DialContext}
	secure := serve(t, true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	open := serve(t, false, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })

	for name, tt := range map[string]struct {
		url       string
		transport *http.Transport
		deadline  time.Duration
		want      schemas.Reason
	}{
		"unknown authority": {secure, plain, time.Minute, schemas.ReasonTLS},
		"no common version": {tooNew(t), trusting, time.Minute, schemas.ReasonTLS},
		"plain HTTP":        {strings.Replace(open, "http:", "https:", 1), plain, time.Minute, schemas.ReasonTLS},
		"no such host":      {"http://receiver.invalid/", deaf, time.Minute, schemas.ReasonDNS},
		"refused":           {closedPort(t), plain, time.Minute, schemas.ReasonConnect},
		"deadline passed":   {open, plain, -time.Second, schemas.ReasonTimeout},
		"closed":            {serve(t, false, hangUp(false, "")), plain, time.Minute, schemas.ReasonReset},
		"reset":             {serve(t, false, hangUp(true, "")), plain, time.Minute, schemas.ReasonReset},
		"cut in the header": {serve(t, false, hangUp(false, "HTTP/1.1 200 OK\r\nServer: x\r\n")), plain, time.Minute, schemas.ReasonReset},
		"not HTTP":          {serve(t, false, hangUp(false, "SSH-2.0-OpenSSH\r\n")), plain, time.Minute, schemas.ReasonResponse},
	} {
		t.Run(name, func(t *testing.T) {
			defer tt.transport.CloseIdleConnections()
			ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, tt.url+"?token=hunter2", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := (&http.Client{Transport: tt.transport}).Do(req)
			if err == nil {
				_ = resp.Body.Close()
				t.Fatalf("got %s, want an error", resp.Status)
			}
			o := retry.Judge(retry.Result{Err: err}, still())
			if o.Kind != schemas.Retry || o.Reason != tt.want {
				t.Errorf("%v (%T): got %+v, want %s", err, errors.Unwrap(err), o, tt.want)
			}
			if strings.Contains(o.Detail, "hunter2") {
				t.Errorf("the detail carries the query: %s", o.Detail)
			}
			t.Log(o.Detail)
		})
	}
}

// serve starts a receiver and returns its URL.
func serve(t *testing.T, secure bool, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.URL + "/"
}

// tooNew is the URL of a receiver that speaks no version of TLS that exists, so
// it refuses every client with an alert.
func tooNew(t *testing.T) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{MinVersion: tls.VersionTLS13 + 1}, nil
	}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL + "/"
}

// closedPort is the URL of a port where no one listens any more.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return "http://" + l.Addr().String() + "/"
}

// hangUp says its part and closes the connection, with a TCP reset if abrupt.
func hangUp(abrupt bool, part string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.Copy(conn, bytes.NewReader([]byte(part)))
		if tcp, ok := conn.(*net.TCPConn); ok && abrupt {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}
