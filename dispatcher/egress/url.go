package egress

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// CheckURL refuses with a [*Denied] a URL that no address could make right, so
// that who writes it hears of it. What passes may still resolve to an address
// that is refused.
func (g Guard) CheckURL(u *url.URL) error {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return g.checkHost(u.Scheme, u.Hostname(), port)
}

// Proxied is the guard of requests that a proxy makes: it never sees what a name
// resolves to, so that no allowed range speaks for one.
func (g Guard) Proxied() Guard {
	g.proxied = true
	return g
}

// checkHost judges a host that may be a name.
func (g Guard) checkHost(scheme, host, port string) error {
	n, _ := strconv.ParseUint(port, 10, 16)               // 0 is no port that a policy has
	name := strings.ToLower(strings.TrimRight(host, ".")) // a name's root, which resolvers cut from addresses too
	addr, err := netip.ParseAddr(name)
	if err == nil || name == "" {
		return g.Check(scheme, netip.AddrPortFrom(addr, uint16(n)))
	}
	if err := g.checkPort(netip.Addr{}, uint16(n)); err != nil {
		return err
	}
	local := strings.HasSuffix("."+name, ".localhost")
	switch {
	case endsInNumber(name):
		return &Denied{Reason: reasonSpelling, remedy: "write it as four decimal numbers, like 192.0.2.1"}
	case len(g.policy.Allow) > 0 && !g.proxied:
		return nil // it may resolve to one of these
	case local && g.policy.opensLocalhost():
		return nil
	case local:
		return &Denied{Reason: reasonLocalhost, remedy: "to deliver there, set --egress-allow=127.0.0.0/8,::1/128"}
	}
	return g.checkScheme(scheme, netip.Addr{})
}

// endsInNumber tells of what is no IP address to Go whether others take it for one, like
// 127.1, 0x7f.1 and 2130706433 (URL Standard, "ends in a number", and inet_aton). They
// differ in which address it is: 010.0.0.1 is 8.0.0.1 or 10.0.0.1. There is no such name:
// no top-level domain is a number.
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if digits, hex := strings.CutPrefix(last, "0x"); hex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// checkAddr judges what a dialer is asked for, "host:port".
func (g Guard) checkAddr(scheme, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return g.Check(scheme, netip.AddrPort{})
	}
	return g.checkHost(scheme, host, port)
}
