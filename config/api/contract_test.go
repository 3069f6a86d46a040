package api_test

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/schemas"
)

// TestRoutesAreDescribed compares the routes that are served with the file.
func TestRoutesAreDescribed(t *testing.T) {
	var described []string
	for _, q := range spec().operations() {
		described = append(described, q.method+" "+q.path)
	}
	slices.Sort(described)
	if served := api.Routes(); !slices.Equal(described, served) {
		t.Errorf("described %q\nserved    %q", described, served)
	}
}

const event = `{"specversion":"1.0","id":"e1","source":"/test","type":"some.thing","data":{"a":1}}`

var structured = []string{"Content-Type", "application/cloudevents+json"}

// TestContract goes through the life of everything. Each answer is held to the
// description; at the end each success that is described has been seen.
func TestContract(t *testing.T) {
	r := newRig(t)
	endpoint, subscription := r.tenants()
	ep := "/v1/tenants/acme/endpoints/" + endpoint
	r.tenantLife(t)
	r.endpointLife(t, ep)
	r.limits(t, ep)
	r.actions(t, ep)
	r.pulls(t, ep)
	r.resumes(t, ep)
	r.subscriptionLife(t, endpoint, subscription)
	r.types(t)
	r.roam(t)
	r.events(t)
	r.deliveryLog(endpoint)
	r.tokensLife(t)
	r.links(t)
	r.audited(t)
	r.do(204, "DELETE", ep, "")
	r.do(204, "DELETE", "/v1/tenants/acme", "")
	r.do(200, "GET", "/openapi.json", "")
	if w := r.send(request{method: "GET", path: "/openapi.yaml"}); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "openapi: 3.1.0\n") {
		t.Errorf("openapi.yaml: %d", w.Code)
	}
	everySuccess(t)
}

func (r *rig) tenantLife(t *testing.T) {
	_, h := r.do(200, "GET", "/v1/tenants/acme", "")
	r.do(304, "GET", "/v1/tenants/acme", "", "If-None-Match", `"1", W/`+h.Get("ETag"))
	r.do(200, "GET", "/v1/tenants", "")
	if got, _ := r.do(200, "PATCH", "/v1/tenants/acme", `{"name":"Acme","validation":"warn"}`, "If-Match", h.Get("ETag")); got["name"] != "Acme" {
		t.Errorf("got %v", got)
	}
	if got, _ := r.do(200, "PATCH", "/v1/tenants/acme", `{"retention":{"events":"72h","log":"720h"}}`); fmt.Sprint(got["retention"]) != "map[events:72h0m0s log:720h0m0s]" {
		t.Errorf("got %v", got)
	}
	if got, _ := r.do(200, "PATCH", "/v1/tenants/acme", `{"retention":{"events":null}}`); fmt.Sprint(got["retention"]) != "map[log:720h0m0s]" {
		t.Errorf("got %v", got)
	}
	r.do(400, "PATCH", "/v1/tenants/acme", `{"retention":{"log":"59m"}}`)
	r.do(412, "PATCH", "/v1/tenants/acme", `{"name":"Again"}`, "If-Match", h.Get("ETag"))
}

func (r *rig) endpointLife(t *testing.T, ep string) {
	e, h := r.do(200, "GET", ep, "")
	if e["secret"] != nil || e["secrets"] != nil || fmt.Sprint(e["headers"]) != "map[X-Key:<secret>]" {
		t.Errorf("an endpoint shows %v", e)
	}
	r.do(304, "GET", ep, "", "If-None-Match", h.Get("ETag"))
	e, _ = r.do(200, "PATCH", ep, `{"name":"n","headers":{"X-Key":"<secret>","X-New":"v"},"policy":{"timeout":"30s","retry":[],"rate":"10/s","statuses":{"404":"dead"}}}`,
		"Content-Type", "application/merge-patch+json")
	if fmt.Sprint(e["policy"]) != "map[rate:10/s retry:[] statuses:map[404:dead] timeout:30s]" {
		t.Errorf("got %v", e["policy"])
	}
	e, _ = r.do(200, "PATCH", ep, `{"name":null,"headers":{"X-New":null},"policy":{"rate":null,"retry":null}}`)
	if e["name"] != nil || fmt.Sprint(e["policy"]) != "map[statuses:map[404:dead] timeout:30s]" || fmt.Sprint(e["headers"]) != "map[X-Key:<secret>]" {
		t.Errorf("after clearing: %v", e)
	}
	if stored, err := r.registry.Endpoint(t.Context(), schemas.EndpointID(path.Base(ep))); err != nil || stored.Headers["X-Key"].Reveal() != "hidden-value" {
		t.Errorf("the header is %q, %v", stored.Headers["X-Key"].Reveal(), err)
	}
}

