package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func lightPost(t *testing.T, rt http.RoundTripper, url string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// TestLightIsGuarded is TestEveryConnectionIsJudged for POST: the name is
// rebound after the first connection, which stays good.
func TestLightIsGuarded(t *testing.T) {
	resolver, _ := fakeDNS(t, "127.0.0.1", "127.0.0.2")
	s := plainServer(t, hello)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	tr := NewLight(Options{Guard: NewGuard(Policy{Allow: prefixes("127.0.0.1/32")}), Dialer: net.Dialer{Resolver: resolver}})
	t.Cleanup(tr.CloseIdleConnections)

	url := "http://rebind.example.:" + port + "/"
	for range 2 {
		if _, err := lightPost(t, tr, url); err != nil {
			t.Fatal(err)
		}
	}
	tr.CloseIdleConnections()
	_, err := lightPost(t, tr, url)
	if denied, ok := errors.AsType[*Denied](err); !ok || denied.Address != netip.MustParseAddr("127.0.0.2") {
		t.Errorf("got %v, want 127.0.0.2 refused", err)
	}
}

func TestLightRefuses(t *testing.T) {
	s := plainServer(t, hello)
	tr := NewLight(Options{})
	t.Cleanup(tr.CloseIdleConnections)
	for _, url := range []string{s.URL, strings.Replace(s.URL, "http", "https", 1)} {
		_, err := lightPost(t, tr, url)
		if _, ok := errors.AsType[*Denied](err); !ok {
			t.Errorf("%s: got %v, want a refusal", url, err)
		}
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
			t.Errorf("%s: got %T, want the refusal inside a net.OpError", url, err)
		}
	}
}

// TestLightGuardsHTTPS meets the guard, then the certificate, on a connection of
// its own: the host answered HTTP/1.1 before.
func TestLightGuardsHTTPS(t *testing.T) {
	s := httptest.NewTLSServer(hello)
	t.Cleanup(s.Close)
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	resolver, _ := fakeDNS(t, "127.0.0.1", "127.0.0.1", "127.0.0.2")
	tr := NewLight(Options{
		Guard: NewGuard(Policy{Allow: prefixes("127.0.0.1/32")}), Dialer: net.Dialer{Resolver: resolver},
		TLS: &tls.Config{RootCAs: roots, ServerName: "example.com"},
	})
	t.Cleanup(tr.CloseIdleConnections)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	url := "https://rebind.example.:" + port + "/"
	for range 3 { // by net/http, by a connection of its own, by the same
		if body, err := lightPost(t, tr, url); err != nil || body != "HTTP/1.1" {
			t.Fatalf("got %q, %v", body, err)
		}
	}
	s.CloseClientConnections()
	for range 2 { // what stood idle is closed, so both ways dial anew
		_, err := lightPost(t, tr, url)
		if denied, ok := errors.AsType[*Denied](err); !ok || denied.Address != netip.MustParseAddr("127.0.0.2") {
			t.Errorf("got %v, want 127.0.0.2 refused", err)
		}
	}
}

func TestLightHandshakeError(t *testing.T) {
	s, _ := secureServer(t, hello)
	tr := NewLight(Options{Guard: loopback}) // trusts no such certificate
	t.Cleanup(tr.CloseIdleConnections)
	if _, err := lightPost(t, tr, s.URL); !isHandshake(err) {
		t.Errorf("got %v, want a HandshakeError", err)
	}
}

func isHandshake(err error) bool {
	_, ok := errors.AsType[*HandshakeError](err)
	return ok
}
