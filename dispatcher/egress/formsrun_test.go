package egress

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// ways are the transports, and the methods for which NewLight has a path of its
// own and has none.
var ways = []struct {
	name, method string
	make         func(Options) http.RoundTripper
}{
	{"NewTransport", http.MethodPost, func(o Options) http.RoundTripper { return NewTransport(o) }},
	{"NewLight", http.MethodPost, func(o Options) http.RoundTripper { return NewLight(o) }},
	{"NewLight, by net/http", http.MethodGet, func(o Options) http.RoundTripper { return NewLight(o) }},
}

// TestNothingIsFollowed meets a receiver that redirects and sets a cookie, in an
// environment that names a proxy. Every request goes to the receiver itself, as
// the caller made it. It stands first, as net/http reads that environment once.
func TestNothingIsFollowed(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.9:1")
	}
	t.Setenv("NO_PROXY", "")
	s := plainServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/hooks" || len(r.Cookies()) > 0 || r.URL.IsAbs() {
			t.Errorf("got %s with cookies %v", r.URL, r.Cookies())
		}
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1"})
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	resolver, _ := fakeDNS(t, "127.0.0.1")
	for _, way := range ways {
		tr := way.make(Options{Guard: loopback, Dialer: net.Dialer{Resolver: resolver}})
		for range 2 {
			u := &url.URL{Scheme: "http", Host: "receiver.example.:" + port, Path: "/hooks"}
			req := (&http.Request{Method: way.method, URL: u, Header: http.Header{}}).WithContext(t.Context())
			resp, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatalf("%s: %v", way.name, err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusTemporaryRedirect {
				t.Errorf("%s: got %s, want the redirect itself", way.name, resp.Status)
			}
		}
		tr.(interface{ CloseIdleConnections() }).CloseIdleConnections()
	}
}

func TestForms(t *testing.T) {
	tried := 0
	for _, f := range hostForms {
		if f.end == connects {
			tryForm(t, "https://"+f.host+"/", connects, net.JoinHostPort(f.why, "443"))
			tryForm(t, "http://"+f.host+"/", denied, reasonPlainHTTP)
		} else {
			tryForm(t, "https://"+f.host+"/", f.end, f.why)
			tryForm(t, "http://"+f.host+"/", f.end, f.why)
		}
		tried += 2
	}
	for _, f := range urlForms {
		tryForm(t, f.url, f.end, f.why)
		tried++
	}
	t.Logf("%d forms of %d hosts and %d URLs, each through %d transports", tried, len(hostForms), len(urlForms), len(ways))
}

// tryForm takes a URL the way of an endpoint's: parse, check, request. Where it
// ends is one of the words above, and why begins the guard's reason, is the
// address that was connected to, or is part of any other error.
func tryForm(t *testing.T, raw, end, why string) {
	t.Helper()
	check := func(by, got string, as bool, err error) {
		t.Helper()
		if got != end || !as {
			t.Errorf("%.80q by %s: %s (%.200v), want %s: %s", raw, by, got, err, end, why)
		}
	}
	u, err := schemas.ParseURL(raw)
	if err != nil {
		check("ParseURL", noURL, strings.Contains(err.Error(), why), err)
		return
	}
	for _, way := range ways {
		req := (&http.Request{Method: way.method, URL: u, Header: http.Header{}}).WithContext(t.Context())
		resp, err := way.make(Options{Dialer: net.Dialer{Resolver: zone, LocalAddr: localTo(u)}}).RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
			t.Fatalf("%.80q by %s: answered %s", raw, way.name, resp.Status)
		}
		got, as := outcome(err, why)
		check(way.name, got, as, err)
	}
}

