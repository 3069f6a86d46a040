package egress

import (
	"context"
	"net/netip"
	"slices"
	"syscall"
)

// Guard decides which addresses a request may reach. Its zero value allows
// public addresses over https and nothing else.
type Guard struct{ allow []netip.Prefix }

// NewGuard makes a guard that also opens the ranges of allow, for https and
// for http. A range opens itself and nothing more:
//
//   - An IPv4 range also opens its IPv4-mapped addresses (::ffff:0:0/96), which
//     are the same hosts, and a range within ::ffff:0:0/96 is the IPv4 range it
//     maps; but ::/0 opens no IPv4 address.
//   - A translated form, such as the NAT64 address of a host in an allowed IPv4
//     range, stays closed. Opening a translation prefix such as 64:ff9b::/96
//     opens all the IPv4 addresses behind it, private ones too.
//   - An address with a zone lies in no range.
//
// An invalid range opens nothing.
func NewGuard(allow []netip.Prefix) Guard {
	g := Guard{allow: slices.Clone(allow)}
	for i, p := range g.allow {
		if p.Addr().Is4In6() && p.Bits() >= mappedBits {
			g.allow[i] = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits)
		}
	}
	return g
}

// mappedBits is the length of ::ffff:0:0/96 (RFC 4291 §2.5.5.2).
const mappedBits = 96

// Check returns nil if a request of this scheme ("http" or "https") may reach
// addr, else a [*Denied]. It is a decision about one address: to check what a
// host name resolves to and then connect to the name is open to DNS rebinding,
// which is why the transport asks at the connection.
func (g Guard) Check(scheme string, addr netip.Addr) error {
	switch {
	case !addr.IsValid():
		return &Denied{Address: addr, Reason: reasonNoAddress}
	case addr.Zone() != "":
		return &Denied{Address: addr, Reason: reasonZone}
	}
	plain := addr.Unmap()
	if slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(plain) }) {
		return nil
	}
	if reason := special(plain); reason != "" {
		return &Denied{Address: addr, Reason: reason}
	}
	if scheme != "https" {
		return &Denied{Address: addr, Reason: reasonPlainHTTP}
	}
	return nil
}

// control is a net.Dialer's ControlContext for requests of one scheme. The
// dialer calls it between creating the socket and connecting it, with the
// address it will connect to.
func (g Guard) control(scheme string) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		// What does not parse, like the ":443" of an empty host or the path of
		// a Unix socket, leaves the zero address, and Check refuses that.
		target, _ := netip.ParseAddrPort(address)
		return g.Check(scheme, target.Addr())
	}
}