func (r *rig) actions(t *testing.T, ep string) {
	for _, step := range [][2]string{{"pause", "paused"}, {"resume", "active"}, {"disable", "disabled"}, {"enable", "active"}} {
		if e, _ := r.do(200, "POST", ep+"/"+step[0], ""); e["status"] != step[1] {
			t.Errorf("after %s it is %v", step[0], e["status"])
		}
	}
	r.do(202, "POST", ep+"/test", `{"type":"user.created"}`)
	r.do(400, "POST", ep+"/test", `{"type":"no.such"}`)
	if e, _ := r.do(200, "POST", ep+"/rotate", `{"secret":"whsec_bXktb3duLXNlY3JldC1pcy1sb25nLWVub3VnaA==","overlap":"1h"}`); e["secret"] != nil {
		t.Errorf("the caller's own secret came back: %v", e)
	}
	for _, overlap := range []string{"721h", "-1s"} {
		if got, _ := r.do(400, "POST", ep+"/rotate", `{"overlap":"`+overlap+`"}`); got["field"] != "overlap" || !strings.Contains(got["detail"].(string), "720h") {
			t.Errorf("overlap %s: %v", overlap, got)
		}
	}
	if e, _ := r.do(201, "POST", path.Dir(ep), `{"url":"https://example.com/own","secret":"`+madeSecret+`"}`); e["secret"] != nil {
		t.Errorf("the caller's own secret came back: %v", e)
	}
	if e, _ := r.do(200, "POST", ep+"/rotate", ""); e["secret"] != madeSecret {
		t.Errorf("the secret that was made did not come back: %v", e)
	}
	secrets, h := r.do(200, "GET", ep+"/secrets", "")
	r.do(304, "GET", ep+"/secrets", "", "If-None-Match", h.Get("ETag"))
	if items := secrets["items"].([]any); len(items) != 2 || items[0].(map[string]any)["secret"] != madeSecret || items[1].(map[string]any)["expires"] == nil {
		t.Errorf("got %v", secrets)
	}
	r.do(200, "GET", "/v1/tenants/acme/endpoints?limit=1", "")
}

func (r *rig) subscriptionLife(t *testing.T, endpoint, subscription string) {
	sub := "/v1/tenants/acme/subscriptions/" + subscription
	_, h := r.do(200, "GET", sub, "")
	r.do(304, "GET", sub, "", "If-None-Match", "*")
	s, _ := r.do(200, "PATCH", sub, `{"types":["user.*"],"filters":[{"not":{"exact":{"subject":"x"}}}],"channel":"c","user":["u1"]}`, "If-Match", h.Get("ETag"))
	if fmt.Sprintf("%v %v %v %v", s["types"], s["filters"], s["channel"], s["user"]) != "[user.*] [map[not:map[exact:map[subject:x]]]] c [u1]" {
		t.Errorf("got %v", s)
	}
	r.do(200, "GET", "/v1/tenants/acme/subscriptions?endpoint="+endpoint, "")
	r.checks(t)
	tenant, _ := r.do(200, "GET", "/v1/tenants/acme", "")
	<-time.After(2 * time.Millisecond) // so that there is a time after the tenant was made
	later := time.Now().UTC().Format(time.RFC3339Nano)
	for from, want := range map[string]any{later: later, "2001-01-01T00:00:00Z": tenant["created"], "all": tenant["created"]} {
		s, _ = r.do(201, "POST", "/v1/tenants/acme/subscriptions", `{"endpoint":"`+endpoint+`","types":["*"],"deliver_from":"`+from+`"}`)
		if got := s["history"].(map[string]any); got["from"] != want || got["state"] != "reading" {
			t.Errorf("from %s the history is %v, want it from %v: before, the tenant was another", from, got, want)
		}
	}
	r.do(204, "DELETE", sub, "")
	r.do(404, "GET", sub, "")
}

