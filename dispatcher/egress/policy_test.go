package egress

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestPolicy(t *testing.T) {
	shut := Policy{Deny: prefixes("8.8.8.0/24", "2606:4700::/32", "10.1.0.0/16", "::ffff:9.9.9.0/120"), Allow: prefixes("10.0.0.0/8")}
	web := Policy{Ports: []Ports{{443, 443}, {8000, 8999}}, Allow: prefixes("127.0.0.0/8")}
	for _, c := range []struct {
		name   string
		policy Policy
		to     string
		https  string // the reason of the refusal, or empty
		http   string
	}{
		{"denied", shut, "8.8.8.8:443", reasonDenied, reasonDenied},
		{"denied, mapped", shut, "[::ffff:8.8.8.8]:443", reasonDenied, reasonDenied},
		{"denied as mapped", shut, "9.9.9.9:443", reasonDenied, reasonDenied},
		{"denied IPv6", shut, "[2606:4700::1]:443", reasonDenied, reasonDenied},
		{"denied within allowed", shut, "10.1.2.3:443", reasonDenied, reasonDenied},
		{"allowed beside denied", shut, "10.2.0.0:443", "", ""},
		{"public beside denied", shut, "8.8.9.0:443", "", reasonPlainHTTP},

		{"a port", web, "1.1.1.1:443", "", reasonPlainHTTP},
		{"first of ports", web, "1.1.1.1:8000", "", reasonPlainHTTP},
		{"last of ports", web, "1.1.1.1:8999", "", reasonPlainHTTP},
		{"below", web, "1.1.1.1:442", reasonPort, reasonPort},
		{"beyond", web, "1.1.1.1:9000", reasonPort, reasonPort},
		{"of mail", web, "1.1.1.1:25", reasonPort, reasonPort},
		{"of an allowed range", web, "127.0.0.1:8080", "", ""},
		{"closed, of an allowed range", web, "127.0.0.1:6379", reasonPort, reasonPort},

		{"plain", Policy{PlainHTTP: true}, "1.1.1.1:80", "", ""},
		{"plain, private", Policy{PlainHTTP: true}, "10.0.0.1:80", "private network (RFC 1918)", "private network (RFC 1918)"},
	} {
		for scheme, want := range map[string]string{"https": c.https, "http": c.http} {
			err := NewGuard(c.policy).Check(scheme, netip.MustParseAddrPort(c.to))
			if denied, ok := errors.AsType[*Denied](err); ok != (want != "") || ok && denied.Reason != want {
				t.Errorf("%s: %s to %s: %v, want %q", c.name, scheme, c.to, err, want)
			}
		}
	}
	if err := NewGuard(Policy{PlainHTTP: true}).Check("ftp", netip.MustParseAddrPort("1.1.1.1:21")); err == nil {
		t.Error("ftp passes")
	}
}

func TestGuardForeseesURLs(t *testing.T) {
	const local = "127.0.0.0/8"
	for _, c := range []struct {
		policy Policy
		url    string
		want   string // in the error, or empty
	}{
		{Policy{}, "https://example.com/", ""},
		{Policy{}, "https://localhost.example.com/", ""},
		{Policy{}, "http://example.com/", reasonPlainHTTP},
		{Policy{}, "https://127.0.0.1/", "loopback"},
		{Policy{}, "https://[::1]:8443/", "loopback"},
		{Policy{}, "https://localhost/", "localhost"},
		{Policy{}, "https://LocalHost.:8443/", "localhost"},
		{Policy{}, "https://a.LOCALHOST/", "localhost"},
		{Policy{PlainHTTP: true}, "http://example.com/", ""},
		{Policy{PlainHTTP: true}, "http://localhost/", "localhost"},
		{Policy{}, "https://127.0.0.1./", "loopback"},
		{Policy{}, "https://127.1/", reasonSpelling},
		{Policy{Allow: prefixes(local)}, "https://0x7f.0.0.1/", reasonSpelling}, // some resolvers take it, no reader should
		{Policy{Allow: prefixes(local)}, "http://localhost:8080/", ""},
		{Policy{Allow: prefixes(local)}, "http://receiver.internal/", ""}, // it may be there
		{Policy{Allow: prefixes(local)}, "http://127.0.0.1:8080/", ""},
		{Policy{Allow: prefixes(local)}, "http://10.0.0.1/", "private"},
		{Policy{Deny: prefixes("1.0.0.0/8")}, "https://1.1.1.1/", reasonDenied},
		{Policy{Ports: []Ports{{443, 443}}}, "https://example.com/", ""},
		{Policy{Ports: []Ports{{443, 443}}, PlainHTTP: true}, "http://example.com/", reasonPort},
		{Policy{Ports: []Ports{{443, 443}}}, "https://example.com:8443/", reasonPort},
		{Policy{Ports: []Ports{{80, 80}}, PlainHTTP: true}, "http://example.com/", ""},
	} {
		u, err := url.Parse(c.url)
		if err != nil {
			t.Fatal(err)
		}
		err = NewGuard(c.policy).CheckURL(u)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %s: %v, want %q", c.policy, c.url, err, c.want)
		}
	}
}

// TestPolicyReachesTheDialer has the port refused that a name resolves to.
func TestPolicyReachesTheDialer(t *testing.T) {
	resolver, _ := fakeDNS(t, "127.0.0.1")
	s := plainServer(t, hello)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	g := NewGuard(Policy{Allow: prefixes("127.0.0.1/32"), Ports: []Ports{{1, 1}}})
	_, _, err := get(t, transport(t, Options{Guard: g, Dialer: net.Dialer{Resolver: resolver}}), "http://receiver.example.:"+port)
	if denied, ok := errors.AsType[*Denied](err); !ok || denied.Reason != reasonPort {
		t.Errorf("got %v", err)
	}
}
