package api_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// pollOne hands out a delivery that says what was asked for.
func pollOne(_ context.Context, tenant schemas.TenantID, id schemas.EndpointID, ask schemas.Poll) ([]schemas.Pulled, error) {
	if ask.Max == 1 {
		return nil, nil
	}
	body := fmt.Sprintf("%s %s %d %s %s", tenant, id, ask.Max, ask.Wait, ask.AckWait)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return []schemas.Pulled{
		{
			ID: schemas.NewDeliveryID(at, 1, id), Attempt: 1, Event: schemas.EventSummary{ID: "e1", Source: "/s", Type: "a.b", Size: 2},
			Headers: map[string]string{"webhook-id": "x"}, Body: body, Receipt: "r1", Until: at,
		},
		{ID: schemas.NewDeliveryID(at, 2, id), Attempt: 2, Headers: map[string]string{}, BodyBase64: []byte{0xff}, Receipt: "r2", Until: at},
	}, nil
}

func settleAll(_ context.Context, _ schemas.TenantID, _ schemas.EndpointID, s schemas.Settlement) (all []schemas.Settled, _ error) {
	for _, r := range s.Ack {
		all = append(all, schemas.Settled{Receipt: r, Status: schemas.SettledDelivered})
	}
	for _, n := range s.Nack {
		all = append(all, schemas.Settled{Receipt: n.Receipt, Status: schemas.SettledRetry, Next: time.Now().UTC(), Detail: n.Reason})
	}
	for _, r := range s.Extend {
		all = append(all, schemas.Settled{Receipt: r, Status: schemas.SettledExtended, Renewed: r + "+", Until: time.Now().UTC()})
	}
	return all, nil
}

// pulls goes through the life of an endpoint that is pulled from. Sent is one that has
// a URL.
func (r *rig) pulls(t *testing.T, sent string) {
	const endpoints = "/v1/tenants/acme/endpoints"
	e, _ := r.do(201, "POST", endpoints, `{"name":"pulled","pull":true,"policy":{"retry":["1s"],"max_age":"1h","max_held":5,"order":"fifo"}}`)
	if e["pull"] != true || e["url"] != nil || e["secret"] != madeSecret {
		t.Errorf("made %v", e)
	}
	ep := endpoints + "/" + e["id"].(string)
	got, _ := r.do(200, "POST", ep+"/poll", `{"max":7,"wait":"30s","ack_wait":"1m"}`)
	want := fmt.Sprintf("acme %s 7 30s 1m0s", e["id"])
	if first := got["deliveries"].([]any)[0].(map[string]any); first["body"] != want {
		t.Errorf("got %v, want %s", first, want)
	}
	if got, _ = r.do(200, "POST", ep+"/poll", `{"max":1}`); len(got["deliveries"].([]any)) != 0 {
		t.Errorf("got %v, want an empty list", got)
	}
	r.do(200, "POST", ep+"/poll", "")
	got, _ = r.do(200, "POST", ep+"/settle", `{"ack":["a"],"nack":[{"receipt":"b","reason":"no","after":"0s"}],"extend":["c"]}`)
	if fmt.Sprint(len(got["settled"].([]any))) != "3" {
		t.Errorf("got %v", got)
	}
	if got, _ = r.do(200, "POST", ep+"/settle", ""); len(got["settled"].([]any)) != 0 {
		t.Errorf("got %v, want an empty list", got)
	}
	r.do(400, "POST", ep+"/poll", "{}", "Idempotency-Key", "k")
	for _, route := range []string{"/poll", "/settle"} {
		if got, _ = r.do(409, "POST", sent+route, ""); !strings.Contains(got["detail"].(string), `"pull": true`) {
			t.Errorf("of an endpoint with a url: %v", got)
		}
	}
	r.do(200, "PATCH", ep, `{"name":"still pulled"}`)
	r.do(400, "PATCH", ep, `{"pull":null,"url":"https://example.com/hooks","policy":null}`)
	r.do(400, "PATCH", sent, `{"pull":true,"url":"","policy":null}`)
	r.do(204, "DELETE", ep, "")
}

// TestInvalidPulls: what makes no sense where nothing is sent is refused, by name.
func TestInvalidPulls(t *testing.T) {
	r := newRig(t)
	r.tenants()
	const path = "/v1/tenants/acme/endpoints"
	e, _ := r.do(201, "POST", path, `{"pull":true}`)
	ep := path + "/" + e["id"].(string)
	for _, row := range []struct{ path, body, field, detail string }{
		{path, `{}`, "url", "is not absolute"},
		{path, `{"pull":true,"url":"https://x.test"}`, "url", "either url or pull"},
		{path, `{"pull":true,"dialect":"cloudevents","handshake":true}`, "handshake", "leave it out"},
		{path, `{"pull":true,"policy":{"timeout":"5s"}}`, "policy.timeout", "has no effect"},
		{path, `{"pull":true,"policy":{"rate":"5/s"}}`, "policy.rate", "has no effect"},
		{path, `{"pull":true,"policy":{"concurrency":5}}`, "policy.concurrency", "has no effect"},
		{path, `{"pull":true,"policy":{"breaker":"on"}}`, "policy.breaker", "has no effect"},
		{path, `{"pull":true,"policy":{"auto_disable":"off"}}`, "policy.auto_disable", "has no effect"},
		{path, `{"pull":true,"policy":{"disable_after":"48h"}}`, "policy.disable_after", "has no effect"},
		{path, `{"pull":true,"policy":{"backlog":"live_first"}}`, "policy.backlog", "has no effect"},
		{path, `{"pull":true,"policy":{"statuses":{"404":"dead"}}}`, "policy.statuses", "has no effect"},
		{path, `{"pull":true,"policy":{"trace":true}}`, "policy.trace", "has no effect"},
		{ep + "/poll", `{"max":0}`, "max", "use 1 to 100"},
		{ep + "/poll", `{"max":101}`, "max", "use 1 to 100"},
		{ep + "/poll", `{"wait":"61s"}`, "wait", "use 0s to 1m0s"},
		{ep + "/poll", `{"ack_wait":"2h"}`, "ack_wait", "use 1s to 1h0m0s"},
		{ep + "/settle", `{"nack":[{"receipt":"a","after":"-1s"}]}`, "nack[0].after", "use 0s to"},
		{ep + "/settle", `{"ack":["` + strings.Repeat(`x","`, 1000) + `x"]}`, "ack", "at most 1000"},
	} {
		got, _ := r.do(400, "POST", row.path, row.body)
		row.body = row.body[:min(len(row.body), 100)]
		if got["field"] != row.field || !strings.Contains(got["detail"].(string), row.detail) {
			t.Errorf("%s: got field %v, %v; want %s, %q", row.body, got["field"], got["detail"], row.field, row.detail)
		}
	}
}
