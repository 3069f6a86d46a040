package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var loopback = NewGuard(Policy{Allow: prefixes("127.0.0.0/8", "::1/128")})

// hello is a receiver that tells the protocol it was reached by.
var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })

// secureServer speaks TLS and HTTP/2; the configuration trusts it.
func secureServer(t *testing.T, h http.Handler) (*httptest.Server, *tls.Config) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // tests provoke failed handshakes
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, &tls.Config{RootCAs: roots}
}

func plainServer(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func transport(t *testing.T, o Options) *Transport {
	t.Helper()
	tr := NewTransport(o)
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// get makes one request and reads all of the response. Its deadline only keeps
// a test that fails from hanging.
func get(t *testing.T, tr http.RoundTripper, rawURL string) (*http.Response, string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

func TestHTTP2OverTLS(t *testing.T) {
	s, trust := secureServer(t, hello)
	tr := transport(t, Options{Guard: loopback, TLS: trust})
	for range 2 {
		resp, body, err := get(t, tr, s.URL)
		if err != nil {
			t.Fatal(err)
		}
		if resp.ProtoMajor != 2 || body != "HTTP/2.0" || resp.TLS == nil {
			t.Errorf("the client spoke %s, the server heard %s, want HTTP/2.0 over TLS", resp.Proto, body)
		}
	}
	if len(trust.NextProtos) != 0 {
		t.Error("NewTransport changed the caller's TLS configuration")
	}
}

func TestHTTP1OverTLS(t *testing.T) {
	s := httptest.NewTLSServer(hello)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	tr := transport(t, Options{Guard: loopback, TLS: &tls.Config{RootCAs: roots}})
	if _, body, err := get(t, tr, s.URL); err != nil || body != "HTTP/1.1" {
		t.Errorf("got %q, %v, want HTTP/1.1", body, err)
	}
}

// TestRefusedBeforeConnecting also proves that no packet came: of all
// connections the listener takes, the first is the test's own.
func TestRefusedBeforeConnecting(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	addr := ln.Addr().String()
	_, port, _ := net.SplitHostPort(addr)

	tr := transport(t, Options{})
	for _, host := range []string{addr, "localhost:" + port, "[::ffff:127.0.0.1]:" + port, "0.0.0.0:" + port} {
		for _, scheme := range []string{"http", "https"} {
			_, _, err := get(t, tr, scheme+"://"+host)
			if denied, ok := errors.AsType[*Denied](err); !ok || !denied.Address.IsValid() {
				t.Errorf("%s to %s: got %v, want a refusal", scheme, host, err)
			}
			if _, ok := errors.AsType[*net.OpError](err); !ok {
				t.Errorf("%s to %s: got %T, want the refusal inside a net.OpError", scheme, host, err)
			}
		}
	}

	own, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = own.Close() }()
	first, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	if first.RemoteAddr().String() != own.LocalAddr().String() {
		t.Error("a refused request reached the listener")
	}
}

func TestDeniedThroughClient(t *testing.T) {
	s := plainServer(t, hello)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport(t, Options{})}).Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	if _, ok := errors.AsType[*url.Error](err); !ok {
		t.Fatalf("got %v, want a url.Error", err)
	}
	denied, ok := errors.AsType[*Denied](err)
	if !ok || denied.Address != netip.MustParseAddr("127.0.0.1") || denied.Reason != "loopback (RFC 1122)" {
		t.Errorf("got %+v in %v", denied, err)
	}
	if d, ok := errors.AsType[interface {
		error
		EgressDenied() bool
	}](err); !ok || !d.EgressDenied() {
		t.Errorf("%v is not recognised by its method", err)
	}
}