func (r *rig) types(t *testing.T) {
	const path = "/v1/tenants/acme/types"
	r.do(200, "GET", path+"?limit=200", "")
	_, h := r.do(200, "GET", path+"/user.created", "")
	r.do(304, "GET", path+"/user.created", "", "If-None-Match", h.Get("ETag"))
	own := definition("own.thing")
	got, h := r.do(201, "PUT", path+"/own.thing", own)
	if got["origin"] != "tenant" {
		t.Errorf("origin %v", got["origin"])
	}
	r.do(412, "PUT", path+"/own.thing", own, "If-Match", `"1"`)
	r.do(200, "PUT", path+"/own.thing", own, "If-Match", h.Get("ETag"))
	r.do(400, "PUT", path+"/another", own)
	for body, field := range map[string]any{
		strings.Replace(own, `"domain"`, `"domain":"a b","was"`, 1):                                                                       "domain",
		`{"type":"own.thing","domain":"d","meaning":"m","schema":{"type":"string"},"valid":[1],"invalid":[{"data":1,"error":"string"}]}`:  "valid",
		`{"type":"own.thing","domain":"d","meaning":"m","schema":{"type":"strin"},"valid":["a"],"invalid":[{"data":1,"error":"string"}]}`: "schema",
		`{"type":"own.thing","domain":"d","meaning":"m","schema":{"type":"string"},"valid":["a"],"invalid":[{"data":1,"error":"else"}]}`:  "invalid",
		`{"type":"own.thing","domain":"d","meaning":"m","schema":{"type":"string"},"valid":["a"]}`:                                        "invalid",
	} {
		got, _ := r.do(400, "PUT", path+"/own.thing", body)
		if got["field"] != field {
			t.Errorf("%s: %v", body, got)
		}
	}
	r.do(404, "DELETE", path+"/user.created", "")
	r.do(204, "DELETE", path+"/own.thing", "")
	r.do(404, "GET", path+"/own.thing", "")
}

func (r *rig) roam(t *testing.T) {
	const path = "/v1/tenants/acme/roam"
	org, _ := r.do(200, "GET", path, "")
	user, _ := r.do(200, "GET", path+"?user=u1", "")
	again, _ := r.do(200, "GET", path, "")
	if org["signing_secret"] == user["signing_secret"] || org["signing_secret"] != again["signing_secret"] {
		t.Errorf("the organisation has %v, then %v; the user has %v", org, again, user)
	}
	r.do(400, "GET", path+"?user="+strings.Repeat("x", 256), "")
}

func (r *rig) events(t *testing.T) {
	const path = "/v1/tenants/acme/events"
	for i, want := range []bool{false, true} {
		got, _ := r.do(202, "POST", path, event, structured...)
		if first := got["events"].([]any)[0].(map[string]any); first["duplicate"] != want {
			t.Errorf("time %d: %v", i, first)
		}
	}
	r.do(202, "POST", path, `{"a":1}`, "Ce-Specversion", "1.0", "Ce-Id", "b", "Ce-Source", "/s", "Ce-Type", "x.y")
	bad := `{"specversion":"1.0","id":"u","source":"/test","type":"user.created","data":{"nope":1}}`
	batch := []string{"Content-Type", "application/cloudevents-batch+json"}
	r.do(202, "POST", path, "["+bad+"]", batch...) // the tenant only warns
	r.do(200, "PATCH", "/v1/tenants/acme", `{"validation":"reject"}`)
	fresh := strings.Replace(event, "e1", "e2", 1)
	refused, _ := r.do(422, "POST", path, "["+fresh+","+bad+"]", batch...)
	if refused["field"] != "events[1]" || !strings.Contains(refused["detail"].(string), "data") {
		t.Errorf("got %v", refused)
	}
	got, _ := r.do(202, "POST", path, fresh, structured...)
	if got["events"].([]any)[0].(map[string]any)["duplicate"] != false {
		t.Error("an event of a refused batch was published")
	}
	r.do(200, "POST", "/v1/tenants/acme/explain", event, structured...)
	r.do(400, "POST", "/v1/tenants/acme/explain", "["+event+","+event+"]", batch...)
}

