package egress

import "net/netip"

// specialRange is a range of addresses that are not ordinary public hosts.
type specialRange struct {
	prefix netip.Prefix
	reason string // what it is, with its source
	// metadata is a service of a cloud that hands out the machine's credentials.
	metadata bool
}

// special says what addr, which must not be IPv4-mapped, is if no public host.
// It is the zero value for one that is.
func special(addr netip.Addr) specialRange {
	ranges := special6
	if addr.Is4() {
		ranges = special4
	}
	for _, r := range ranges {
		if r.prefix.Contains(addr) {
			return r
		}
	}
	return specialRange{}
}

func closed(prefix, reason string) specialRange {
	return specialRange{prefix: netip.MustParsePrefix(prefix), reason: reason}
}

func metadata(addr, of string) specialRange {
	r := closed(itself(netip.MustParseAddr(addr)), "cloud metadata service"+of)
	r.metadata = true
	return r
}

// special4 is the IANA IPv4 Special-Purpose Address Registry (RFC 6890, as
// updated by RFC 8190), without the AS112 and AMT services it lists as globally
// reachable (RFC 7534, RFC 7535, RFC 7450), and with multicast and the metadata
// services of clouds. The first match names the reason, so a part stands before
// its whole. Nothing writes it.
var special4 = []specialRange{
	metadata("169.254.169.254", ""),
	metadata("169.254.170.2", " (AWS, of a container)"),
	metadata("169.254.170.23", " (AWS, of a pod)"),
	metadata("168.63.129.16", " (Azure)"),
	metadata("100.100.100.200", " (Alibaba)"),
	metadata("192.0.0.192", " (Oracle)"),

	closed("0.0.0.0/32", "unspecified address (RFC 1122)"),
	closed("0.0.0.0/8", "this network (RFC 791)"),
	closed("10.0.0.0/8", "private network (RFC 1918)"),
	closed("100.64.0.0/10", "carrier-grade NAT (RFC 6598)"),
	closed("127.0.0.0/8", "loopback (RFC 1122)"),
	closed("169.254.0.0/16", "link-local (RFC 3927)"),
	closed("172.16.0.0/12", "private network (RFC 1918)"),
	closed("192.0.0.0/24", "IETF protocol assignments (RFC 6890)"),
	closed("192.0.2.0/24", "documentation (RFC 5737)"),
	closed("192.88.99.0/24", "6to4 relay anycast (RFC 7526)"),
	closed("192.168.0.0/16", "private network (RFC 1918)"),
	closed("198.18.0.0/15", "benchmarking (RFC 2544)"),
	closed("198.51.100.0/24", "documentation (RFC 5737)"),
	closed("203.0.113.0/24", "documentation (RFC 5737)"),
	closed("224.0.0.0/4", "multicast (RFC 1112)"),
	closed("255.255.255.255/32", "limited broadcast (RFC 919)"),
	closed("240.0.0.0/4", "reserved (RFC 1112)"),
}

// special6 is the IANA IPv6 Special-Purpose Address Registry (RFC 6890, as
// updated by RFC 8190), without the AS112 service outside 2001::/23, and with
// the deprecated forms that embed an IPv4 address and everything outside
// 2000::/3, the only unicast space IANA assigns from (IANA IPv6 Address Space,
// RFC 4291 §2.4). IPv4-mapped addresses are not in it: they are judged as IPv4.
// Nothing writes it.
var special6 = []specialRange{
	metadata("fd00:ec2::254", " (AWS)"),
	metadata("fd00:ec2::23", " (AWS, of a pod)"),
	metadata("fd20:ce::254", " (Google Cloud)"),

	closed("::/128", "unspecified address (RFC 4291)"),
	closed("::1/128", "loopback (RFC 4291)"),
	closed("::/96", "IPv4-compatible address (RFC 4291)"),
	closed("::ffff:0:0:0/96", "IPv4-translated address (RFC 2765)"),
	closed("64:ff9b::/96", "NAT64 translation (RFC 6052)"),
	closed("64:ff9b:1::/48", "local-use NAT64 translation (RFC 8215)"),
	closed("100::/64", "discard-only (RFC 6666)"),
	closed("100:0:0:1::/64", "dummy prefix (RFC 9780)"),
	closed("2001::/32", "Teredo tunnel (RFC 4380)"),
	closed("2001:2::/48", "benchmarking (RFC 5180)"),
	closed("2001:10::/28", "ORCHID (RFC 4843)"),
	closed("2001:20::/28", "ORCHIDv2 (RFC 7343)"),
	closed("2001:30::/28", "drone remote id (RFC 9374)"),
	closed("2001::/23", "IETF protocol assignments (RFC 2928)"),
	closed("2001:db8::/32", "documentation (RFC 3849)"),
	closed("2002::/16", "6to4 tunnel (RFC 3056)"),
	closed("3fff::/20", "documentation (RFC 9637)"),
	closed("5f00::/16", "segment routing (RFC 9602)"),
	closed("fc00::/7", "unique local network (RFC 4193)"),
	closed("fe80::/10", "link-local (RFC 4291)"),
	closed("fec0::/10", "site-local (RFC 3879)"),
	closed("ff00::/8", "multicast (RFC 4291)"),

	closed("::/3", "reserved, not global unicast (RFC 4291)"),
	closed("4000::/2", "reserved, not global unicast (RFC 4291)"),
	closed("8000::/1", "reserved, not global unicast (RFC 4291)"),
}
