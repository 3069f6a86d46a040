package processes

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTenantsAreTold has a delivery die and a quota be reached, and an endpoint that
// wants to hear of both.
func TestTenantsAreTold(t *testing.T) {
	r := startReceiver(t, func(q request) int {
		if q.endpoint == "gone" {
			return http.StatusGone
		}
		return http.StatusNoContent
	})
	p := newProcess(t, "tidings", build(t, "tidings")["tidings"], "run", "--data-dir", filepath.Join(t.TempDir(), "data"),
		"--nats-listen", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--egress-allow", "127.0.0.0/8", "--partitions", "4", "--shards", "2")
	admin := adminOf(t, p.running())
	admin.call(http.MethodPost, "/v1/tenants", fields{"id": "acme", "quota": fields{"events": "2/h"}}, http.StatusCreated)
	for path, types := range map[string][]string{"gone": {"a.b"}, "ops": {"delivery.*", "quota.*"}} {
		e := admin.call(http.MethodPost, "/v1/tenants/acme/endpoints", fields{"url": "http://" + r.addr + "/" + path, "dialect": "standard"}, http.StatusCreated)
		admin.call(http.MethodPost, "/v1/tenants/acme/subscriptions", fields{"endpoint": e["id"], "types": types}, http.StatusCreated)
	}
	for n, want := range []int{http.StatusAccepted, http.StatusAccepted, http.StatusAccepted, http.StatusTooManyRequests, http.StatusTooManyRequests} {
		event := fmt.Sprintf(`{"specversion":"1.0","id":"e%d","source":"/told","type":"a.b","data":{}}`, n)
		admin.call(http.MethodPost, "/v1/tenants/acme/events", event, want)
	}
	told := map[string]int{}
	for deadline := time.Now().Add(waitLimit); told["delivery.dead"] < 3 || told["quota.reached"] < 1; <-time.After(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("told of %v; want three deaths and a quota", told)
		}
		clear(told)
		r.mu.Lock()
		for _, body := range r.all["ops"] {
			for _, what := range []string{"delivery.dead", "quota.reached"} {
				if strings.Contains(body, fmt.Sprintf(`"type":%q`, what)) {
					told[what]++
				}
			}
		}
		r.mu.Unlock()
	}
	if told["delivery.dead"] != 3 || told["quota.reached"] != 1 {
		t.Errorf("told of %v; want each once", told)
	}
}
