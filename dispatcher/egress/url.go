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

// checkHost judges a host that may be a name.
func (g Guard) checkHost(scheme, host, port string) error {
	n, _ := strconv.ParseUint(port, 10, 16) // 0 is no port that a policy has
	if addr, err := netip.ParseAddr(host); err == nil {
		return g.Check(scheme, netip.AddrPortFrom(addr, uint16(n)))
	}
	if err := g.checkPort(netip.Addr{}, uint16(n)); err != nil {
		return err
	}
	if len(g.policy.Allow) > 0 {
		return nil // it may resolve to one of these
	}
	name := "." + strings.ToLower(strings.TrimSuffix(host, "."))
	if strings.HasSuffix(name, ".localhost") {
		return &Denied{Reason: reasonLocalhost, remedy: "to deliver there, set --egress-allow=127.0.0.0/8,::1/128"}
	}
	return g.checkScheme(scheme, netip.Addr{})
}

// checkAddr judges what a dialer is asked for, "host:port".
func (g Guard) checkAddr(scheme, addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return g.Check(scheme, netip.AddrPort{})
	}
	return g.checkHost(scheme, host, port)
}