// TestFormsThroughAProxy takes the same forms to a proxy that refuses all. It is asked
// for no host that anybody would take for an address which the guard refuses.
func TestFormsThroughAProxy(t *testing.T) {
	p := startProxy(t, false, "127.0.0.1:1")
	tried := 0
	try := func(raw string) {
		u, err := schemas.ParseURL(raw)
		if err != nil {
			return
		}
		for _, way := range ways {
			req := (&http.Request{Method: way.method, URL: u, Header: http.Header{}}).WithContext(t.Context())
			resp, err := way.make(Options{Proxy: p.url(t, nil)}).RoundTrip(req)
			if err == nil {
				_ = resp.Body.Close()
				t.Fatalf("%.80q by %s: answered %s", raw, way.name, resp.Status)
			}
			tried++
		}
	}
	for _, f := range hostForms {
		before := len(p.asked)
		try("http://" + f.host + "/")
		if len(p.asked) > before {
			t.Errorf("the proxy was asked for %.80q over http", f.host)
		}
		try("https://" + f.host + "/")
		if f.end == connects && len(p.asked) == before {
			t.Errorf("the proxy was not asked for %.80q", f.host)
		}
	}
	for _, f := range urlForms {
		try(f.url)
	}
	for _, asked := range p.asked {
		host, _, err := net.SplitHostPort(asked)
		if addr, is := asAddress(host); err != nil || is && (Guard{}).Check("https", netip.AddrPortFrom(addr, 443)) != nil {
			t.Errorf("the proxy was asked for %.80q", asked)
		}
	}
	t.Logf("%d requests, of which the proxy was asked for %d", tried, len(p.asked))
}

// asAddress reads a host as the C library does: with the numbers of inet_aton, without
// a last dot, and with the localhost that it has.
func asAddress(host string) (addr netip.Addr, is bool) {
	host = strings.ToLower(strings.TrimRight(host, "."))
	if strings.HasSuffix("."+host, ".localhost") {
		return netip.IPv6Loopback(), true
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr, true
	}
	parts := strings.Split(host, ".")
	var whole uint64
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 0, 32)
		if err != nil || len(parts) > 4 {
			return addr, false
		}
		if i == len(parts)-1 {
			whole += n
		} else {
			whole += n << (24 - 8*i)
		}
	}
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(whole)))), true
}

// outcome is where a request ended, and whether why says the same.
func outcome(err error, why string) (end string, as bool) {
	if refusal, ok := errors.AsType[*Denied](err); ok {
		return denied, strings.HasPrefix(refusal.Reason, why)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return noName, true
	}
	dial, ok := errors.AsType[*net.OpError](err)
	if _, kernel := errors.AsType[*os.SyscallError](err); ok && kernel && dial.Op == "dial" {
		return connects, dial.Addr.String() == why
	}
	return "something else", false
}

// localTo keeps what the guard lets pass on this machine: the kernel has no such
// address, so it fails the dial between the guard and the first packet. Go's
// dialer wants one of the target's family.
func localTo(u *url.URL) net.Addr {
	host := u.Hostname()
	addr, err := netip.ParseAddr(host)
	if err != nil {
		addr, _ = netip.ParseAddr(names[strings.ToLower(host)])
	}
	if addr.Is6() && !addr.Is4In6() {
		return &net.TCPAddr{IP: net.ParseIP("2001:db8::1")}
	}
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}
}

// zone is a resolver that knows names and asks nobody. Go reads the machine's
// hosts file before it, which has localhost too.
var zone = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe() // not a packet connection, so messages come as over TCP
	go func() {               // ends when the resolver closes its side
		defer func() { _ = there.Close() }()
		for {
			var size [2]byte
			if _, err := io.ReadFull(there, size[:]); err != nil {
				return
			}
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(there, query); err != nil {
				return
			}
			reply := zoneReply(query)
			if _, err := there.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
				return
			}
		}
	}()
	return here, nil
}}

// zoneReply answers a query for addresses (RFC 1035 §4.1, RFC 3596 §2).
func zoneReply(query []byte) []byte {
	const header, typeA, typeAAAA, noSuchName = 12, 1, 28, 3
	var labels []string
	end := header
	for n := int(query[end]); n != 0; n = int(query[end]) {
		labels = append(labels, string(query[end+1:end+1+n]))
		end += 1 + n
	}
	asked := binary.BigEndian.Uint16(query[end+1:])
	reply := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[header:end+5]...)

	addr, known := names[strings.ToLower(strings.Join(labels, "."))]
	if !known {
		reply[3] |= noSuchName
		return reply
	}
	data := netip.MustParseAddr(addr).AsSlice()
	if kind := map[int]uint16{4: typeA, 16: typeAAAA}[len(data)]; kind == asked {
		reply[7] = 1                                                                             // one answer:
		reply = append(reply, 0xc0, header, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(data))) // the same name, IN, TTL 0
		reply = append(reply, data...)
	}
	return reply
}
