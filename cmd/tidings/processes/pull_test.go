package processes

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TestPulledDeliveriesOutliveTheProcess kills the pipe between a poll and its ack: what
// was handed out comes again. A listener forwards all the while to a program that
// fails once, and misses nothing.
func TestPulledDeliveriesOutliveTheProcess(t *testing.T) {
	built := build(t, "tidings")
	dir := t.TempDir()
	pipe := newProcess(t, "tidings", built["tidings"], "run", "--data-dir", dir, "--http-addr", "127.0.0.1:0", "--nats-listen", "", "--partitions", "4", "--shards", "2").running()
	api := adminOf(t, pipe)
	pipe.args = append(pipe.args, "--http-addr", strings.TrimPrefix(api.base, "http://")) // the last counts
	api.call("POST", "/v1/tenants", map[string]any{"id": "acme"}, 201)
	const endpoints = "/v1/tenants/acme/endpoints"
	made := api.call("POST", endpoints, map[string]any{"pull": true}, 201)
	id, secret := made["id"].(string), made["secret"].(string)
	api.call("POST", "/v1/tenants/acme/subscriptions", map[string]any{"endpoint": id, "types": []string{"thing.*"}}, 201)

	program := newProgram(t)
	ear := newProcess(t, "listen", built["tidings"], "listen", "--server", api.base, "--forward-to", program.URL+"/hooks", "--types", "thing.*", "--retry", "10ms,10ms")
	ear.env = []string{"TIDINGS_TOKEN=" + api.token} // the only tenant need not be named
	ear.start()
	ear.says("listening to thing.* of tenant acme")

	publish := func(n int) {
		event := fmt.Sprintf(`{"specversion":"1.0","id":"e%d","source":"/test","type":"thing.done","data":{"n":%d}}`, n, n)
		api.call("POST", "/v1/tenants/acme/events", event, 202)
	}
	publish(1)
	first := api.polled(endpoints+"/"+id, secret)
	ear.says("200 OK") // after a failure
	pipe.kill()
	ear.says("connection lost")
	pipe.running()
	publish(2)
	ear.says("connected again")
	seen := map[string]string{}
	for len(seen) < 2 {
		d := api.polled(endpoints+"/"+id, secret)
		seen[d["event"].(map[string]any)["id"].(string)] = d["id"].(string)
		settled := api.call("POST", endpoints+"/"+id+"/settle", map[string]any{"ack": []any{d["receipt"]}}, 200)["settled"].([]any)
		if status := settled[0].(map[string]any)["status"]; status != "delivered" {
			t.Errorf("settled %v", settled)
		}
	}
	if seen["e1"] != first["id"] {
		t.Errorf("handed out as %v before, and as %v after", first["id"], seen["e1"])
	}
	program.got(t, "thing.done 1", "thing.done 1", "thing.done 2") // the first one failed; the broker's crash may repeat one

	if code := ear.terminate(); code != 0 {
		t.Errorf("listen ended with %d", code)
	}
	for _, e := range api.call("GET", endpoints, nil, 200)["items"].([]any) {
		if e := e.(map[string]any); e["id"] != id {
			t.Errorf("the listener left %v", e)
		}
	}
	pipe.terminate()
}

// polled is the next delivery, whose signature the official library finds right.
func (c caller) polled(endpoint, secret string) map[string]any {
	c.t.Helper()
	for range 100 {
		got := c.call("POST", endpoint+"/poll", map[string]any{"max": 1, "wait": "10s", "ack_wait": "1s"}, 200)["deliveries"].([]any)
		if len(got) == 0 {
			continue
		}
		d := got[0].(map[string]any)
		header := http.Header{}
		for name, value := range d["headers"].(map[string]any) {
			header.Set(name, value.(string))
		}
		official, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			c.t.Fatal(err)
		}
		if err := official.Verify([]byte(d["body"].(string)), header); err != nil {
			c.t.Errorf("the official library refuses %v: %v", d, err)
		}
		return d
	}
	c.t.Fatal("nothing is due")
	return nil
}

// program is what deliveries are forwarded to. It fails at its first.
type program struct {
	*httptest.Server
	mu    sync.Mutex // guards calls
	calls []string
	news  chan struct{}
}

func newProgram(t *testing.T) *program {
	p := &program{news: make(chan struct{}, 100)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/hooks" || r.Header.Get("Webhook-Signature") == "" {
			t.Errorf("%s %v %v", r.URL, r.Header, err)
		}
		call := "thing.done 1"
		if strings.Contains(string(body), `"n":2`) {
			call = "thing.done 2"
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.calls = append(p.calls, call)
		if len(p.calls) == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		p.news <- struct{}{}
	}))
	t.Cleanup(p.Close)
	return p
}

// got waits for the calls there have to be, in any order. A call may come more often.
func (p *program) got(t *testing.T, want ...string) {
	t.Helper()
	deadline := time.After(waitLimit)
	for {
		p.mu.Lock()
		calls := slices.Sorted(slices.Values(p.calls))
		p.mu.Unlock()
		missing := slices.Clone(want)
		for _, call := range calls {
			if i := slices.Index(missing, call); i >= 0 {
				missing = slices.Delete(missing, i, i+1)
			}
		}
		if len(missing) == 0 {
			return
		}
		select {
		case <-p.news:
		case <-deadline:
			t.Fatalf("the program got %q, want %q", calls, want)
		}
	}
}