// everySuccess fails for each answer below 400 that is described and was not seen.
func everySuccess(t *testing.T) {
	d := spec()
	for _, q := range d.operations() {
		item := d.doc["paths"].(map[string]any)[q.path].(map[string]any)
		for status := range item[strings.ToLower(q.method)].(map[string]any)["responses"].(map[string]any) {
			if status < "400" && !d.seen[q.method+" "+q.path+" "+status] {
				t.Errorf("%s %s %s was never answered", q.method, q.path, status)
			}
		}
	}
}

// TestEveryRouteRefuses sends each route what it must refuse, and holds each
// problem to the description.
func TestEveryRouteRefuses(t *testing.T) {
	r := newRig(t, func(o *api.Options, _ *access.Options) { o.MaxConfig, o.MaxEvents = 300, 300 })
	endpoint, subscription := r.tenants()
	stranger := r.token(schemas.Token{Scope: schemas.TokenWrite, Tenant: "other"})
	made, _ := r.do(201, "POST", "/v1/tokens", `{"scope":"publish","tenant":"acme"}`)
	ids := strings.NewReplacer("{tenant}", "acme", "{endpoint}", endpoint, "{subscription}", subscription, "{type}", "user.created", "{token}", made["id"].(string))
	missing := strings.NewReplacer("{tenant}", "nobody", "{endpoint}", "ep_none", "{subscription}", "sub_none", "{type}", "no.such", "{token}", "tok_none")
	for _, q := range spec().operations() {
		t.Run(q.method+" "+q.path, func(t *testing.T) {
			here := &rig{tb: t, api: r.api, admin: r.admin}
			path := ids.Replace(q.path)
			here.refused(q, "", 401, path)
			here.refused(q, "tidings_wrong", 401, path)
			if q.path != "/v1/me" {
				here.refused(q, stranger, 403, path)
			}
			if missed := missing.Replace(q.path); missed != q.path && q.method != "PUT" {
				here.refused(q, r.admin, 404, missed)
			}
			here.refusesBodies(q, path)
			if q.method == "GET" && !strings.HasSuffix(q.path, "}") && !strings.HasSuffix(q.path, "secrets") && !strings.HasSuffix(q.path, "roam") && !strings.Contains(q.path, "/counts") && !strings.HasSuffix(q.path, "live") && q.path != "/v1/me" {
				here.refused(q, r.admin, 400, path+"?limit=0")
				here.refused(q, r.admin, 400, path+"?cursor=nope!")
			}
		})
	}
	if _, h := r.do(405, "PUT", "/v1/tokens", "{}"); h.Get("Allow") != "GET, POST" {
		t.Errorf("Allow: %q", h.Get("Allow"))
	}
	r.do(404, "GET", "/v1/nothing", "")
}

// refused sends a route a body that is right.
func (r *rig) refused(q request, token string, status int, path string, header ...string) {
	r.tb.Helper()
	body := ""
	switch {
	case takesEvents(q):
		body, header = event, append(slices.Clone(structured), header...)
	case q.method == "PATCH":
		body = "{}"
	}
	r.as(token, status, q.method+" "+path, body, header...)
}

