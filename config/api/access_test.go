package api_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// callers are who may call, in the order of the table's columns.
var callers = []string{"none", "wrong", "other", "read", "write", "personal", "publish", "admin"}

// rights is what each caller may do with the things of the tenant acme: a status
// by caller, "ok" for anything that was let in, which may be a 404: what is in
// the path does not belong to a personal token's user.
var rights = map[string]string{
	"POST /v1/tenants":            "401 401 403 403 403 403 403 ok",
	"GET /v1/tenants":             "401 401 403 403 403 403 403 ok",
	"GET /v1/tenants/{tenant}":    "401 401 403 ok  ok  ok  403 ok",
	"PATCH /v1/tenants/{tenant}":  "401 401 403 403 403 403 403 ok",
	"DELETE /v1/tenants/{tenant}": "401 401 403 403 403 403 403 ok",

	"GET /v1/tenants/{tenant}/roam": "401 401 403 403 ok 403 403 ok",

	"POST /v1/tenants/{tenant}/endpoints":                      "401 401 403 403 ok ok  403 ok",
	"GET /v1/tenants/{tenant}/endpoints":                       "401 401 403 ok  ok ok  403 ok",
	"GET /v1/tenants/{tenant}/endpoints/{endpoint}":            "401 401 403 ok  ok 404 403 ok",
	"PATCH /v1/tenants/{tenant}/endpoints/{endpoint}":          "401 401 403 403 ok 404 403 ok",
	"DELETE /v1/tenants/{tenant}/endpoints/{endpoint}":         "401 401 403 403 ok 404 403 ok",
	"GET /v1/tenants/{tenant}/endpoints/{endpoint}/secrets":    "401 401 403 403 ok 403 403 ok",
	"POST /v1/tenants/{tenant}/endpoints/{endpoint}/rotate":    "401 401 403 403 ok 404 403 ok",
	"POST /v1/tenants/{tenant}/endpoints/{endpoint}/pause":     "401 401 403 403 ok 404 403 ok",
	"POST /v1/tenants/{tenant}/endpoints/{endpoint}/resume":    "401 401 403 403 ok 404 403 ok",
	"POST /v1/tenants/{tenant}/endpoints/{endpoint}/disable":   "401 401 403 403 ok 404 403 ok",
	"POST /v1/tenants/{tenant}/endpoints/{endpoint}/enable":    "401 401 403 403 ok 404 403 ok",
	"POST /v1/tenants/{tenant}/endpoints/{endpoint}/test":      "401 401 403 403 ok 404 403 ok",
	"POST /v1/tenants/{tenant}/endpoints/{endpoint}/poll":      "401 401 403 403 ok 404 403 ok",
	"POST /v1/tenants/{tenant}/endpoints/{endpoint}/settle":    "401 401 403 403 ok 404 403 ok",
	"POST /v1/tenants/{tenant}/subscriptions":                  "401 401 403 403 ok 404 403 ok",
	"GET /v1/tenants/{tenant}/subscriptions":                   "401 401 403 ok  ok ok  403 ok",
	"POST /v1/tenants/{tenant}/subscriptions/check":            "401 401 403 ok  ok ok  403 ok",
	"GET /v1/tenants/{tenant}/subscriptions/{subscription}":    "401 401 403 ok  ok 404 403 ok",
	"PATCH /v1/tenants/{tenant}/subscriptions/{subscription}":  "401 401 403 403 ok 404 403 ok",
	"DELETE /v1/tenants/{tenant}/subscriptions/{subscription}": "401 401 403 403 ok 404 403 ok",

	"GET /v1/tenants/{tenant}/types":           "401 401 403 ok  ok ok  403 ok",
	"GET /v1/tenants/{tenant}/types/{type}":    "401 401 403 ok  ok ok  403 ok",
	"PUT /v1/tenants/{tenant}/types/{type}":    "401 401 403 403 ok 403 403 ok",
	"DELETE /v1/tenants/{tenant}/types/{type}": "401 401 403 403 ok 403 403 ok",
	"POST /v1/tenants/{tenant}/events":         "401 401 403 403 ok 403 ok  ok",
	"POST /v1/tenants/{tenant}/explain":        "401 401 403 ok  ok ok  403 ok",

	"GET /v1/tenants/{tenant}/events":                        "401 401 403 ok  ok 403 403 ok",
	"GET /v1/tenants/{tenant}/events/{event}":                "401 401 403 ok  ok 403 403 ok",
	"GET /v1/tenants/{tenant}/deliveries":                    "401 401 403 ok  ok ok  403 ok",
	"GET /v1/tenants/{tenant}/deliveries/{delivery}":         "401 401 403 ok  ok 404 403 ok",
	"POST /v1/tenants/{tenant}/deliveries/{delivery}/resend": "401 401 403 403 ok 404 403 ok",
	"GET /v1/tenants/{tenant}/counts":                        "401 401 403 ok  ok ok  403 ok",
	"GET /v1/tenants/{tenant}/counts/endpoints":              "401 401 403 ok  ok 403 403 ok",
	"POST /v1/tenants/{tenant}/replays":                      "401 401 403 403 ok ok  403 ok",
	"GET /v1/tenants/{tenant}/replays":                       "401 401 403 ok  ok ok  403 ok",
	"GET /v1/tenants/{tenant}/replays/{replay}":              "401 401 403 ok  ok 404 403 ok",
	"POST /v1/tenants/{tenant}/replays/{replay}/cancel":      "401 401 403 403 ok 404 403 ok",

	"POST /v1/tenants/{tenant}/erasures": "401 401 403 403 ok 403 403 ok",
	"GET /v1/tenants/{tenant}/erasures":  "401 401 403 ok  ok 403 403 ok",

	"POST /v1/tenants/{tenant}/links": "401 401 403 403 ok 403 403 ok",
	"GET /v1/tenants/{tenant}/live":   "401 401 403 ok  ok 403 403 ok",
	"GET /v1/tenants/{tenant}/audit":  "401 401 403 ok  ok 403 403 ok",

	"GET /v1/me":    "401 401 ok  ok  ok  ok  ok  ok",
	"GET /v1/audit": "401 401 403 403 403 403 403 ok",

	"POST /v1/tokens":                "401 401 403 403 403 403 403 ok",
	"GET /v1/tokens":                 "401 401 403 403 403 403 403 ok",
	"GET /v1/tokens/{token}":         "401 401 403 403 403 403 403 ok",
	"DELETE /v1/tokens/{token}":      "401 401 403 403 403 403 403 ok",
	"POST /v1/tokens/{token}/revoke": "401 401 403 403 403 403 403 ok",
}

