package egress

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
)

func prefixes(ss ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, s := range ss {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}

// at is the address on the port of https.
func at(addr netip.Addr) netip.AddrPort { return netip.AddrPortFrom(addr, 443) }

func TestAllowedRanges(t *testing.T) {
	tests := []struct {
		allow      string
		open, shut []string // shut: not opened, and refused over https by itself
	}{
		{"10.1.0.0/16", []string{"10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3"}, []string{
			"10.0.255.255", "10.2.0.0", "::ffff:10.2.0.0", "::10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::", "::ffff:0:10.1.2.3",
		}},
		{"10.1.2.3/16", []string{"10.1.0.0"}, []string{"10.2.0.0"}}, // bits outside the length do not count
		{"127.0.0.1/32", []string{"127.0.0.1", "::ffff:127.0.0.1"}, []string{"127.0.0.2", "::1"}},
		{"::ffff:10.0.0.0/104", []string{"10.9.8.7", "::ffff:10.9.8.7"}, []string{"127.0.0.1", "::10.0.0.0"}},
		{"::1/128", []string{"::1"}, []string{"::", "127.0.0.1", "::1%lo"}},
		{"fe80::/10", []string{"fe80::1"}, []string{"fe80::1%eth0", "fec0::1"}},
		{"fd00::/8", []string{"fd00::1", "fd00:ec2::253"}, []string{"fc00::1", "fd00:ec2::254", "fd20:ce::254"}},
		{"fd00:ec2::254/128", []string{"fd00:ec2::254"}, []string{"fd00:ec2::253"}},
		{"169.254.0.0/16", []string{"169.254.0.1"}, []string{"169.254.169.254", "169.254.170.2", "::ffff:169.254.169.254"}},
		{"169.254.169.254/32", []string{"169.254.169.254", "::ffff:169.254.169.254"}, []string{"169.254.169.253"}},
		{"64:ff9b::/96", []string{"64:ff9b::8.8.8.8"}, []string{"64:ff9b:1::8.8.8.8"}},
		{"0.0.0.0/0", []string{"127.0.0.1", "169.254.169.253", "8.8.8.8"}, []string{"::1", "169.254.169.254"}},
		{"::/0", []string{"::1", "2001:4860:4860::8888"}, []string{"127.0.0.1", "::ffff:127.0.0.1"}},
		{"8.8.8.0/24", []string{"8.8.8.8"}, []string{"127.0.0.1"}},
	}
	for _, tt := range tests {
		g := NewGuard(Policy{Allow: prefixes(tt.allow)})
		for _, s := range tt.open {
			for _, scheme := range []string{"http", "https"} {
				if err := g.Check(scheme, at(netip.MustParseAddr(s))); err != nil {
					t.Errorf("allow %s: %s: %v", tt.allow, scheme, err)
				}
			}
		}
		for _, s := range tt.shut {
			if g.Check("https", at(netip.MustParseAddr(s))) == nil {
				t.Errorf("allow %s opens %s", tt.allow, s)
			}
		}
	}
}

func TestGuardIsAValue(t *testing.T) {
	allow := prefixes("127.0.0.0/8")
	g := NewGuard(Policy{Allow: allow})
	allow[0] = netip.MustParsePrefix("10.0.0.0/8")
	if err := g.Check("http", at(netip.MustParseAddr("127.0.0.1"))); err != nil {
		t.Errorf("the caller's slice reaches into the guard: %v", err)
	}
	if NewGuard(Policy{Allow: []netip.Prefix{{}}}).Check("http", at(netip.MustParseAddr("127.0.0.1"))) == nil {
		t.Error("an invalid range opens 127.0.0.1")
	}
}

func TestDeniedSays(t *testing.T) {
	tests := []struct{ scheme, addr, want string }{
		{"https", "10.0.0.7", "egress to 10.0.0.7 refused: private network (RFC 1918); to deliver there, set --egress-allow=10.0.0.7/32"},
		{"http", "::1", "egress to ::1 refused: loopback (RFC 4291); to deliver there, set --egress-allow=::1/128"},
		{"https", "::ffff:10.0.0.7", "egress to ::ffff:10.0.0.7 refused: private network (RFC 1918); to deliver there, set --egress-allow=10.0.0.7/32"},
		{"http", "8.8.8.8", "egress to 8.8.8.8 refused: plain http outside the allowed ranges; use https, or set --egress-http"},
		{"ftp", "8.8.8.8", "egress to 8.8.8.8 refused: plain http outside the allowed ranges; use https, or set --egress-http"},
		{"https", "fe80::1%eth0", "egress to fe80::1%eth0 refused: address with a zone (RFC 4007); no setting opens it"},
	}
	for _, tt := range tests {
		if got := (Guard{}).Check(tt.scheme, at(netip.MustParseAddr(tt.addr))); got == nil || got.Error() != tt.want {
			t.Errorf("%s to %s:\n got %v\nwant %s", tt.scheme, tt.addr, got, tt.want)
		}
	}
	want := "egress refused: not an IP address; write a host name or an IP address in the url"
	if got := (Guard{}).Check("https", at(netip.Addr{})); got == nil || got.Error() != want {
		t.Errorf("no address: got %v, want %s", got, want)
	}
}

func TestControlReadsTheDialersAddress(t *testing.T) {
	tests := []struct {
		address string
		refused bool
	}{
		{"8.8.8.8:443", false},
		{"[2606:4700:4700::1111]:443", false},
		{"127.0.0.1:443", true},
		{"[::1]:443", true},
		{"[fe80::1%eth0]:443", true},
		{":443", true}, // Go's dialer takes an empty host for this one
		{"", true},
		{"/run/app.sock", true},
		{"example.com:443", true}, // a name is not an address
		{"8.8.8.8", true},
	}
	for _, tt := range tests {
		err := Guard{}.control("https")(t.Context(), "tcp", tt.address, nil)
		if _, denied := errors.AsType[*Denied](err); denied != tt.refused {
			t.Errorf("control of %q: got %v, want refused %v", tt.address, err, tt.refused)
		}
	}
}

// embedded are the ways an IPv4 address hides in an IPv6 address.
func embedded(a [4]byte) map[string]netip.Addr {
	form := func(prefix string, at int, v4 [4]byte) netip.Addr {
		b := netip.MustParseAddr(prefix).As16()
		copy(b[at:], v4[:])
		return netip.AddrFrom16(b)
	}
	// RFC 6052 §2.2: a 48-bit prefix leaves byte 8 zero, amid the address.
	local := netip.MustParseAddr("64:ff9b:1::").As16()
	local[6], local[7], local[9], local[10] = a[0], a[1], a[2], a[3]
	inverted := a // RFC 4380 §4: Teredo hides the client by inverting it
	binary.BigEndian.PutUint32(inverted[:], ^binary.BigEndian.Uint32(a[:]))

	return map[string]netip.Addr{
		"mapped":          form("::ffff:0:0", 12, a),
		"compatible":      form("::", 12, a),
		"translated":      form("::ffff:0:0:0", 12, a),
		"NAT64":           form("64:ff9b::", 12, a),
		"local NAT64 /96": form("64:ff9b:1::", 12, a),
		"local NAT64 /48": netip.AddrFrom16(local),
		"6to4":            form("2002::1", 2, a),
		"Teredo server":   form("2001::", 4, a),
		"Teredo client":   form("2001::", 12, inverted),
	}
}

func FuzzEmbeddedForms(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "8.8.8.8", "0.0.0.0", "255.255.255.255", "168.63.129.16"} {
		a := netip.MustParseAddr(s).As4()
		f.Add(binary.BigEndian.Uint32(a[:]))
	}
	f.Fuzz(func(t *testing.T, v4 uint32) {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], v4)
		addr := netip.AddrFrom4(a)
		bare := Guard{}.Check("https", at(addr)) != nil
		if std := !addr.IsGlobalUnicast() || addr.IsPrivate(); std && !bare {
			t.Errorf("%s is allowed", addr)
		}
		for name, form := range embedded(a) {
			refused := Guard{}.Check("https", at(form)) != nil
			if bare && !refused {
				t.Errorf("%s is refused, but its %s form %s is allowed", addr, name, form)
			}
			if name == "mapped" && refused != bare {
				t.Errorf("%s refused %v, but mapped %v", addr, bare, refused)
			}
			if name != "mapped" && !refused {
				t.Errorf("%s form %s is allowed", name, form)
			}
		}
	})
}