// TestSchemePolicy dials a public address from 127.0.0.1, which the kernel
// refuses: whatever the guard says, no packet leaves the machine.
func TestSchemePolicy(t *testing.T) {
	fromLoopback := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}
	tests := []struct {
		allow, url, reason string // reason: empty if the guard lets it pass
	}{
		{"10.0.0.0/8", "https://192.31.196.1/", ""},
		{"10.0.0.0/8", "http://192.31.196.1/", reasonPlainHTTP},
		{"10.0.0.0/8", "http://192.31.196.1:443/", reasonPlainHTTP},
		{"10.0.0.0/8", "http://[::ffff:192.31.196.1]/", reasonPlainHTTP},
		{"192.31.196.0/24", "http://192.31.196.1/", ""},
		{"10.0.0.0/8", "https://192.168.0.1/", "private network (RFC 1918)"},
		{"10.0.0.0/8", "http://10.0.0.1/", ""},
	}
	for _, tt := range tests {
		tr := transport(t, Options{Guard: NewGuard(Policy{Allow: prefixes(tt.allow)}), Dialer: fromLoopback})
		_, _, err := get(t, tr, tt.url)
		if err == nil {
			t.Fatalf("%s was connected to", tt.url)
		}
		reason := ""
		if denied, ok := errors.AsType[*Denied](err); ok {
			reason = denied.Reason
		}
		if reason != tt.reason {
			t.Errorf("allow %s: %s: refused for %q, want %q (%v)", tt.allow, tt.url, reason, tt.reason, err)
		}
	}
}

func TestAllowedRangeOpensHTTP(t *testing.T) {
	s := plainServer(t, hello)
	tr := transport(t, Options{Guard: loopback})
	if _, body, err := get(t, tr, s.URL); err != nil || body != "HTTP/1.1" {
		t.Errorf("got %q, %v, want HTTP/1.1", body, err)
	}
}

// TestPoolsKeepSchemesApart holds net/http to what the scheme policy rests on:
// http never travels on a connection that was opened for https, or the reverse.
func TestPoolsKeepSchemesApart(t *testing.T) {
	s, trust := secureServer(t, hello)
	var dials atomic.Int32
	tr := transport(t, Options{TLS: trust, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}})
	if _, _, err := get(t, tr, s.URL); err != nil {
		t.Fatal(err)
	}
	resp, _, err := get(t, tr, strings.Replace(s.URL, "https", "http", 1))
	if err != nil || resp.StatusCode != http.StatusBadRequest || resp.TLS != nil {
		t.Errorf("http to a TLS port: got %v, %v, want 400 in plain text", resp, err)
	}
	if n := dials.Load(); n != 2 {
		t.Errorf("%d dials, want one for each scheme", n)
	}
	if _, body, err := get(t, tr, s.URL); err != nil || body != "HTTP/2.0" {
		t.Errorf("https after http: got %q, %v", body, err)
	}
}

func TestHandshakeError(t *testing.T) {
	s, _ := secureServer(t, hello)
	_, _, err := get(t, transport(t, Options{Guard: loopback}), s.URL) // trusts no such certificate
	failed, ok := errors.AsType[*HandshakeError](err)
	if !ok || "https://"+failed.Addr != s.URL {
		t.Fatalf("got %v, want a HandshakeError of %s", err, s.URL)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("got %v, want the certificate's error inside", err)
	}

	plain := plainServer(t, hello)
	_, _, err = get(t, transport(t, Options{Guard: loopback}), strings.Replace(plain.URL, "http", "https", 1))
	if _, ok := errors.AsType[*HandshakeError](err); !ok {
		t.Errorf("https to a plain port: got %v, want a HandshakeError", err)
	}
}

// TestConnectTimeout meets a peer that accepts and then never speaks; the
// request itself has more time.
func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := NewTransport(Options{ConnectTimeout: 7 * time.Second, Dial: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, there) }() // ends when here is closed
			return here, nil
		}})
		start := time.Now()
		_, _, err := get(t, tr, "https://silent.example/")
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("gave up after %s, want 7s", took)
		}
		if _, ok := errors.AsType[*HandshakeError](err); !ok || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want a handshake that ran out of time", err)
		}
	})
}

// TestDialOutlivesItsRequestBriefly shows why ConnectTimeout exists: Go 1.26
// goes on dialing for a request that was given up.
func TestDialOutlivesItsRequestBriefly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, dialed := time.Now(), make(chan time.Duration, 1)
		tr := NewTransport(Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			dialed <- time.Since(start)
			return nil, ctx.Err()
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://blackhole.example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the request's deadline", err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("the request took %s, want 2s", took)
		}
		if took := <-dialed; took < 2*time.Second || took > 10*time.Second {
			t.Errorf("the dial ended after %s, want at most the default of 10s", took)
		}
	})
}
