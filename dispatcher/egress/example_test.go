package egress_test

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/tidings-dev/tidings/dispatcher/egress"
)

func ExampleGuard_Check() {
	guard := egress.NewGuard(egress.Policy{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}})
	fmt.Println(guard.Check("https", netip.MustParseAddrPort("10.1.2.3:443")))
	fmt.Println(guard.Check("http", netip.MustParseAddrPort("10.1.2.3:443")))
	fmt.Println(guard.Check("https", netip.MustParseAddrPort("169.254.169.254:443")))
	// Output:
	// <nil>
	// <nil>
	// egress to 169.254.169.254 refused: cloud metadata service; to deliver there, set --egress-allow=169.254.169.254/32
}

func ExampleNewTransport() {
	transport := egress.NewTransport(egress.Options{})
	req, _ := http.NewRequest(http.MethodPost, "https://127.0.0.1/hooks", nil)
	_, err := transport.RoundTrip(req)
	fmt.Println(err)
	// Output:
	// dial tcp 127.0.0.1:443: egress to 127.0.0.1 refused: loopback (RFC 1122); to deliver there, set --egress-allow=127.0.0.1/32
}