// FuzzAllow holds an allowed range to opening exactly itself.
func FuzzAllow(f *testing.F) {
	add := func(addr, base string, bits uint8) {
		a, b := netip.MustParseAddr(addr).As16(), netip.MustParseAddr(base).As16()
		f.Add(a[:], b[:], bits)
	}
	add("10.1.2.3", "10.0.0.0", 104)
	add("127.0.0.1", "::", 0)
	add("fe80::1", "fe80::", 10)
	add("8.8.8.8", "10.0.0.0", 127)
	f.Fuzz(func(t *testing.T, addr, base []byte, bits uint8) {
		a, ok := netip.AddrFromSlice(addr)
		b, ok2 := netip.AddrFromSlice(base)
		if !ok || !ok2 || int(bits) > b.BitLen() {
			t.Skip("not an address and a range")
		}
		allow := netip.PrefixFrom(b, int(bits))
		inside := allow.Contains(a)
		if a.Unmap().Is4() { // IPv4 ranges and their mapped forms are one
			inside = allow.Contains(a.Unmap()) || b.Is4In6() && bits >= 96 && allow.Contains(netip.AddrFrom16(a.As16()))
		}
		g := NewGuard(Policy{Allow: []netip.Prefix{allow}})
		if got := g.Check("http", at(a)) == nil; got != inside {
			t.Errorf("allow %s: http to %s allowed %v, want %v", allow, a, got, inside)
		}
		if got, want := g.Check("https", at(a)) == nil, inside || (Guard{}).Check("https", at(a)) == nil; got != want {
			t.Errorf("allow %s: https to %s allowed %v, want %v", allow, a, got, want)
		}
	})
}
