package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// definition is one of a built-in type, under another name.
func definition(name string) string {
	builtin := catalogue.Builtin()[0]
	return strings.ReplaceAll(string(builtin.Definition()), `"`+builtin.Type+`"`, `"`+name+`"`)
}

// TestOwnTypes: a type is replaced only by who knows what is there, if they say
// so; and of two that make or replace it at once one hears of the other.
func TestOwnTypes(t *testing.T) {
	r := newRig(t)
	r.tenants()
	const path, builtin = "/v1/tenants/acme/types/own.thing", "/v1/tenants/acme/types/user.created"
	own := definition("own.thing")
	r.do(412, "PUT", path, own, "If-Match", "*")
	r.do(412, "PUT", path, own, "If-Match", `"1"`)
	r.do(400, "PUT", path, own, "If-None-Match", `"1"`)
	_, made := r.do(201, "PUT", path, own, "If-None-Match", "*")
	if got, _ := r.do(412, "PUT", path, own, "If-None-Match", "*"); !strings.Contains(got["detail"].(string), "If-Match") {
		t.Errorf("got %v", got)
	}
	changed := strings.Replace(own, `"meaning": "`, `"meaning": "Changed. `, 1)
	got, h := r.do(200, "PUT", path, changed, "If-Match", made.Get("ETag"))
	if !strings.HasPrefix(got["meaning"].(string), "Changed. ") || h.Get("ETag") == made.Get("ETag") {
		t.Errorf("replaced, it is %v, version %s", got, h.Get("ETag"))
	}
	if read, h2 := r.do(200, "GET", path, ""); fmt.Sprint(read) != fmt.Sprint(got) || h2.Get("ETag") != h.Get("ETag") {
		t.Errorf("read, it is %v, version %s; was answered as %v, version %s", read, h2.Get("ETag"), got, h.Get("ETag"))
	}
	r.do(412, "PUT", path, own, "If-Match", made.Get("ETag"))
	r.do(412, "DELETE", path, "", "If-Match", made.Get("ETag"))

	codes := parallel(8, func(i int) int {
		body := strings.Replace(own, `"meaning": "`, fmt.Sprintf(`"meaning": "%d. `, i), 1)
		return r.send(request{method: "PUT", path: path, token: r.admin, body: body, header: map[string]string{"If-Match": h.Get("ETag")}}).Code
	})
	if codes[200] != 1 || codes[412] != 7 {
		t.Errorf("of those that replace one version: %v", codes)
	}
	r.do(204, "DELETE", path, "")
	r.do(404, "DELETE", path, "")
	put := func(header map[string]string) map[int]int {
		return parallel(8, func(int) int {
			return r.send(request{method: "PUT", path: path, token: r.admin, body: own, header: header}).Code
		})
	}
	if codes := put(map[string]string{"If-None-Match": "*"}); codes[201] != 1 || codes[412] != 7 {
		t.Errorf("of those that make it: %v", codes)
	}
	r.do(204, "DELETE", path, "")
	if codes := put(nil); codes[201] != 1 || codes[200] != 7 {
		t.Errorf("of those that put it unconditionally: %v", codes)
	}

	// A built-in type is hidden by who knows it.
	_, known := r.do(200, "GET", builtin, "")
	_, hidden := r.do(201, "PUT", builtin, definition("user.created"), "If-Match", known.Get("ETag"))
	r.do(412, "PUT", builtin, definition("user.created"), "If-Match", known.Get("ETag"))
	r.do(204, "DELETE", builtin, "", "If-Match", hidden.Get("ETag"))
	if _, back := r.do(200, "GET", builtin, ""); back.Get("ETag") != known.Get("ETag") {
		t.Errorf("the built-in type comes back as %s, was %s", back.Get("ETag"), known.Get("ETag"))
	}
}

// TestDialectChange: an endpoint is given no dialect that lacks a word for what
// it is subscribed to.
func TestDialectChange(t *testing.T) {
	r := newRig(t)
	endpoint, subscription := r.tenants()
	ep, sub := "/v1/tenants/acme/endpoints/"+endpoint, "/v1/tenants/acme/subscriptions/"+subscription
	r.do(200, "PATCH", sub, `{"types":["user.created","some.thing"]}`)
	got, _ := r.do(409, "PATCH", ep, `{"dialect":"roq"}`)
	if detail := got["detail"].(string); got["field"] != "dialect" || !strings.Contains(detail, `"some.thing"`) || !strings.Contains(detail, subscription) {
		t.Errorf("got %v", got)
	}
	if e, _ := r.do(200, "GET", ep, ""); e["dialect"] != "standard" {
		t.Errorf("it is %v all the same", e["dialect"])
	}
	r.do(200, "PATCH", ep, `{"dialect":"cloudevents"}`)
	r.do(200, "PATCH", sub, `{"types":["user.created","user.*"]}`)
	r.do(200, "PATCH", ep, `{"dialect":"roq"}`)
	r.do(400, "PATCH", sub, `{"types":["some.thing"]}`)
}

