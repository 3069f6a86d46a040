package egress

import (
	"net/netip"
	"strings"
	"testing"
)

// refused lists address forms by a word of the reason. Each range stands with
// its first and its last address.
var refused = map[string][]string{
	"unspecified":  {"0.0.0.0", "::", "::ffff:0.0.0.0"},
	"this network": {"0.0.0.1", "0.255.255.255", "::ffff:0.1.2.3"},
	"private": {
		"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255",
		"::ffff:10.0.0.1", "::ffff:172.16.0.1", "::ffff:192.168.1.1", "::ffff:c0a8:0101",
	},
	"carrier-grade NAT": {"100.64.0.0", "100.127.255.255", "::ffff:100.64.0.1"},
	"loopback":          {"127.0.0.0", "127.0.0.1", "127.1.2.3", "127.255.255.255", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1"},
	"link-local": {
		"169.254.0.0", "169.254.170.3", "169.254.255.255", "::ffff:169.254.0.1",
		"fe80::", "fe80::1", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	},
	"metadata": {
		"169.254.169.254", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "168.63.129.16", "::ffff:168.63.129.16",
		"100.100.100.200", "192.0.0.192", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
	},
	"protocol assignments": {
		"192.0.0.0", "192.0.0.8", "192.0.0.9", "192.0.0.170", "192.0.0.191", "192.0.0.193", "192.0.0.255",
		"2001:1::1", "2001:3::1", "2001:4:112::1", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
	},
	"documentation": {
		"192.0.2.0", "192.0.2.255", "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255", "::ffff:203.0.113.1",
		"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
	},
	"6to4 relay":   {"192.88.99.0", "192.88.99.1", "192.88.99.255"},
	"benchmarking": {"198.18.0.0", "198.19.255.255", "2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff"},
	"multicast":    {"224.0.0.0", "224.0.0.1", "239.255.255.255", "::ffff:224.0.0.1", "ff00::", "ff02::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	"reserved": {
		"240.0.0.0", "255.255.255.254", "::ffff:240.0.0.1",
		"64:ff9b::1:0:0:0", "64:ff9b:2::", "200::1", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"4000::", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "8000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::1",
	},
	"broadcast":         {"255.255.255.255", "::ffff:255.255.255.255"},
	"IPv4-compatible":   {"::2", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8", "::ffff:ffff"},
	"IPv4-translated":   {"::ffff:0:127.0.0.1", "::ffff:0:0:0", "::ffff:0:ffff:ffff"},
	"NAT64":             {"64:ff9b::", "64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b::ffff:ffff"},
	"local-use NAT64":   {"64:ff9b:1::", "64:ff9b:1::10.0.0.1", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"},
	"discard":           {"100::", "100::ffff:ffff:ffff:ffff"},
	"dummy":             {"100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"},
	"Teredo":            {"2001::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"},
	"ORCHID ":           {"2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff"},
	"ORCHIDv2":          {"2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff"},
	"drone":             {"2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff"},
	"6to4 tunnel":       {"2002::", "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	"segment routing":   {"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	"unique local":      {"fc00::", "fd12:3456:789a::1", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	"site-local":        {"fec0::", "fec0::1", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	"zone":              {"fe80::1%eth0", "2606:4700:4700::1111%eth0", "::1%lo", "::ffff:8.8.8.8%eth0"},
	"not an IP address": {""},
}

// public lists ordinary hosts and the neighbours of every range above.
var public = []string{
	"1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "93.184.215.14", "100.63.255.255", "100.128.0.0",
	"126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0",
	"172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.1.255", "192.0.3.0", "192.88.98.255",
	"192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255",
	"198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "::ffff:8.8.8.8", "::ffff:102:304",
	"2000::", "2000:ffff::1", "2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::",
	"2001:4860:4860::8888", "2003::", "2606:4700:4700::1111", "2a00:1450:4001::200e",
	"3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::",
}

func TestRefused(t *testing.T) {
	forms := 0
	for reason, addrs := range refused {
		for _, s := range addrs {
			forms++
			addr, err := netip.ParseAddr(s)
			if err != nil && s != "" {
				t.Fatal(err)
			}
			for _, scheme := range []string{"https", "http"} {
				err := Guard{}.Check(scheme, at(addr))
				if err == nil {
					t.Errorf("%s to %q is allowed, want it refused as %q", scheme, s, reason)
				} else if !strings.Contains(err.Error(), reason) {
					t.Errorf("%s to %q: %q does not say %q", scheme, s, err, reason)
				}
			}
		}
	}
	if forms < 80 {
		t.Errorf("%d forms, want at least 80", forms)
	}
}

func TestPublic(t *testing.T) {
	for _, s := range public {
		addr := netip.MustParseAddr(s)
		if err := (Guard{}).Check("https", at(addr)); err != nil {
			t.Errorf("https to %s: %v", s, err)
		}
		err := Guard{}.Check("http", at(addr))
		if err == nil || !strings.Contains(err.Error(), reasonPlainHTTP) {
			t.Errorf("http to %s: got %v, want %q", s, err, reasonPlainHTTP)
		}
	}
}

// TestRangesInOrder proves that no range hides behind an earlier one that
// contains it, so each names its own reason.
func TestRangesInOrder(t *testing.T) {
	for _, ranges := range [][]specialRange{special4, special6} {
		for i, r := range ranges {
			if r.prefix != r.prefix.Masked() {
				t.Errorf("%s has bits outside its length", r.prefix)
			}
			for _, earlier := range ranges[:i] {
				if earlier.prefix.Bits() <= r.prefix.Bits() && earlier.prefix.Overlaps(r.prefix) {
					t.Errorf("%s is never reached: %s stands before it", r.prefix, earlier.prefix)
				}
			}
		}
	}
}
