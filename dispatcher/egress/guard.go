package egress

import (
	"context"
	"net/netip"
	"slices"
	"syscall"
)

// Guard decides which addresses a request may reach. Its zero value is that of
// the zero [Policy].
type Guard struct {
	policy  Policy
	proxied bool // a proxy connects
}

// NewGuard makes a guard that holds requests to a policy.
func NewGuard(p Policy) Guard {
	p.Allow, p.Deny, p.Ports = unmapped(p.Allow), unmapped(p.Deny), slices.Clone(p.Ports)
	return Guard{policy: p}
}

// Check returns nil if a request of this scheme ("http" or "https") may reach an
// address and port, else a [*Denied]. It is a decision about one address: to
// check what a host name resolves to and then connect to the name is open to DNS
// rebinding, which is why the transport asks at the connection.
func (g Guard) Check(scheme string, to netip.AddrPort) error {
	addr := to.Addr()
	switch {
	case !addr.IsValid():
		return &Denied{Reason: reasonNoAddress, remedy: "write a host name or an IP address in the url"}
	case addr.Zone() != "":
		return &Denied{Address: addr, Reason: reasonZone, remedy: noRemedy}
	}
	plain := addr.Unmap()
	if g.policy.denies(plain) {
		return &Denied{Address: addr, Reason: reasonDenied, remedy: "--egress-deny has it"}
	}
	if err := g.checkPort(addr, to.Port()); err != nil {
		return err
	}
	known := special(plain)
	switch {
	case g.policy.allows(plain, known.metadata):
		return nil
	case known.reason != "":
		return &Denied{Address: addr, Reason: known.reason, remedy: "to deliver there, set --egress-allow=" + itself(plain)}
	}
	return g.checkScheme(scheme, addr)
}

func (g Guard) checkPort(addr netip.Addr, port uint16) error {
	if g.policy.hasPort(port) {
		return nil
	}
	return &Denied{Address: addr, Reason: reasonPort, remedy: "use a port that --egress-ports has"}
}

func (g Guard) checkScheme(scheme string, addr netip.Addr) error {
	if scheme == "https" || scheme == "http" && g.policy.PlainHTTP {
		return nil
	}
	return &Denied{Address: addr, Reason: reasonPlainHTTP, remedy: "use https, or set --egress-http"}
}

// itself is an address as the range of nothing else.
func itself(addr netip.Addr) string { return netip.PrefixFrom(addr, addr.BitLen()).String() }

// control is a net.Dialer's ControlContext for requests of one scheme. The
// dialer calls it between creating the socket and connecting it, with the
// address it will connect to.
func (g Guard) control(scheme string) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		// What does not parse, like the ":443" of an empty host or the path of
		// a Unix socket, leaves the zero address, and Check refuses that.
		target, _ := netip.ParseAddrPort(address)
		return g.Check(scheme, target)
	}
}