// TestAccess calls every route as everybody. A refusal tells nothing: it is the
// same for what is there and for what is not, byte for byte.
func TestAccess(t *testing.T) {
	r := newRig(t)
	endpoint, subscription := r.tenants()
	tokens := map[string]string{
		"none": "", "wrong": "tidings_" + strings.Repeat("x", 43),
		"other":    r.token(schemas.Token{Scope: schemas.TokenWrite, Tenant: "other"}),
		"read":     r.token(schemas.Token{Scope: schemas.TokenRead, Tenant: "acme"}),
		"write":    r.token(schemas.Token{Scope: schemas.TokenWrite, Tenant: "acme"}),
		"personal": r.token(schemas.Token{Scope: schemas.TokenPersonal, Tenant: "acme", User: []string{"u1", "u1@example.com"}}),
		"publish":  r.token(schemas.Token{Scope: schemas.TokenPublish, Tenant: "acme"}),
		"admin":    r.admin,
	}
	made, _ := r.do(201, "POST", "/v1/tokens", `{"scope":"publish","tenant":"other"}`)
	delivery, job := r.logged(endpoint)
	there := strings.NewReplacer("{tenant}", "acme", "{delivery}", delivery, "{event}", delivery, "{replay}", job, "{endpoint}", endpoint, "{subscription}", subscription, "{type}", "user.created", "{token}", made["id"].(string))
	const none = "dlv_00000000000000000000000000000000"
	absent := strings.NewReplacer("{tenant}", "nobody", "{delivery}", none, "{event}", none, "{replay}", "rpl_none", "{endpoint}", "ep_none", "{subscription}", "sub_none", "{type}", "no.such", "{token}", "tok_none")
	operations := spec().operations()
	if len(operations) != len(rights) {
		t.Errorf("the table has %d routes, the API %d", len(rights), len(operations))
	}
	for _, q := range operations {
		row := strings.Fields(rights[q.method+" "+q.path])
		for i, caller := range callers {
			if row[i] == "ok" { // it would be done
				if w := r.send(request{method: q.method, path: there.Replace(q.path), token: tokens[caller], body: "{", header: map[string]string{"If-Match": `"0"`}}); w.Code == 401 || w.Code == 403 {
					t.Errorf("%s %s as %s: %d %s", q.method, q.path, caller, w.Code, w.Body)
				}
				continue
			}
			answer := func(path string) *httptest.ResponseRecorder {
				body := map[string]string{"PATCH": "{}"}[q.method]
				if strings.HasSuffix(q.path, "/subscriptions") && q.method == "POST" {
					body = `{"endpoint":"` + endpoint + `","types":["*"]}`
				}
				return r.send(request{method: q.method, path: path, token: tokens[caller], body: body})
			}
			w := answer(there.Replace(q.path))
			if fmt.Sprint(w.Code) != row[i] {
				t.Errorf("%s %s as %s: got %d %s, want %s", q.method, q.path, caller, w.Code, w.Body, row[i])
			}
			if other := answer(absent.Replace(q.path)); w.Code != 404 && other.Body.String() != w.Body.String() {
				t.Errorf("%s %s as %s: it tells what is there:\n%s\n%s", q.method, q.path, caller, w.Body, other.Body)
			}
			for _, secret := range []string{"acme", "hidden-value", "example.com", endpoint + " "} {
				if strings.Contains(w.Body.String(), secret) {
					t.Errorf("%s %s as %s: the refusal says %q: %s", q.method, q.path, caller, secret, w.Body)
				}
			}
		}
	}
}

