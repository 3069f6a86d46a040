package processes

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// TestReplaySurvivesKills kills the process, and the broker in it, while it replays
// what died. It goes on where it was, and each delivery comes again under its own
// webhook-id, and is counted once.
func TestReplaySurvivesKills(t *testing.T) {
	const n, token = 600, "tidings_of-the-replay-test-1"
	var well atomic.Bool
	r := startReceiver(t, func(request) int {
		if well.Load() {
			return http.StatusNoContent
		}
		return http.StatusBadRequest
	})
	p := newProcess(t, "tidings", build(t, "tidings")["tidings"], "run", "--data-dir", filepath.Join(t.TempDir(), "data"),
		"--nats-listen", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--egress-allow", "127.0.0.0/8", "--partitions", "4", "--shards", "2", "--api-rate", "10000/s", "--api-burst", "10000")
	p.env = append(p.env, "TIDINGS_ADMIN_TOKEN="+token)
	again := func() caller { return caller{t, "http://" + field(p.running().says("msg=running"), "http"), token} }
	admin := again()
	admin.call(http.MethodPost, "/v1/tenants", fields{"id": "acme"}, http.StatusCreated)
	e := admin.call(http.MethodPost, "/v1/tenants/acme/endpoints", fields{
		"url": "http://" + r.addr + "/hooks", "policy": fields{"retry": []string{}, "breaker": "off"},
	}, http.StatusCreated)
	admin.call(http.MethodPost, "/v1/tenants/acme/subscriptions", fields{"endpoint": e["id"], "types": []string{"a.*"}}, http.StatusCreated)
	for i := range n {
		event := fmt.Sprintf(`{"specversion":"1.0","id":"e%d","source":"/replayed","type":"a.b","data":{"id":"e%d"}}`, i, i)
		admin.call(http.MethodPost, "/v1/tenants/acme/events", event, http.StatusAccepted)
	}
	ask := fields{"endpoint": e["id"], "which": "failed", "since": "2026-01-01T00:00:00Z", "dry_run": true}
	deadline := time.Now().Add(waitLimit)
	for found := 0.0; found < n; { // until the log has all of them
		if time.Now().After(deadline) {
			t.Fatalf("the log has %v of %d", found, n)
		}
		found = admin.replayed(admin.call(http.MethodPost, "/v1/tenants/acme/replays", ask, http.StatusCreated))["found"].(float64)
	}

	well.Store(true)
	ask["dry_run"], ask["rate"] = false, 200
	job := admin.call(http.MethodPost, "/v1/tenants/acme/replays", ask, http.StatusCreated)
	for range 3 {
		<-time.After(moment)
		p.kill()
		admin = again()
	}
	job = admin.replayed(job)
	// What was sent after the last note before a kill is dead no more, and counts all the same.
	if job["state"] != "done" || job["total"] != 1.0*n || job["seen"] != 1.0*n || job["found"] != 1.0*n || job["sent"] != 1.0*n {
		t.Errorf("the replay ended as %v", job)
	}
	for deadline = time.Now().Add(waitLimit); ; <-time.After(50 * time.Millisecond) {
		if taken, came := r.total(); taken == n {
			t.Logf("%d deliveries came %d times in all, of which %d died before", n, came, n)
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("%d of %d were taken", taken, n)
		}
	}
}

// replayed waits for the end of a replay.
func (c caller) replayed(job map[string]any) map[string]any {
	c.t.Helper()
	for deadline := time.Now().Add(waitLimit); job["state"] == "running"; <-time.After(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("it has not ended: %v", job)
		}
		job = c.call(http.MethodGet, "/v1/tenants/acme/replays/"+job["id"].(string), nil, http.StatusOK)
	}
	return job
}

// total is how many deliveries were taken, and how many requests came. Those of one
// delivery have to have one webhook-id.
func (r *receiver) total() (taken, came int) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, s := range r.seen {
		if len(s.ids) != 1 {
			r.t.Errorf("%v came under %d webhook-ids", key, len(s.ids))
		}
		if s.taken > 0 {
			taken++
		}
		came += s.came
	}
	return taken, came
}
