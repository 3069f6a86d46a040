package processes

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// startWhole runs the whole pipe in one process, on the broker embedded in it,
// with an endpoint that gets every event. Its data directory is dir.
func startWhole(t *testing.T, built programs, dir, receiver string, flags ...string) *process {
	t.Helper()
	file := filepath.Join(dir, "tidings.yaml")
	writeFile(t, file, fmt.Sprintf(
		"tenants:\n  - id: %s\n    endpoints:\n      - {id: ep_all, url: \"http://%s/ep_all\", secrets: [{value: %s}], subscribe: [\"*\"]}\n",
		testTenant, receiver, testSecret))
	args := append([]string{
		built["tidings"], "run", "--data-dir", filepath.Join(dir, "data"), "--config", file, "--nats-listen", "127.0.0.1:0",
		"--http-addr", "127.0.0.1:0", "--egress-allow", "127.0.0.0/8", "--partitions", "4", "--shards", "2", "--grace", "2s",
	}, flags...)
	return newProcess(t, "tidings", args...).running()
}

// natsOf connects to the broker of a running process.
func natsOf(t *testing.T, p *process) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(field(p.says("msg=running"), "nats"), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// TestRawNATSPublish publishes as a program in any language may: with a NATS
// client and nothing else. What arrives is checked by the reference library.
func TestRawNATSPublish(t *testing.T) {
	r := startReceiver(t, nil)
	nc := natsOf(t, startWhole(t, build(t, "tidings"), t.TempDir(), r.addr))
	verifier, err := standardwebhooks.NewWebhook(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	for mode, m := range map[string]*nats.Msg{
		"binary": {
			Subject: "events.acme.order.created",
			Header: nats.Header{
				"ce-specversion": {"1.0"},
				"ce-id":          {"binary"},
				"ce-source":      {"/any/language"},
				"ce-type":        {"order.created"},
				"ce-time":        {"2026-01-02T03:04:05Z"},
				"content-type":   {"application/json"},
			},
			Data: []byte(`{"id":"binary"}`),
		},
		"structured": {
			Subject: "events.acme.order.created",
			Header:  nats.Header{"content-type": {"application/cloudevents+json"}},
			Data: []byte(`{"specversion":"1.0","id":"structured","source":"/any/language","type":"order.created",` +
				`"time":"2026-01-02T03:04:05Z","data":{"id":"structured"}}`),
		},
	} {
		t.Run(mode, func(t *testing.T) {
			if answer, err := nc.RequestMsg(m, waitLimit); err != nil {
				t.Fatalf("JetStream does not acknowledge: %v", err)
			} else {
				t.Logf("acknowledged with %s", answer.Data)
			}
			header, body := r.await(mode)
			if err := verifier.Verify(body, header); err != nil {
				t.Errorf("signature: %v", err)
			}
			if want := fmt.Sprintf(`{"type":"order.created","timestamp":"2026-01-02T03:04:05Z","data":{"id":%q}}`, mode); string(body) != want {
				t.Errorf("body %s\nwant %s", body, want)
			}
		})
	}
}

// TestASecondSignalEndsAtOnce sends a signal while an attempt is under way, and
// does not want to wait for it.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	came, over := make(chan struct{}), make(chan struct{})
	r := startReceiver(t, func(request) int {
		close(came)
		<-over
		return http.StatusNoContent
	})
	defer close(over)
	p := startWhole(t, build(t, "tidings"), t.TempDir(), r.addr, "--grace", "1h")
	if _, err := natsOf(t, p).RequestMsg(structured("e1"), waitLimit); err != nil {
		t.Fatal(err)
	}
	<-came
	p.signal()
	p.says("msg=stopping")
	for ended := false; !ended; { // signals of the first second count as one
		p.signal()
		select {
		case <-p.life.ended:
			ended = true
		case <-time.After(100 * time.Millisecond):
		}
	}
	if p.life.code != 1 {
		t.Errorf("exits %d, want 1", p.life.code)
	}
}

// structured is an event as a program without a library writes it.
func structured(id string) *nats.Msg {
	return &nats.Msg{Subject: "events.acme.order.created", Data: fmt.Appendf(nil,
		`{"specversion":"1.0","id":%q,"source":"/test","type":"order.created","data":{"id":%[1]q}}`, id)}
}

// TestEventsSurviveARestart stops the process, and kills it, between the
// storing of an event and its delivery.
func TestEventsSurviveARestart(t *testing.T) {
	r := startReceiver(t, nil)
	built, dir := build(t, "tidings"), t.TempDir()
	for name, end := range map[string]func(*process){
		"stopped": func(p *process) {
			if code := p.terminate(); code != 0 {
				t.Errorf("exits %d on SIGTERM", code)
			}
		},
		"killed": (*process).kill,
	} {
		t.Run(name, func(t *testing.T) {
			p := startWhole(t, built, dir, r.addr, "--roles", "api") // takes events in, and delivers none
			if _, err := natsOf(t, p).RequestMsg(structured(name), waitLimit); err != nil {
				t.Fatal(err)
			}
			end(p)
			p = startWhole(t, built, dir, r.addr)
			r.await(name)
			if code := p.terminate(); code != 0 {
				t.Errorf("exits %d on SIGTERM", code)
			}
		})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.requests); n != 2 {
		t.Errorf("%d requests for 2 events", n)
	}
}

// await waits for a request for an event, and returns the newest.
func (r *receiver) await(event string) (header map[string][]string, body []byte) {
	r.t.Helper()
	for deadline := time.Now().Add(waitLimit); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
		r.mu.Lock()
		header, body = r.headers[event], r.bodies[event]
		r.mu.Unlock()
		if body != nil {
			return header, body
		}
	}
	r.t.Fatalf("event %s has not come in %s", event, waitLimit)
	return nil, nil
}
