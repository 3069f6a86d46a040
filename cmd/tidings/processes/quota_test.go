package processes

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestQuotas has tenants that want more than they may: each gets a clear refusal,
// and what it has published arrives. Another notices nothing.
func TestQuotas(t *testing.T) {
	r := startReceiver(t, nil)
	p := newProcess(t, "tidings", build(t, "tidings")["tidings"], "run", "--data-dir", filepath.Join(t.TempDir(), "data"),
		"--nats-listen", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--egress-allow", "127.0.0.0/8", "--partitions", "4", "--shards", "2",
		"--quota-endpoints", "2", "--api-rate", "100000/s", "--api-burst", "100000")
	admin := adminOf(t, p.running())
	for id, quota := range map[string]fields{
		"fast": {"events": "10/m"}, "full": {"stored_bytes": 20_000}, "stuck": {"held": 3}, "modest": {}, "large": {"endpoints": 4},
	} {
		admin.call(http.MethodPost, "/v1/tenants", fields{"id": id, "quota": quota}, http.StatusCreated)
	}
	endpoint := func(tenant string, want int) string {
		e := admin.call(http.MethodPost, "/v1/tenants/"+tenant+"/endpoints", fields{"url": "http://" + r.addr + "/" + tenant}, want)
		id, _ := e["id"].(string)
		return id
	}
	ids := map[string]string{}
	for _, tenant := range []string{"fast", "full", "stuck", "modest", "large"} {
		ids[tenant] = endpoint(tenant, http.StatusCreated)
		admin.call(http.MethodPost, "/v1/tenants/"+tenant+"/subscriptions", fields{"endpoint": ids[tenant], "types": []string{"*"}}, http.StatusCreated)
	}
	published := 0
	event := func(data string) string {
		published++
		return fmt.Sprintf(`{"specversion":"1.0","id":"e%d","source":"/quota","type":"a.b","data":{"id":"e%d","of":"%s"}}`, published, published, data)
	}
	publish := func(tenant, data string, want int) map[string]any {
		return admin.call(http.MethodPost, "/v1/tenants/"+tenant+"/events", event(data), want)
	}
	// until publishes until it is refused, or no longer.
	until := func(tenant, data string, want int) (answer map[string]any) {
		for deadline := time.Now().Add(waitLimit); time.Now().Before(deadline); {
			if answer = admin.try(http.MethodPost, "/v1/tenants/"+tenant+"/events", event(data)); answer["status"] == float64(want) {
				return answer
			}
			<-time.After(100 * time.Millisecond)
		}
		t.Fatalf("%s: never %d", tenant, want)
		return nil
	}
	says := func(answer map[string]any, want string) {
		t.Helper()
		if text, _ := answer["detail"].(string); !strings.Contains(text, want) || answer["code"] != "too_many" {
			t.Errorf("got %v, want it to say %q", answer, want)
		}
	}

	for range 11 {
		publish("fast", "", http.StatusAccepted)
	}
	says(publish("fast", "", http.StatusTooManyRequests), "its quota of 10/m")

	endpoint("modest", http.StatusCreated)
	endpoint("modest", http.StatusTooManyRequests)
	for range 3 {
		endpoint("large", http.StatusCreated)
	}
	endpoint("large", http.StatusTooManyRequests)

	admin.call(http.MethodPost, "/v1/tenants/stuck/endpoints/"+ids["stuck"]+"/pause", nil, http.StatusOK)
	says(until("full", strings.Repeat("x", 1000), http.StatusTooManyRequests), "its quota is 20000")
	says(until("stuck", "", http.StatusTooManyRequests), "deliveries wait for the tenant's endpoints, and its quota is 3")

	publish("modest", strings.Repeat("x", 100_000), http.StatusAccepted) // others notice nothing
	last := fmt.Sprintf("e%d", published)
	r.await(last)
	admin.call(http.MethodPost, "/v1/tenants/stuck/endpoints/"+ids["stuck"]+"/resume", nil, http.StatusOK)
	until("stuck", "", 0)
	r.await(fmt.Sprintf("e%d", published))
	admin.call(http.MethodPatch, "/v1/tenants/full", fields{"quota": nil}, http.StatusOK)
	until("full", "", 0)
}
