package processes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// caller calls the API of a running process.
type caller struct {
	t           *testing.T
	base, token string
}

// adminOf is the administrator, by the token that the first start prints.
func adminOf(t *testing.T, p *process) caller {
	t.Helper()
	token := strings.TrimSpace(p.says("tidings_"))
	return caller{t, "http://" + field(p.says("msg=running"), "http"), token}
}

// call makes a request and wants a status. A body that is a string is sent as a
// CloudEvent, any other as JSON.
func (c caller) call(method, path string, body any, want int) map[string]any {
	c.t.Helper()
	status, answer := c.send(method, path, body)
	if status != want {
		c.t.Fatalf("%s %s: %d %v, want %d", method, path, status, answer, want)
	}
	return answer
}

// try makes a request that may be refused: then the answer has a status.
func (c caller) try(method, path string, body any) map[string]any {
	c.t.Helper()
	_, answer := c.send(method, path, body)
	if answer["status"] == nil {
		answer["status"] = float64(0)
	}
	return answer
}

func (c caller) send(method, path string, body any) (status int, read map[string]any) {
	c.t.Helper()
	var payload []byte
	contentType := "application/json"
	switch b := body.(type) {
	case nil:
	case string:
		payload, contentType = []byte(b), "application/cloudevents+json"
	default:
		var err error
		if payload, err = json.Marshal(b); err != nil {
			c.t.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, bytes.NewReader(payload))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read only
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &read); err != nil {
			c.t.Fatalf("%s %s: %s: %v", method, path, answer, err)
		}
	}
	return response.StatusCode, read
}

// answerLimit is how long a caller waits for the API, which tries for 30 s to
// have an event stored.
const answerLimit = 40 * time.Second

// exchange makes a POST that may fail; where [caller.call] ends the test, it returns an
// error.
func (c caller) exchange(ctx context.Context, path, contentType string, body []byte) (answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read only
	if answer, err = io.ReadAll(response.Body); err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s: %s", response.Status, answer)
	}
	return answer, nil
}

// with is another caller.
func (c caller) with(token string) caller { return caller{c.t, c.base, token} }