// TestAnothersThings: what belongs to another tenant is as absent as what is not
// there, whichever way it is asked for.
func TestAnothersThings(t *testing.T) {
	r := newRig(t)
	endpoint, subscription := r.tenants()
	writer := r.token(schemas.Token{Scope: schemas.TokenWrite, Tenant: "other"})
	for _, row := range []struct{ method, path, body string }{
		{"GET", "/endpoints/" + endpoint, ""},
		{"GET", "/endpoints/" + endpoint + "/secrets", ""},
		{"PATCH", "/endpoints/" + endpoint, `{"name":"mine"}`},
		{"DELETE", "/endpoints/" + endpoint, ""},
		{"POST", "/endpoints/" + endpoint + "/rotate", ""},
		{"POST", "/endpoints/" + endpoint + "/pause", ""},
		{"POST", "/endpoints/" + endpoint + "/test", ""},
		{"POST", "/subscriptions", `{"endpoint":"` + endpoint + `","types":["*"]}`},
		{"GET", "/subscriptions?endpoint=" + endpoint, ""},
		{"GET", "/subscriptions/" + subscription, ""},
		{"PATCH", "/subscriptions/" + subscription, `{"types":["*"]}`},
		{"DELETE", "/subscriptions/" + subscription, ""},
	} {
		for _, header := range [][]string{nil, {"If-Match", `"1"`}} {
			got, _ := r.as(writer, 404, row.method+" /v1/tenants/other"+row.path, row.body, header...)
			if detail := got["detail"].(string); !strings.HasSuffix(detail, "does not exist: create it first, or check its id") {
				t.Errorf("%s %s: %s", row.method, row.path, detail)
			}
		}
	}
}