// TestDialectChangesMeanwhile: the endpoint is given another dialect, or goes,
// after a new subscription was checked by the one it had.
func TestDialectChangesMeanwhile(t *testing.T) {
	var meanwhile func()
	r := newRig(t, func(o *api.Options, _ *access.Options) {
		o.CheckSubscription = func(schemas.Subscription) error { meanwhile(); return nil }
	})
	meanwhile = func() {}
	endpoint, _ := r.tenants()
	body := `{"endpoint":"` + endpoint + `","types":["some.thing"]}`
	meanwhile = func() {
		_, err := r.registry.UpdateEndpoint(t.Context(), "acme", schemas.EndpointID(endpoint), 0, func(e *schemas.Endpoint) error {
			e.Dialect = schemas.DialectROQ
			return nil
		})
		must(t, err)
	}
	if got, _ := r.do(409, "POST", "/v1/tenants/acme/subscriptions", body); got["field"] != "endpoint" {
		t.Errorf("got %v", got)
	}
	if page, _ := r.do(200, "GET", "/v1/tenants/acme/subscriptions", ""); len(page["items"].([]any)) != 1 {
		t.Errorf("the refused subscription is there: %v", page)
	}
}

// TestRoamEndpointIsJoined: a subscription of a Roam endpoint holds it, so that
// /v0, which removes an endpoint with its last subscription, finds it changed.
func TestRoamEndpointIsJoined(t *testing.T) {
	r := newRig(t)
	r.tenants()
	for dialect, joined := range map[string]bool{"roam": true, "standard": false} {
		made, h := r.do(201, "POST", "/v1/tenants/acme/endpoints", `{"url":"https://example.com/hooks","dialect":"`+dialect+`"}`)
		id := made["id"].(string)
		r.do(201, "POST", "/v1/tenants/acme/subscriptions", `{"endpoint":"`+id+`","types":["*"]}`)
		if _, now := r.do(200, "GET", "/v1/tenants/acme/endpoints/"+id, ""); (now.Get("ETag") != h.Get("ETag")) != joined {
			t.Errorf("%s: the endpoint's version was %s, is %s; want it joined: %t", dialect, h.Get("ETag"), now.Get("ETag"), joined)
		}
	}
}

// TestUserLimits: what a personal token may make is bounded, for each user.
func TestUserLimits(t *testing.T) {
	r := newRig(t)
	r.tenants()
	user := r.token(schemas.Token{Scope: schemas.TokenPersonal, Tenant: "acme", User: []string{"u1"}})
	another := r.token(schemas.Token{Scope: schemas.TokenPersonal, Tenant: "acme", User: []string{"u2"}})
	fill := func(owner string, n int) schemas.EndpointID {
		t.Helper()
		id := schemas.EndpointID(fmt.Sprintf("ep_%s_%03d", owner, n))
		_, err := r.registry.CreateEndpoint(t.Context(), schemas.Endpoint{ID: id, Tenant: "acme", Owner: owner, URL: "https://example.com/hooks", Secrets: []schemas.Secret{schemas.NewSecret(madeSecret)}})
		must(t, err)
		return id
	}
	const endpoints, subscriptions = "/v1/tenants/acme/endpoints", "/v1/tenants/acme/subscriptions"
	body := `{"url":"https://example.com/hooks"}`
	var last schemas.EndpointID
	for n := range 99 {
		last = fill("u1", n)
	}
	r.as(user, 201, "POST "+endpoints, body)
	if got, _ := r.as(user, 409, "POST "+endpoints, body); !strings.Contains(got["detail"].(string), "100 endpoints") {
		t.Errorf("got %v", got)
	}
	r.as(another, 201, "POST "+endpoints, body)
	r.do(201, "POST", endpoints, body)
	for n := range 999 {
		to := last
		if n%2 == 0 {
			to = "ep_u1_000"
		}
		_, err := r.registry.CreateSubscription(t.Context(), schemas.Subscription{
			ID: schemas.NewSubscriptionID(time.Now()), Tenant: "acme", Endpoint: to, User: []string{"u1"}, Types: []schemas.TypePattern{"*"},
		})
		must(t, err)
	}
	body = `{"endpoint":"` + string(last) + `","types":["*"]}`
	r.as(user, 201, "POST "+subscriptions, body)
	if got, _ := r.as(user, 409, "POST "+subscriptions, body); !strings.Contains(got["detail"].(string), "1000 subscriptions") {
		t.Errorf("got %v", got)
	}
	r.do(201, "POST", subscriptions, strings.Replace(body, "{", `{"user":["u1"],`, 1))
}