func (c caller) publish(id, eventType, data string) {
	c.t.Helper()
	c.call(http.MethodPost, "/v1/tenants/shop/events",
		fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/shop","type":%q,"data":%s}`, id, eventType, data), http.StatusAccepted)
}

type fields map[string]any

// TestTheAPIRunsThePipe does over HTTP, with a real process and a real receiver,
// what a platform team does: from the first token to a rotated secret, and once
// more after a restart.
func TestTheAPIRunsThePipe(t *testing.T) {
	r := startReceiver(t, nil)
	dir := t.TempDir()
	p := newProcess(t, "tidings", build(t, "tidings")["tidings"], "run", "--data-dir", filepath.Join(dir, "data"),
		"--nats-listen", "", "--http-addr", "127.0.0.1:0", "--egress-allow", "127.0.0.0/8", "--partitions", "4", "--shards", "2")
	p.env = nil // it makes a key of its own
	admin := adminOf(t, p.running())

	admin.call(http.MethodPost, "/v1/tenants", fields{"id": "shop", "name": "Shop"}, http.StatusCreated)
	token := admin.call(http.MethodPost, "/v1/tokens", fields{"name": "ops", "scope": "tenant:write", "tenant": "shop"}, http.StatusCreated)
	shop := admin.with(token["token"].(string))
	endpoint := shop.call(http.MethodPost, "/v1/tenants/shop/endpoints", fields{"name": "all", "url": "http://" + r.addr + "/ep"}, http.StatusCreated)
	id, secret := endpoint["id"].(string), endpoint["secret"].(string)
	path := "/v1/tenants/shop/endpoints/" + id

	shop.publish("before", "order.paid", `{"id":"before","amount":70}`)
	shop.publish("small", "order.paid", `{"id":"small","amount":3}`)
	shop.call(http.MethodPost, "/v1/tenants/shop/subscriptions", fields{
		"endpoint": id, "types": []string{"order.*"}, "filters": []any{fields{"cel": "data.amount > 10"}}, "deliver_from": "all",
	}, http.StatusCreated)
	shop.publish("after", "order.paid", `{"id":"after","amount":71}`)
	shop.publish("other", "stock.moved", `{"id":"other","amount":71}`)
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{"before", "after"} {
		header, body := r.await(event)
		if err := verifier.Verify(body, header); err != nil {
			t.Errorf("%s: %v", event, err)
		}
	}

	why := shop.call(http.MethodPost, "/v1/tenants/shop/explain",
		`{"specversion":"1.0","id":"x","source":"/shop","type":"order.paid","data":{"amount":3}}`, http.StatusOK)
	if text := fmt.Sprint(why); !strings.Contains(text, "filters[0].cel") {
		t.Errorf("explained by %s, want the filter", text)
	}

	rotated := shop.call(http.MethodPost, path+"/rotate", nil, http.StatusOK)["secret"].(string)
	shop.call(http.MethodPost, path+"/pause", nil, http.StatusOK)
	shop.publish("paused", "order.paid", `{"id":"paused","amount":72}`)
	shop.call(http.MethodPost, path+"/resume", nil, http.StatusOK)
	header, body := r.await("paused")
	for _, key := range []string{secret, rotated} {
		verifier, err := standardwebhooks.NewWebhook(key)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(body, header); err != nil {
			t.Errorf("while both secrets hold: %v", err)
		}
	}
	shop.call(http.MethodPost, path+"/test", nil, http.StatusAccepted)
	r.await("") // the example has no id

	p.terminate()
	wantNoTrace(t, dir, secret, rotated, token["token"].(string), admin.token)
	p.running()
	if n := strings.Count(p.life.out.String(), "tidings_"); n > 0 {
		t.Error("the second start prints a token again")
	}
	shop.base = "http://" + field(p.says("msg=running"), "http")
	shop.publish("again", "order.paid", `{"id":"again","amount":73}`)
	r.await("again")
	admin.base = shop.base
	admin.call(http.MethodPost, "/v1/tokens/"+token["id"].(string)+"/revoke", nil, http.StatusOK)
	shop.call(http.MethodGet, path, nil, http.StatusUnauthorized)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, event := range []string{"small", "other"} {
		if r.bodies[event] != nil {
			t.Errorf("%s came, which the subscription does not want", event)
		}
	}
}

// wantNoTrace looks for secrets in the clear, in all files below dir.
func wantNoTrace(t *testing.T, dir string, secrets ...string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, s := range secrets {
			if bytes.Contains(content, []byte(s)) {
				t.Errorf("%s holds a secret in the clear", path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestHangupReadsTheFileAgain wants a good file applied, and a bad one refused
// while all goes on.
func TestHangupReadsTheFileAgain(t *testing.T) {
	r := startReceiver(t, nil)
	dir := t.TempDir()
	p := startWhole(t, build(t, "tidings"), dir, r.addr)
	admin := adminOf(t, p)
	file := filepath.Join(dir, "tidings.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	hangUp := func(content, says string) {
		t.Helper()
		writeFile(t, file, content)
		if err := p.life.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		p.says(says)
	}
	hangUp(string(good)+"    oops: 1\n", "configuration not applied")
	admin.call(http.MethodGet, "/v1/tenants/acme", nil, http.StatusOK)
	hangUp(string(good)+"  - id: another\n", "tenants=2")
	admin.call(http.MethodGet, "/v1/tenants/another", nil, http.StatusOK)
	admin.call(http.MethodPatch, "/v1/tenants/another", fields{"name": "x"}, http.StatusConflict) // it is the file's
	hangUp(string(good), "endpoints=1 subscriptions=1 tokens=0\n")
	deadline := time.Now().Add(waitLimit)
	for strings.Count(p.said(), "tenants=1 ") < 2 && time.Now().Before(deadline) {
		<-time.After(10 * time.Millisecond)
	}
	admin.call(http.MethodGet, "/v1/tenants/another", nil, http.StatusNotFound)
}
