package api_test

import (
	"net/http/httptest"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/nodetest"
)

// TestGeneratedClient serves on a real socket to a client that was generated from
// the description, by a generator that knows nothing of Tidings.
func TestGeneratedClient(t *testing.T) {
	r := newRig(t)
	server := httptest.NewServer(r.api)
	t.Cleanup(server.Close)
	const want = `createTenant 201
createEndpoint 201 true true true
patchEndpoint 200 Billing
patchEndpoint 412 stale
createSubscription 201 reading
listEndpoints 200 1 Billing
publishEvents 202 true
deleteSubscription 204
deleteEndpoint 204
getEndpoint 404 Not Found
`
	if got := string(nodetest.Run(t, "testdata/client.mjs", nil, server.URL, r.admin)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
