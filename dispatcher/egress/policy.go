package egress

import (
	"net/netip"
	"slices"
)

// Policy is what an operator lets requests reach. The zero value is the
// strictest in scheme and address: public addresses over https, on any port.
type Policy struct {
	// Allow are ranges to reach although they are not public, over plain http
	// too. A range opens itself and nothing more:
	//
	//   - An IPv4 range also opens its IPv4-mapped addresses (::ffff:0:0/96), which
	//     are the same hosts, and a range within ::ffff:0:0/96 is the IPv4 range it
	//     maps; but ::/0 opens no IPv4 address.
	//   - A translated form, such as the NAT64 address of a host in an allowed IPv4
	//     range, stays closed. Opening a translation prefix such as 64:ff9b::/96
	//     opens all the IPv4 addresses behind it, private ones too.
	//   - A metadata service of a cloud, which hands out credentials, is opened by
	//     its own address only (/32 or /128), not by a range around it.
	//   - An address with a zone lies in no range.
	Allow []netip.Prefix
	// Deny are ranges not to reach although they are public or in Allow. IPv4
	// ranges count for IPv4-mapped addresses too, as above.
	Deny []netip.Prefix
	// Ports are the only ones to reach; all if there are none.
	Ports []Ports
	// PlainHTTP lets requests go over plain http to public addresses too.
	PlainHTTP bool
}

// Ports are those from First to Last, both included.
type Ports struct{ First, Last uint16 }

// mappedBits is the length of ::ffff:0:0/96 (RFC 4291 §2.5.5.2).
const mappedBits = 96

// unmapped are the ranges, each within ::ffff:0:0/96 as the IPv4 range that it
// maps. An invalid range contains nothing.
func unmapped(ranges []netip.Prefix) []netip.Prefix {
	ranges = slices.Clone(ranges)
	for i, p := range ranges {
		if p.Addr().Is4In6() && p.Bits() >= mappedBits {
			ranges[i] = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-mappedBits)
		}
	}
	return ranges
}

// allows tells of an address that is not IPv4-mapped. Exactly is whether only the
// address itself as a range counts.
func (p Policy) allows(addr netip.Addr, exactly bool) bool {
	return slices.ContainsFunc(p.Allow, func(r netip.Prefix) bool { return r.Contains(addr) && (!exactly || r.IsSingleIP()) })
}

func (p Policy) denies(addr netip.Addr) bool {
	return slices.ContainsFunc(p.Deny, func(r netip.Prefix) bool { return r.Contains(addr) })
}

// opensLocalhost tells whether one of localhost's addresses (RFC 6761 §6.3) is allowed,
// and none denied.
func (p Policy) opensLocalhost() bool {
	v4, v6 := netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()
	return (p.allows(v4, false) || p.allows(v6, false)) && !p.denies(v4) && !p.denies(v6)
}

func (p Policy) hasPort(port uint16) bool {
	return len(p.Ports) == 0 || slices.ContainsFunc(p.Ports, func(r Ports) bool { return r.First <= port && port <= r.Last })
}
