package egress

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
)

// fakeDNS serves A records over UDP on loopback: the first query is answered
// with the first address, the last address answers all further ones. Queries
// of other types get an empty answer.
func fakeDNS(t *testing.T, answers ...string) (*net.Resolver, *atomic.Int32) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	served := make(chan struct{})
	go func() { // the clean-up closes conn and waits for it
		defer close(served)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			reply := dnsReply(buf[:n], func() netip.Addr {
				i := int(asked.Add(1)) - 1
				return netip.MustParseAddr(answers[min(i, len(answers)-1)])
			})
			_, _ = conn.WriteTo(reply, from)
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-served
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}, &asked
}

// dnsReply answers the one question of a query (RFC 1035 §4.1).
func dnsReply(query []byte, next func() netip.Addr) []byte {
	const header, typeA = 12, 1
	end := header // of the name
	for query[end] != 0 {
		end += 1 + int(query[end])
	}
	question := query[header : end+5] // with the root label, type and class

	reply := append([]byte{}, query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0)
	reply = append(reply, question...)
	if binary.BigEndian.Uint16(query[end+1:]) == typeA {
		reply[7] = 1                                                          // one answer:
		reply = append(reply, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4) // the same name, IN A, TTL 0, 4 bytes
		a := next().As4()
		reply = append(reply, a[:]...)
	}
	return reply
}

// TestRebinding is the attack: the name shows a public address to whoever looks
// first, and 127.0.0.1 to the connection.
func TestRebinding(t *testing.T) {
	for _, scheme := range []string{"https", "http"} {
		resolver, asked := fakeDNS(t, "93.184.215.14", "127.0.0.1")
		s := plainServer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Error("the request reached 127.0.0.1")
		}))
		_, port, _ := net.SplitHostPort(s.Listener.Addr().String())

		addrs, err := resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.")
		if err != nil || len(addrs) != 1 {
			t.Fatalf("first lookup: %v, %v", addrs, err)
		}
		if err := (Guard{}).Check("https", at(addrs[0])); err != nil {
			t.Fatalf("the first answer is not public: %v", err)
		}

		tr := transport(t, Options{Dialer: net.Dialer{Resolver: resolver}})
		_, _, err = get(t, tr, scheme+"://rebind.example.:"+port+"/")
		denied, ok := errors.AsType[*Denied](err)
		if !ok || denied.Address != netip.MustParseAddr("127.0.0.1") {
			t.Errorf("%s: got %v, want 127.0.0.1 refused", scheme, err)
		}
		if n := asked.Load(); n != 2 {
			t.Errorf("%s: the name was looked up %d times, want 2", scheme, n)
		}
	}
}

// TestEveryConnectionIsJudged lets the first connection pass and rebinds the
// name for the second.
func TestEveryConnectionIsJudged(t *testing.T) {
	resolver, _ := fakeDNS(t, "127.0.0.1", "127.0.0.2")
	s := plainServer(t, hello)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	tr := transport(t, Options{Guard: NewGuard(Policy{Allow: prefixes("127.0.0.1/32")}), Dialer: net.Dialer{Resolver: resolver}})

	url := "http://rebind.example.:" + port + "/"
	for range 2 { // the second reuses the judged connection
		if _, _, err := get(t, tr, url); err != nil {
			t.Fatal(err)
		}
	}
	tr.CloseIdleConnections()
	_, _, err := get(t, tr, url)
	if denied, ok := errors.AsType[*Denied](err); !ok || denied.Address != netip.MustParseAddr("127.0.0.2") {
		t.Errorf("got %v, want 127.0.0.2 refused", err)
	}
}