// TestPersonal: a personal token sees and changes its user's own things only, and
// its subscriptions are for the user whatever it asks for.
func TestPersonal(t *testing.T) {
	r := newRig(t)
	r.tenants()
	user := r.token(schemas.Token{Scope: schemas.TokenPersonal, Tenant: "acme", User: []string{"u1", "u1@example.com"}})
	another := r.token(schemas.Token{Scope: schemas.TokenPersonal, Tenant: "acme", User: []string{"u2"}})
	const base = "/v1/tenants/acme"
	e, _ := r.as(user, 201, "POST "+base+"/endpoints", `{"url":"https://example.com/u1"}`)
	if e["owner"] != "u1" || e["secret"] != madeSecret {
		t.Errorf("got %v", e)
	}
	id := e["id"].(string)
	r.as(user, 400, "POST "+base+"/subscriptions", `{"endpoint":"`+id+`","types":["*"],"user":["u2"]}`)
	r.as(user, 400, "POST "+base+"/endpoints", `{"url":"https://example.com/roq","dialect":"roq"}`)
	r.do(400, "POST", base+"/subscriptions", `{"endpoint":"`+id+`","types":["*"]}`) // who may all may not forget whose it is
	s, _ := r.as(user, 201, "POST "+base+"/subscriptions", `{"endpoint":"`+id+`","types":["*"]}`)
	if fmt.Sprint(s["user"]) != "[u1 u1@example.com]" {
		t.Errorf("the subscription is for %v", s["user"])
	}
	s, _ = r.as(user, 200, "PATCH "+base+"/subscriptions/"+s["id"].(string), `{"user":null}`)
	if fmt.Sprint(s["user"]) != "[u1 u1@example.com]" {
		t.Errorf("after a patch it is for %v", s["user"])
	}
	r.as(user, 400, "PATCH "+base+"/endpoints/"+id, `{"owner":"u2"}`)
	r.as(user, 200, "POST "+base+"/endpoints/"+id+"/pause", "")
	for token, want := range map[string]int{user: 1, another: 0, r.admin: 2} {
		for _, list := range []string{"/endpoints?limit=1", "/subscriptions?limit=200"} {
			page, _ := r.as(token, 200, "GET "+base+list, "")
			if n := len(page["items"].([]any)); n != want && (n != 1 || want == 0) {
				t.Errorf("%s has %d items, want %d", list, n, want)
			}
		}
	}
	explained, _ := r.as(user, 200, "POST "+base+"/explain", event, structured...)
	found := explained["endpoints"].([]any)
	if len(found) != 1 || fmt.Sprint(found[0].(map[string]any)["notes"]) != "[map[detail:the endpoint is paused, so deliveries to it wait: resume it kind:paused]]" {
		t.Errorf("explained %v", found)
	}
	r.as(user, 200, "POST "+base+"/endpoints/"+id+"/resume", `{"from":"now"}`)
	for most, want := range map[int]string{7: "[]", 6: "[map[detail:the event has 7 bytes of data, and max_payload is 6, so a delivery of it dies: send less, or allow more kind:too_large]]"} {
		r.as(user, 200, "PATCH "+base+"/endpoints/"+id, fmt.Sprintf(`{"policy":{"max_payload":%d}}`, most))
		explained, _ = r.as(user, 200, "POST "+base+"/explain", event, structured...) // its data is {"a":1}
		if got, _ := explained["endpoints"].([]any)[0].(map[string]any)["notes"].([]any); fmt.Sprint(got) != want {
			t.Errorf("with a max_payload of %d: %v", most, got)
		}
	}
	r.as(another, 404, "GET "+base+"/endpoints/"+id, "")
	r.as(another, 404, "POST "+base+"/endpoints/"+id+"/resume", `{"from":"now"}`)
	r.as(another, 404, "GET "+base+"/subscriptions/"+s["id"].(string), "")
	r.as(another, 404, "DELETE "+base+"/subscriptions/"+s["id"].(string), "")
	r.as(another, 404, "POST "+base+"/subscriptions", `{"endpoint":"`+id+`","types":["*"]}`)
	r.as(user, 204, "DELETE "+base+"/endpoints/"+id, "")
}
