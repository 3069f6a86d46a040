package config

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/dispatcher/egress"
	"github.com/tidings-dev/tidings/schemas"
)

// Egress is where requests may go, as [egress.Policy] has it.
type Egress struct {
	Allow []string // address ranges
	Deny  []string // address ranges
	Ports []string // "443", "8000-8999"
	HTTP  bool
	Proxy string // URL of an HTTP proxy; empty for none
}

func (e *Egress) bind(f *pflag.FlagSet) {
	f.StringSliceVar(&e.Allow, "egress-allow", nil, "address ranges to deliver to although they are not public, over http too, like 127.0.0.0/8,::1/128")
	f.StringSliceVar(&e.Deny, "egress-deny", nil, "address ranges not to deliver to although they are public or in --egress-allow")
	f.StringSliceVar(&e.Ports, "egress-ports", nil, "the only ports to deliver to, like 443,8000-8999; all by default")
	f.BoolVar(&e.HTTP, "egress-http", false, "deliver to public addresses over plain http too")
	f.StringVar(&e.Proxy, "egress-proxy", "", "HTTP proxy that makes all connections (CONNECT) and decides what names may resolve to, like http://egress.example.com:3128; none by default, whatever the environment says")
}

// Options are the guard and the proxy of outgoing requests.
func (e Egress) Options() (o egress.Options, err error) {
	p := egress.Policy{PlainHTTP: e.HTTP}
	if p.Allow, err = ranges("--egress-allow", e.Allow); err != nil {
		return o, err
	}
	if p.Deny, err = ranges("--egress-deny", e.Deny); err != nil {
		return o, err
	}
	if p.Ports, err = ports(e.Ports); err != nil {
		return o, err
	}
	o.Guard = egress.NewGuard(p)
	if e.Proxy != "" {
		o.Guard = o.Guard.Proxied()
		o.Proxy, err = proxy(e.Proxy)
	}
	return o, err
}

func ranges(flag string, texts []string) (all []netip.Prefix, err error) {
	for _, text := range texts {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return nil, schemas.Errorf(schemas.CodeInvalid, "%s: %q is no address range: write it like 127.0.0.0/8", flag, text)
		}
		all = append(all, p)
	}
	return all, nil
}

func ports(texts []string) (all []egress.Ports, err error) {
	for _, text := range texts {
		from, to, isRange := strings.Cut(strings.TrimSpace(text), "-")
		if !isRange {
			to = from
		}
		first, firstErr := strconv.ParseUint(from, 10, 16)
		last, lastErr := strconv.ParseUint(to, 10, 16)
		if firstErr != nil || lastErr != nil || first == 0 || first > last {
			return nil, schemas.Errorf(schemas.CodeInvalid, "--egress-ports: %q is no port and no range of ports: write it like 443 or 8000-8999", text)
		}
		all = append(all, egress.Ports{First: uint16(first), Last: uint16(last)})
	}
	return all, nil
}

// proxy reads a URL whose password no error shows.
func proxy(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "--egress-proxy does not parse: write it like \"http://egress.example.com:3128\"")
	}
	if err := egress.CheckProxy(u); err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "--egress-proxy %s: %w", u.Redacted(), err)
	}
	return u, nil
}
