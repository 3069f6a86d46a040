package config_test

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/egress"
	"github.com/tidings-dev/tidings/schemas"
)

func TestEgress(t *testing.T) {
	s, err := parse(
		"--egress-allow", "127.0.0.0/8, ::1/128", "--egress-deny", "8.8.8.0/24", "--egress-ports", "443, 8000-8999", "--egress-http",
		"--egress-proxy", "http://user:secret@proxy:3128",
	)
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.Egress.Options()
	if err != nil || o.Proxy.Host != "proxy:3128" {
		t.Fatalf("%+v, %v", o, err)
	}
	if err := o.Guard.CheckURL(&url.URL{Scheme: "https", Host: "sub.localhost:443"}); err != nil {
		t.Errorf("localhost, which is allowed: %v", err)
	}
	for to, open := range map[string]bool{
		"127.0.0.1:443": true, "[::1]:8999": true, "1.1.1.1:8000": true, "8.8.8.8:443": false, "1.1.1.1:80": false, "10.0.0.1:443": false,
	} {
		_, denied := errors.AsType[*egress.Denied](o.Guard.Check("http", netip.MustParseAddrPort(to)))
		if denied == open {
			t.Errorf("%s: refused %v", to, denied)
		}
	}
	s, err = parse()
	if err != nil {
		t.Fatal(err)
	}
	if o, err := s.Egress.Options(); err != nil || o.Proxy != nil || o.Guard.Check("https", netip.MustParseAddrPort("1.1.1.1:1")) != nil ||
		o.Guard.Check("http", netip.MustParseAddrPort("1.1.1.1:80")) == nil {
		t.Errorf("by default: %+v, %v", o, err)
	}
}

// A proxy resolves names, so that no allowed range speaks for one: who writes a URL hears
// of it.
func TestEgressThroughAProxy(t *testing.T) {
	for _, c := range []struct {
		flags   []string
		refused bool
	}{
		{[]string{"--egress-allow", "10.20.0.0/16"}, false}, // it may be there
		{[]string{"--egress-allow", "10.20.0.0/16", "--egress-proxy", "http://proxy:3128"}, true},
		{[]string{"--egress-allow", "10.20.0.0/16", "--egress-proxy", "http://proxy:3128", "--egress-http"}, false},
	} {
		s, err := parse(c.flags...)
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.Egress.Options()
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Guard.CheckURL(&url.URL{Scheme: "http", Host: "receiver.example.com"}); (err != nil) != c.refused {
			t.Errorf("%s: %v", c.flags, err)
		}
	}
}

func TestEgressRefuses(t *testing.T) {
	for _, c := range []struct{ flag, value, want string }{
		{"--egress-deny", "10.0.0.1", `--egress-deny: "10.0.0.1" is no address range`},
		{"--egress-ports", "https", `--egress-ports: "https" is no port`},
		{"--egress-ports", "0", `"0" is no port`},
		{"--egress-ports", "443-", `"443-" is no port`},
		{"--egress-ports", "9-8", `"9-8" is no port`},
		{"--egress-ports", "65536", `"65536" is no port`},
		{"--egress-ports", "1-2-3", `"1-2-3" is no port`},
		{"--egress-proxy", "proxy:3128", `write it like "http://egress.example.com:3128"`},
		{"--egress-proxy", "socks5://user:secret@proxy:1080", "--egress-proxy socks5://user:xxxxx@proxy:1080: "},
		{"--egress-proxy", "http://user:secret@[proxy:3128", "--egress-proxy does not parse"},
	} {
		s, err := parse(c.flag, c.value)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Validate()
		if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s %s: %v", c.flag, c.value, err)
		}
	}
}
