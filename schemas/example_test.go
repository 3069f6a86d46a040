package schemas_test

import (
	"fmt"

	"github.com/tidings-dev/tidings/schemas"
)

// A type keeps its dots, so that a NATS filter selects by its segments. What
// NATS would take for a wildcard, or not take at all, is percent-encoded.
func ExampleEventSubject() {
	fmt.Println(schemas.EventSubject("acme", "user.created"))
	fmt.Println(schemas.EventSubject("acme", "user.*"))
	fmt.Println(schemas.EventSubject("acme", "order paid"))
	fmt.Println(schemas.EventSubject("acme", "user..created"))
	// Output:
	// events.acme.user.created
	// events.acme.user.%2A
	// events.acme.order%20paid
	// events.acme.user.%.created
}

func ExampleStoredEvent() {
	tenant, published, err := schemas.StoredEvent("events.7.acme.user.created")
	fmt.Println(tenant, published, err)
	// Output: acme events.acme.user.created <nil>
}

// A star stands for a whole segment.
func ExampleTypePattern_Validate() {
	for _, p := range []schemas.TypePattern{"user.created", "user.*", "*.created", "*", "user.cre*", "user..created"} {
		fmt.Println(p, p.Validate() == nil)
	}
	// Output:
	// user.created true
	// user.* true
	// *.created true
	// * true
	// user.cre* false
	// user..created false
}

func ExampleEndpoint_Validate() {
	e := schemas.Endpoint{ID: "ep_orders", Tenant: "acme", URL: "ftp://example.com"}
	fmt.Println(e.Validate())
	// Output: endpoint ep_orders: url scheme "ftp": use https
}
