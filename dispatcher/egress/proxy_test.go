package egress

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// proxy connects every name to one receiver, for whoever knows the password.
type proxy struct {
	*httptest.Server
	receiver string // its host and port

	mu    sync.Mutex
	asked []string // hosts and ports
}

func startProxy(t *testing.T, secure bool, receiver string) *proxy {
	t.Helper()
	p := &proxy{receiver: receiver}
	p.Server = httptest.NewUnstartedServer(p)
	if secure {
		p.StartTLS()
	} else {
		p.Start()
	}
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) url(t *testing.T, user *url.Userinfo) *url.URL {
	t.Helper()
	u, err := url.Parse(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = user
	if err := CheckProxy(u); err != nil {
		t.Fatal(err)
	}
	return u
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Host)
	p.mu.Unlock()
	r.Header.Set("Authorization", r.Header.Get("Proxy-Authorization"))
	if user, password, _ := r.BasicAuth(); r.Method != http.MethodConnect || user != "tidings" || password != "pass word" {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	out, err := net.Dial("tcp", p.receiver)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	in, _, err := w.(http.Hijacker).Hijack() //nolint:forcetypeassert // it is one
	if err != nil {
		return
	}
	_, _ = io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { // ends with the connection
		_, _ = io.Copy(out, in)
		_ = out.Close()
	}()
	_, _ = io.Copy(in, out)
	_ = in.Close()
}

// TestProxy goes to a name that only the proxy knows, by each transport, in each
// scheme, over HTTP/1.1 and HTTP/2.
func TestProxy(t *testing.T) {
	secure, config := secureServer(t, hello)
	plain := plainServer(t, hello)
	for _, c := range []struct {
		url   string
		to    *httptest.Server
		asked string
		want  string
	}{
		{"https://example.com/", secure, "example.com:443", "HTTP/2.0"},
		{"http://example.com:8080/", plain, "example.com:8080", "HTTP/1.1"},
	} {
		for _, proxyIsSecure := range []bool{false, true} {
			p := startProxy(t, proxyIsSecure, c.to.Listener.Addr().String())
			config := config.Clone()
			if proxyIsSecure {
				config.RootCAs = config.RootCAs.Clone()
				config.RootCAs.AddCert(p.Certificate())
			}
			o := Options{Proxy: p.url(t, url.UserPassword("tidings", "pass word")), TLS: config, Guard: NewGuard(Policy{PlainHTTP: true})}
			for _, way := range ways {
				if _, body, err := send(t, way.make(o), way.method, c.url); err != nil || body != c.want {
					t.Errorf("%s by %s: %q, %v", c.url, way.name, body, err)
				}
			}
			for _, asked := range p.asked {
				if asked != c.asked {
					t.Errorf("%s: the proxy was asked for %s", c.url, asked)
				}
			}
			if len(p.asked) < 3 {
				t.Errorf("%s: the proxy was asked %d times", c.url, len(p.asked))
			}
		}
	}
}

// TestProxyDoesNotEndTheGuard asks a proxy for nothing that the URL shows to be
// wrong.
func TestProxyDoesNotEndTheGuard(t *testing.T) {
	p := startProxy(t, false, "127.0.0.1:1")
	strict := Policy{Ports: []Ports{{80, 443}}, Deny: prefixes("1.0.0.0/8")}
	elsewhere := Policy{Allow: prefixes("10.20.0.0/16"), Deny: prefixes("127.0.0.0/8")}
	for raw, policies := range map[string][]Policy{
		"https://127.0.0.1/": {strict, elsewhere}, "https://169.254.169.254/": {strict, elsewhere}, "https://[::1]/": {strict, elsewhere},
		"https://localhost/": {strict, elsewhere}, "http://localhost/": {strict, elsewhere}, "https://a.LocalHost.../": {strict, elsewhere},
		"http://example.com/": {strict, elsewhere}, "https://[fe80::1%25lo]/": {strict, elsewhere}, "https://../": {strict, elsewhere},
		"https://example.com:8443/": {strict}, "https://1.1.1.1/": {strict}, "https://1.1.1.1./": {strict},

		"https://127.1/": {strict, elsewhere}, "http://127.1/": {strict, elsewhere}, "https://2130706433/": {strict, elsewhere},
		"https://0x7f.1/": {strict, elsewhere}, "https://0X7F.1/": {strict, elsewhere}, "https://0177.0.0.1/": {strict, elsewhere},
		"https://0xA9FEA9FE/": {strict, elsewhere}, "https://127.0.0.1./": {strict, elsewhere}, "https://127.0.0.1../": {strict, elsewhere},
		"https://169.254.169.254./": {strict, elsewhere}, "https://127.0.0.01/": {strict, elsewhere}, "https://127.0.0.256/": {strict, elsewhere},
		"https://0x/": {strict, elsewhere}, "https://127.1./": {strict, elsewhere}, "https://example.com.1/": {strict, elsewhere},

		"https://localhost:444/": {{Allow: prefixes("127.0.0.0/8", "::1/128"), Deny: prefixes("::1/128")}},
		"https://10.20.0.1./":    {strict, {Allow: prefixes("10.20.0.0/16"), Deny: prefixes("10.20.0.0/24")}},
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, policy := range policies {
			guard := NewGuard(policy)
			if err := guard.Proxied().CheckURL(u); err == nil {
				t.Errorf("%s passes with %+v", raw, policy)
			}
			for _, way := range ways {
				_, _, err := send(t, way.make(Options{Proxy: p.url(t, nil), Guard: guard}), way.method, raw)
				if _, ok := errors.AsType[*Denied](err); !ok {
					t.Errorf("%s by %s with %+v: %v", raw, way.name, policy, err)
				}
			}
		}
	}
	if len(p.asked) > 0 {
		t.Errorf("the proxy was asked for %s", p.asked)
	}
}

// TestProxyIsAskedForWhatIsAllowed has what an operator has opened go to the proxy.
func TestProxyIsAskedForWhatIsAllowed(t *testing.T) {
	p := startProxy(t, false, "127.0.0.1:1")
	local := Policy{Allow: prefixes("127.0.0.0/8", "::1/128")}
	for raw, policy := range map[string]Policy{
		"http://localhost:8080/": local, "https://sub.localhost/": local, "http://127.0.0.1:8080/": local, "http://[::1]/": local, "http://127.0.0.1./": local,
		"http://localhost/": {Allow: prefixes("127.0.0.0/8")}, "http://10.20.1.1/": {Allow: prefixes("10.20.0.0/16")},
		"https://example.com/": local, "https://example.com./": {}, "http://example.com/": {PlainHTTP: true, Allow: prefixes("10.20.0.0/16")},
		"https://1.1.1.1/": {}, "https://1.1.1.1./": {}, "https://0x7f.example/": {}, "https://1.a/": {}, "https://0xg/": {},
	} {
		for _, way := range ways {
			_, _, err := send(t, way.make(Options{Proxy: p.url(t, nil), Guard: NewGuard(policy)}), way.method, raw)
			if refusal, ok := errors.AsType[*ProxyError](err); !ok || !strings.HasPrefix(refusal.Status, "407 ") {
				t.Errorf("%s by %s: %v", raw, way.name, err)
			}
		}
	}
}

func TestProxyRefuses(t *testing.T) {
	p := startProxy(t, false, "127.0.0.1:1")
	_, _, err := get(t, transport(t, Options{Proxy: p.url(t, nil)}), "https://example.com/")
	if refusal, ok := errors.AsType[*ProxyError](err); !ok || !strings.HasPrefix(refusal.Status, "407 ") || !refusal.EgressDenied() {
		t.Errorf("without the password: %v", err)
	}
	_, _, err = get(t, transport(t, Options{Proxy: p.url(t, url.UserPassword("tidings", "pass word"))}), "https://example.com/")
	if refusal, ok := errors.AsType[*ProxyError](err); !ok || refusal.Status != "502 Bad Gateway" || refusal.EgressDenied() {
		t.Errorf("nobody there: %v", err)
	}
}

// TestHostileProxy meets proxies that answer nothing, garbage, and without end.
func TestHostileProxy(t *testing.T) {
	for _, answer := range []string{"", "x", "HTTP/1.1 2", "\x16\x03\x01", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20)} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() { // ends with the listener
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, answer)
				go func() { _, _ = io.Copy(io.Discard, conn) }() // until the other side gives up
			}
		}()
		u := &url.URL{Scheme: "http", Host: ln.Addr().String()}
		tr := transport(t, Options{Proxy: u, ConnectTimeout: 100 * time.Millisecond})
		_, _, err = get(t, tr, "https://example.com/")
		refusal, ok := errors.AsType[*ProxyError](err)
		if !ok || refusal.EgressDenied() || strings.Contains(err.Error(), u.Host) {
			t.Errorf("%.20q: %v", answer, err)
		}
		_ = ln.Close()
	}
}

func TestCheckProxy(t *testing.T) {
	for raw, ok := range map[string]bool{
		"http://proxy:3128": true, "https://user:pass@proxy.example.com:443": true, "http://[::1]:3128": true,
		"http://proxy": false, "proxy:3128": false, "socks5://proxy:1080": false, "http://:3128": false, "http://proxy:0": false, "": false,
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckProxy(u); (err == nil) != ok {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// send makes a request by any transport.
func send(t *testing.T, rt http.RoundTripper, method, raw string) (status int, body string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := rt.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	b, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	rt.(interface{ CloseIdleConnections() }).CloseIdleConnections() //nolint:forcetypeassert // each has it
	return response.StatusCode, string(b), err
}