func (r *rig) refusesBodies(q request, path string) {
	r.tb.Helper()
	if q.method == "GET" || q.method == "DELETE" {
		return
	}
	route := q.method + " " + path
	r.as(r.admin, 413, route, `{"name":"`+strings.Repeat("x", 400)+`"}`)
	if takesEvents(q) {
		r.as(r.admin, 400, route, `{"name":`, structured...)
	} else {
		r.as(r.admin, 400, route, `{"name":`)
		r.as(r.admin, 400, route, `{"nope":1}`)
		r.as(r.admin, 415, route, `{}`, "Content-Type", "text/plain")
	}
	if q.method == "POST" {
		r.refused(q, r.admin, 400, path, "Idempotency-Key", "\x01")
	}
}

func takesEvents(q request) bool {
	return strings.HasSuffix(q.path, "/events") || strings.HasSuffix(q.path, "/explain")
}

// TestInvalidBodies: a refusal names the member, and says what to do.
func TestInvalidBodies(t *testing.T) {
	r := newRig(t)
	endpoint, _ := r.tenants()
	const ep, sub = "/v1/tenants/acme/endpoints", "/v1/tenants/acme/subscriptions"
	for _, row := range []struct{ path, body, field, detail string }{
		{"/v1/tenants", `{"id":"Bad Id"}`, "id", "use 1 to 63"},
		{"/v1/tenants", `{"id":"x","validation":"maybe"}`, "validation", "is unknown: use"},
		{"/v1/tenants", `{"id":"x","quota":{"events":"fast"}}`, "quota.events", "write it like"},
		{"/v1/tenants", `{"id":"x","quota":{"endpoints":-1}}`, "quota.endpoints", "use 1 or more"},
		{"/v1/tenants", `{"id":"x","quota":{"bytes":1}}`, "quota.bytes", "leave it out"},
		{"/v1/tenants", `[]`, "body", "write an object"},
		{"/v1/tenants", `{"id":1}`, "id", "write a string"},
		{ep, `{"url":"https://x.test","policy":{"timeout":"10m"}}`, "policy.timeout", "at most 5m0s"},
		{ep, `{"url":"https://x.test","policy":{"timeout":10}}`, "policy.timeout", "with a unit"},
		{ep, `{"url":"https://x.test","policy":{"retry":["5s","-1s"]}}`, "policy.retry[1]", "use more than 0"},
		{ep, `{"url":"https://x.test","policy":{"rate":"fast"}}`, "policy.rate", "write it like"},
		{ep, `{"url":"https://x.test","policy":{"burst":5}}`, "policy.burst", "give the rate too"},
		{ep, `{"url":"https://x.test","policy":{"rate":"5/s","burst":10001}}`, "policy.burst", "use 1 to 10000"},
		{ep, `{"url":"https://x.test","policy":{"max_payload":67108865}}`, "policy.max_payload", "use 1 to 67108864"},
		{ep, `{"url":"https://x.test","policy":{"max_payload":"1MiB"}}`, "policy.max_payload", "write a whole number"},
		{ep, `{"url":"https://x.test","policy":{"max_held":-1}}`, "policy.max_held", "use 1 to 10000000"},
		{ep, `{"url":"https://x.test","policy":{"order_key":"partitionkey"}}`, "policy.order_key", `goes with the order "fifo" only`},
		{ep, `{"url":"https://x.test","policy":{"order":"fifo","order_key":"id"}}`, "policy.order_key", "makes no order"},
		{ep, `{"url":"https://x.test","policy":{"order":"fifo","backlog":"live_first"}}`, "policy.backlog", "leave one of the two out"},
		{ep, `{"url":"https://x.test","policy":{"backlog":"newest"}}`, "policy.backlog", "is unknown: use"},
		{ep, `{"url":"https://x.test","policy":{"breaker":true}}`, "policy.breaker", "write a string"},
		{ep, `{"url":"https://x.test","policy":{"breaker":"half"}}`, "policy.breaker", `use "on", "off"`},
		{ep, `{"url":"https://x.test","policy":{"auto_disable":"no"}}`, "policy.auto_disable", `use "on", "off"`},
		{ep, `{"url":"https://x.test","policy":{"disable_after":"59m"}}`, "policy.disable_after", "use 1h0m0s to 2160h0m0s"},
		{ep, `{"url":"https://x.test","policy":{"nope":1}}`, "policy.nope", "leave it out"},
		{ep, `{"url":"https://user:pass@x.test"}`, "url", "carries credentials"},
		{ep, `{"url":"x"}`, "url", "is not absolute"},
		{ep, `{"url":"https://x.test","headers":{"Host":"x"}}`, "headers", "set by the sender"},
		{ep, `{"url":"https://x.test","headers":{"X-A":"<secret>"}}`, "headers.X-A", "give the value"},
		{ep, `{"url":"https://x.test","dialect":"morse"}`, "dialect", "is unknown"},
		{ep, `{"url":"https://x.test","secret":"short"}`, "<nil>", "whsec_"},
		{sub, `{"endpoint":"` + endpoint + `","types":[]}`, "types", "is empty"},
		{sub, `{"endpoint":"` + endpoint + `","types":["a.*b"]}`, "types[0]", "whole segments"},
		{sub, `{"endpoint":"` + endpoint + `","types":["*"],"deliver_from":"soon"}`, "deliver_from", "a time like"},
		{sub, `{"endpoint":"` + endpoint + `","types":["*"],"filters":[{"exact":{"a":"b"},"sql":"x"}]}`, "filters[0]", "exactly one"},
		{sub, `{"endpoint":"` + endpoint + `","types":["*"],"filters":[{"cel":"bad("}]}`, "filters[0].cel", "1:5"},
		{sub, `{"endpoint":"` + endpoint + `","types":["*"],"filters":` + strings.Repeat(`[{"all":`, 60) + `[]` + strings.Repeat("}]", 60) + `}`, "body", "nested deeper"},
		{"/v1/tokens", `{"scope":"root"}`, "scope", "is unknown"},
		{"/v1/tokens", `{"scope":"publish"}`, "tenant", "is missing"},
		{"/v1/tokens", `{"scope":"admin","expires":"2001-01-01T00:00:00Z"}`, "expires", "is past"},
	} {
		got, _ := r.do(400, "POST", row.path, row.body)
		if fmt.Sprint(got["field"]) != row.field || !strings.Contains(got["detail"].(string), row.detail) {
			t.Errorf("%s\ngot  %v: %v\nwant %s: …%s…", row.body, got["field"], got["detail"], row.field, row.detail)
		}
	}
	got, _ := r.do(404, "POST", sub, `{"endpoint":"ep_none","types":["*"]}`)
	if got["field"] != "endpoint" {
		t.Errorf("got %v", got)
	}
	if got, _ := r.do(400, "PATCH", "/v1/tenants/acme", `{"validation":"maybe"}`); got["field"] != "validation" {
		t.Errorf("got %v", got)
	}
	patched, _ := r.do(400, "PATCH", ep+"/"+endpoint, `{"policy":{"nope":null}}`)
	if patched["field"] != "policy.nope" {
		t.Errorf("got %v", patched)
	}
}

// TestPages reads a list page by page, while what was read goes away.
func TestPages(t *testing.T) {
	r := newRig(t)
	r.tenants()
	want := 1
	for range 7 {
		r.do(201, "POST", "/v1/tenants/acme/endpoints", `{"url":"https://example.com/hooks"}`)
		want++
	}
	var ids []string
	for path := "/v1/tenants/acme/endpoints?limit=3"; path != ""; {
		page, _ := r.do(200, "GET", path, "")
		path = ""
		if n := len(page["items"].([]any)); n > 3 || n < 3 && page["next"] != nil {
			t.Errorf("a page of at most 3 has %d items, and the next is %v", n, page["next"])
		}
		for _, item := range page["items"].([]any) {
			ids = append(ids, item.(map[string]any)["id"].(string))
		}
		if next, ok := page["next"].(string); ok {
			path = "/v1/tenants/acme/endpoints?limit=3&cursor=" + next
			r.do(204, "DELETE", "/v1/tenants/acme/endpoints/"+ids[len(ids)-1], "")
		}
	}
	if len(ids) != want || !slices.IsSorted(ids) || len(slices.Compact(ids)) != want {
		t.Errorf("got %d ids, want %d: %s", len(ids), want, ids)
	}
}

var schemasTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
