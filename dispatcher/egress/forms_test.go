package egress

import "strings"

// Where a form ends, from the first to the last that can refuse it.
const (
	noURL    = "no URL"   // schemas.ParseURL
	noName   = "no name"  // the resolver: nothing to connect to
	denied   = "denied"   // the guard, at the connection
	connects = "connects" // nobody: the kernel was asked to connect
)

// hostForms are hosts as URLs spell them. Each is tried over https and http, and
// one that connects over https is denied over http, as no range is opened.
var hostForms = []struct{ host, end, why string }{
	// Loopback. What is no IP address to Go is a name: one of digits and dots alone
	// is not looked up, any other is, and the zone below answers as inet_aton would.
	{"127.0.0.1", denied, "loopback"},
	{"127.0.0.0", denied, "loopback"},
	{"127.255.255.255", denied, "loopback"},
	{"127.1", noName, ""},
	{"127.0.1", noName, ""},
	{"0x7f.1", denied, "loopback"},     // inet_aton: hexadecimal
	{"0x7f000001", denied, "loopback"}, // the same as one number
	{"0x7F.0x0.0x0.0x1", denied, "loopback"},
	{"2130706433", noName, ""},
	{"017700000001", noName, ""},
	{"0177.0.0.1", noName, ""},
	{"127.0.0.01", noName, ""},
	{"127.0.0.256", noName, ""},
	{"127.0.0.1.", noName, ""},
	{"[::1]", denied, "loopback"},
	{"[0:0:0:0:0:0:0:1]", denied, "loopback"},
	{"[0000:0000:0000:0000:0000:0000:0000:0001]", denied, "loopback"},
	{"[::0.0.0.1]", denied, "loopback"},
	{"localhost", denied, "loopback"},
	{"LOCALHOST", denied, "loopback"},
	{"localhost.", denied, "loopback"},
	{"sub.localhost", denied, "loopback"},
	{"127.0.0.1.nip.example", denied, "loopback"}, // a public name for it
	{"v6.nip.example", denied, "loopback"},

	// This host and network.
	{"0", noName, ""},
	{"0.0.0.0", denied, "unspecified"},
	{"0x0.0", denied, "unspecified"},
	{"[::]", denied, "unspecified"},
	{"0.0.0.1", denied, "this network"},

	// Private and shared networks.
	{"10.0.0.1", denied, "private"},
	{"10.255.255.255", denied, "private"},
	{"172.16.0.1", denied, "private"},
	{"172.31.255.255", denied, "private"},
	{"192.168.1.1", denied, "private"},
	{"100.64.0.1", denied, "carrier-grade NAT"},
	{"100.127.255.255", denied, "carrier-grade NAT"},
	{"intranet.example", denied, "private"},
	{"[fc00::1]", denied, "unique local"},
	{"[fd12:3456:789a::1]", denied, "unique local"},
	{"[fec0::1]", denied, "site-local"},

	// Link-local, and zones.
	{"169.254.0.1", denied, "link-local"},
	{"169.254.170.2", denied, "cloud metadata service (AWS, of a container)"},
	{"169.254.170.23", denied, "cloud metadata service (AWS, of a pod)"},
	{"169.254.170.3", denied, "link-local"},
	{"[fe80::1]", denied, "link-local"},
	{"[febf::1]", denied, "link-local"},
	{"[fe80::a9fe:a9fe]", denied, "link-local"}, // metadata of OpenStack
	{"[fe80::1%25lo]", denied, "address with a zone"},
	{"[fe80::1%251]", denied, "address with a zone"},
	{"[::1%25lo]", denied, "address with a zone"},
	{"[2606:4700:4700::1111%25lo]", denied, "address with a zone"},

	// Metadata of clouds.
	{"169.254.169.254", denied, "cloud metadata"},
	{"[::ffff:169.254.169.254]", denied, "cloud metadata"},
	{"[::ffff:a9fe:a9fe]", denied, "cloud metadata"},
	{"[fd00:ec2::254]", denied, "cloud metadata service (AWS)"},
	{"[fd00:ec2::23]", denied, "cloud metadata service (AWS, of a pod)"},
	{"[fd20:ce::254]", denied, "cloud metadata service (Google Cloud)"},
	{"100.100.100.200", denied, "cloud metadata service (Alibaba)"},
	{"168.63.129.16", denied, "cloud metadata service (Azure)"},
	{"192.0.0.192", denied, "cloud metadata service (Oracle)"},
	{"metadata.google.internal", denied, "cloud metadata"},
	{"metadata.google.internal.", denied, "cloud metadata"},
	{"metadata", denied, "cloud metadata"},
	{"instance-data.ec2.internal", denied, "cloud metadata"},
	{"0xa9fe.0xa9fe", denied, "cloud metadata"},
	{"2852039166", noName, ""},

	// What nobody on the internet has.
	{"192.0.0.8", denied, "IETF protocol assignments"},
	{"192.0.2.1", denied, "documentation"},
	{"198.51.100.1", denied, "documentation"},
	{"203.0.113.1", denied, "documentation"},
	{"[2001:db8::1]", denied, "documentation"},
	{"[3fff::1]", denied, "documentation"},
	{"198.18.0.1", denied, "benchmarking"},
	{"198.19.255.255", denied, "benchmarking"},
	{"[2001:2::1]", denied, "benchmarking"},
	{"192.88.99.1", denied, "6to4 relay"},
	{"224.0.0.1", denied, "multicast"},
	{"239.255.255.255", denied, "multicast"},
	{"[ff02::1]", denied, "multicast"},
	{"[ff0e::1]", denied, "multicast"},
	{"240.0.0.1", denied, "reserved"},
	{"255.255.255.254", denied, "reserved"},
	{"255.255.255.255", denied, "limited broadcast"},
	{"[100::1]", denied, "discard-only"},
	{"[100:0:0:1::1]", denied, "dummy prefix"},
	{"[2001:1::1]", denied, "IETF protocol assignments"},
	{"[2001:10::1]", denied, "ORCHID"},
	{"[2001:20::1]", denied, "ORCHIDv2"},
	{"[2001:30::1]", denied, "drone"},
	{"[5f00::1]", denied, "segment routing"},
	{"[1::1]", denied, "reserved"},
	{"[4000::1]", denied, "reserved"},
	{"[9000::1]", denied, "reserved"},

	// IPv4 inside IPv6.
	{"[::ffff:127.0.0.1]", denied, "loopback"},
	{"[::ffff:7f00:1]", denied, "loopback"},
	{"[::FFFF:7F00:0001]", denied, "loopback"},
	{"[0:0:0:0:0:ffff:127.0.0.1]", denied, "loopback"},
	{"[::ffff:0.0.0.0]", denied, "unspecified"},
	{"[::ffff:10.0.0.1]", denied, "private"},
	{"[::ffff:100.64.0.1]", denied, "carrier-grade NAT"},
	{"[::127.0.0.1]", denied, "IPv4-compatible"},
	{"[::7f00:1]", denied, "IPv4-compatible"},
	{"[::8.8.8.8]", denied, "IPv4-compatible"},
	{"[::ffff:0:127.0.0.1]", denied, "IPv4-translated"},
	{"[2002:7f00:1::]", denied, "6to4 tunnel"},
	{"[2002:a9fe:a9fe::1]", denied, "6to4 tunnel"},
	{"[2002:808:808::1]", denied, "6to4 tunnel"},
	{"[64:ff9b::127.0.0.1]", denied, "NAT64"},
	{"[64:ff9b::a9fe:a9fe]", denied, "NAT64"},
	{"[64:ff9b::8.8.8.8]", denied, "NAT64"},
	{"[64:ff9b:1::10.0.0.1]", denied, "local-use NAT64"},
	{"[64:ff9b:1:7f00:0:100::]", denied, "local-use NAT64"},
	{"[2001:0:7f00:1::1]", denied, "Teredo"},
	{"[2001::80ff:fffe]", denied, "Teredo"}, // 127.0.0.1 inverted
	{"nat64.example", denied, "NAT64"},

	// Other alphabets. net/http maps them (IDNA, UTS #46) before it dials.
	{"１２７.０.０.１", denied, "loopback"},
	{"127。0。0。1", denied, "loopback"},
	{"127．0．0．1", denied, "loopback"},
	{"①②⑦.⓪.⓪.①", denied, "loopback"},
	{"%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1", denied, "loopback"}, // 127, fullwidth, percent-encoded
	{"ｌocalhost", denied, "loopback"},
	{"ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", denied, "loopback"},
	{"local\u00adhost", denied, "loopback"}, // a soft hyphen is dropped
	{"１６９.２５４.１６９.２５４", denied, "cloud metadata"},
	{"１０.1", noName, ""},
	{"local\u200bhost", denied, "loopback"}, // a zero-width space too
	{"127.0.0.1\u202e", noName, ""},
	{"١٢٧.٠.٠.١", noName, ""}, // Arabic digits stay what they are
	{"[１::1]", noURL, "does not parse"},

	// Odd names.
	{"-", noName, ""},
	{".", noName, ""},
	{"..", noName, ""},
	{"a..b", noName, ""},
	{"127.0.0.1,example.com", noName, ""},
	{"127.0.0.1;example.com", noName, ""},
	{"<127.0.0.1>", noName, ""},
	{"(127.0.0.1)", noName, ""},
	{strings.Repeat("a", 64) + ".example", noName, ""},
	{strings.Repeat(strings.Repeat("a", 63)+".", 4) + "example", noName, ""},
	{strings.Repeat("127.0.0.1.", 200), noName, ""},
	{strings.Repeat("127.0.0.1.", 5000), noURL, "bytes"},
	{"unknown.example", noName, ""},

	// Hosts of the internet, and the neighbours of what is closed.
	{"example.com", connects, "93.184.215.14"},
	{"EXAMPLE.com.", connects, "93.184.215.14"},
	{"v6.example.com", connects, "2606:4700:4700::1111"},
	{"bücher.example", connects, "9.9.9.9"},
	{"xn--bcher-kva.example", connects, "9.9.9.9"},
	{"8.8.8.8", connects, "8.8.8.8"},
	{"８.８.８.８", connects, "8.8.8.8"},
	{"[::ffff:8.8.8.8]", connects, "8.8.8.8"},
	{"[2606:4700:4700::1111]", connects, "2606:4700:4700::1111"},
	{"[2001:4860:4860::8888]", connects, "2001:4860:4860::8888"},
	{"9.255.255.255", connects, "9.255.255.255"},
	{"11.0.0.0", connects, "11.0.0.0"},
	{"100.128.0.0", connects, "100.128.0.0"},
	{"128.0.0.0", connects, "128.0.0.0"},
	{"169.255.0.0", connects, "169.255.0.0"},
	{"172.32.0.0", connects, "172.32.0.0"},
	{"192.0.1.0", connects, "192.0.1.0"},
	{"192.169.0.0", connects, "192.169.0.0"},
	{"198.20.0.0", connects, "198.20.0.0"},
	{"223.255.255.255", connects, "223.255.255.255"},
	{"[2003::1]", connects, "2003::1"},
	{"[2001:200::1]", connects, "2001:200::1"},
	{"[3fff:1000::1]", connects, "3fff:1000::1"},
}

// urlForms are whole URLs, tried as they stand.
var urlForms = []struct{ url, end, why string }{
	// Schemes.
	{"https://example.com/", connects, "93.184.215.14:443"},
	{"HTTPS://example.com/", connects, "93.184.215.14:443"},
	{"http://example.com/", denied, reasonPlainHTTP},
	{"http://example.com:443/", denied, reasonPlainHTTP},
	{"ftp://example.com/", noURL, "scheme"},
	{"file:///etc/passwd", noURL, "scheme"},
	{"gopher://127.0.0.1:6379/_FLUSHALL", noURL, "scheme"},
	{"dict://127.0.0.1:11211/stats", noURL, "scheme"},
	{"ldap://127.0.0.1/", noURL, "scheme"},
	{"unix:///run/app.sock", noURL, "scheme"},
	{"http+unix://%2Frun%2Fapp.sock/", noURL, "does not parse"},
	{"ws://example.com/", noURL, "scheme"},
	{"javascript:alert(1)", noURL, "scheme"},
	{"data:text/plain,x", noURL, "scheme"},
	{"nats://127.0.0.1:4222", noURL, "scheme"},
	{"jar:https://example.com/", noURL, "scheme"},
	{"//example.com/", noURL, "not absolute"},
	{"/hooks", noURL, "not absolute"},
	{"example.com", noURL, "has no scheme"},
	{"", noURL, "not absolute"},
	{"127.0.0.1:80/", noURL, "has no scheme"},
	{"localhost:80/", noURL, "scheme"},

	// Hosts that are not there.
	{"https:///hooks", noURL, "not absolute"},
	{"https://", noURL, "not absolute"},
	{"https://:443/", noURL, "not absolute"},
	{"https:example.com", noURL, "not absolute"},
	{"https:/example.com", noURL, "not absolute"},
	{"https:////example.com/", noURL, "not absolute"},
	{"https://?x=127.0.0.1", noURL, "not absolute"},
	{"https://#127.0.0.1", noURL, "not absolute"},
	{"https://[]/", noURL, "does not parse"},

	// Credentials, and whose host it is.
	{"https://user:hunter2@example.com/", noURL, "credentials"},
	{"https://user@example.com/", noURL, "credentials"},
	{"https://:@example.com/", noURL, "credentials"},
	{"https://@example.com/", noURL, "credentials"},
	{"https://example.com@127.0.0.1/", noURL, "credentials"},
	{"https://example.com:443@127.0.0.1/", noURL, "credentials"},
	{"https://127.0.0.1@example.com@10.0.0.1/", noURL, "credentials"},
	{"https://example.com%40127.0.0.1/", noURL, "does not parse"},
	{"https://example.com#@127.0.0.1/", connects, "93.184.215.14:443"},
	{"https://example.com?@127.0.0.1/", connects, "93.184.215.14:443"},
	{"https://example.com/@127.0.0.1/", connects, "93.184.215.14:443"},
	{"https://127.0.0.1#@example.com/", denied, "loopback"},
	{"https://127.0.0.1?@example.com/", denied, "loopback"},
	{"https://127.0.0.1/@example.com/", denied, "loopback"},

	// Backslashes, percent signs, white space, control characters.
	{`https://example.com\@127.0.0.1/`, noURL, "does not parse"},
	{`https://127.0.0.1\.example.com/`, noURL, "does not parse"},
	{`https://127.0.0.1\@example.com/`, noURL, "does not parse"},
	{`https:\\127.0.0.1\`, noURL, "not absolute"},
	{`https:/\127.0.0.1/`, noURL, "not absolute"},
	{`\\127.0.0.1\share`, noURL, "not absolute"},
	{"https://%31%32%37.0.0.1/", noURL, "does not parse"},
	{"https://127%2E0%2E0%2E1/", noURL, "does not parse"},
	{"https://127.0.0.1%2F.example.com/", noURL, "does not parse"},
	{"https://127.0.0.1%00.example.com/", noURL, "does not parse"},
	{"https://127.0.0.1%0d%0a.example.com/", noURL, "does not parse"},
	{"https://%6cocalhost/", noURL, "does not parse"},
	{"https://%zz/", noURL, "does not parse"},
	{"https://[::1%lo]/", noURL, "does not parse"},
	{" https://example.com/", noURL, "does not parse"},
	{"https://exam ple.com/", noURL, "does not parse"},
	{"https:// 127.0.0.1/", noURL, "does not parse"},
	{"https://127.0.0.1 /", noURL, "does not parse"},
	{"https://127.0.0.1\t/", noURL, "does not parse"},
	{"https://127.0.0.1\r\nX-Evil: 1/", noURL, "does not parse"},
	{"https://example.com/\r\nX-Evil: 1", noURL, "does not parse"},
	{"https://127.0.0.1\x00.example.com/", noURL, "does not parse"},
	{"https://127.0.0.1\x7f/", noURL, "does not parse"},

	// Brackets.
	{"https://[127.0.0.1]/", noURL, "does not parse"},
	{"https://[localhost]/", noURL, "does not parse"},
	{"https://[::1/", noURL, "does not parse"},
	{"https://::1/", noURL, "does not parse"},
	{"https://[::1]x/", noURL, "does not parse"},
	{"https://x[::1]/", noURL, "does not parse"},
	{"https://[::1].example.com/", noURL, "does not parse"},
	{"https://[v1.127.0.0.1]/", noURL, "does not parse"},

	// Ports.
	{"https://example.com:8443/", connects, "93.184.215.14:8443"},
	{"https://example.com:/", connects, "93.184.215.14:443"},
	{"https://example.com:00443/", connects, "93.184.215.14:443"},
	{"https://example.com:65535/", connects, "93.184.215.14:65535"},
	{"https://[2606:4700:4700::1111]:8443/", connects, "[2606:4700:4700::1111]:8443"},
	{"https://127.0.0.1:8443/", denied, "loopback"},
	{"https://127.0.0.1:6379/", denied, "loopback"},
	{"https://[::1]:8443/", denied, "loopback"},
	{"https://example.com:0/", noURL, "port"},
	{"https://example.com:000/", noURL, "port"},
	{"http://127.0.0.1:0/", noURL, "port"},
	{"https://example.com:65536/", noURL, "port"},
	{"https://example.com:4294967739/", noURL, "port"}, // 443, as Go's dialer reads it
	{"https://example.com:99999999999999999999/", noURL, "port"},
	{"https://example.com:-1/", noURL, "does not parse"},
	{"https://example.com:+443/", noURL, "does not parse"},
	{"https://example.com:0x1bb/", noURL, "does not parse"},
	{"https://example.com:https/", noURL, "does not parse"},
	{"https://example.com:４４３/", noURL, "does not parse"},
	{"https://example.com:80:443/", noURL, "does not parse"},
	{"https://example.com:443@127.0.0.1:80/", noURL, "credentials"},
}

// names is the zone of the test's resolver.
var names = map[string]string{
	"0x7f.1": "127.0.0.1", "0x7f000001": "127.0.0.1", "0x7f.0x0.0x0.0x1": "127.0.0.1",
	"0x0.0": "0.0.0.0", "0xa9fe.0xa9fe": "169.254.169.254",
	"localhost": "127.0.0.1", "sub.localhost": "127.0.0.1", "127.0.0.1.nip.example": "127.0.0.1", "v6.nip.example": "::1",
	"intranet.example": "10.0.0.1", "nat64.example": "64:ff9b::10.0.0.1",
	"metadata": "169.254.169.254", "metadata.google.internal": "169.254.169.254", "instance-data.ec2.internal": "169.254.169.254",
	"example.com": "93.184.215.14", "v6.example.com": "2606:4700:4700::1111", "xn--bcher-kva.example": "9.9.9.9",
}
