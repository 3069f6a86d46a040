package api_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/schemas"
)

// links makes links, and looks who they say one is.
func (r *rig) links(t *testing.T) {
	t.Helper()
	const path = "POST /v1/tenants/acme/links"
	writer := r.token(schemas.Token{Scope: schemas.TokenWrite, Tenant: "acme"})
	for _, row := range []struct{ body, scope string }{
		{`{"name":"ann","ttl":"15m"}`, "tenant:read"},
		{`{"scope":"tenant:write"}`, "tenant:write"},
		{`{"scope":"tenant:read"}`, "tenant:read"},
		{`{"scope":"personal","user":["u1","u1@example.com"]}`, "personal"},
	} {
		made, _ := r.as(writer, 201, path, row.body)
		link := made["token"].(string)
		if made["url"] != "/#link="+link {
			t.Errorf("url %s", made["url"])
		}
		me, _ := r.as(link, 200, "GET /v1/me", "")
		if me["scope"] != row.scope || me["tenant"] != "acme" || me["expires"] != made["expires"] || me["link"] != true {
			t.Errorf("%s: %v", row.body, me)
		}
		r.as(link, 200, "GET /v1/tenants/acme/endpoints", "")
		r.as(link, 403, "GET /v1/tenants/other/endpoints", "")
		r.as(link, 403, path, "{}")
		r.as(link[:len(link)-2]+"AA", 401, "GET /v1/me", "")
	}
	for _, row := range []struct{ body, field string }{
		{`{"ttl":"10s"}`, "ttl"},
		{`{"ttl":"25h"}`, "ttl"},
		{`{"scope":"admin"}`, "scope"},
		{`{"scope":"publish"}`, "scope"},
		{`{"scope":"personal"}`, "user"},
		{`{"scope":"tenant:read","user":["u1"]}`, "user"},
		{`{"name":"` + strings.Repeat("x", 300) + `"}`, "name"},
		{`{"scope":"personal","user":["` + strings.Repeat(strings.Repeat("x", 250)+`","`, 15) + `y"]}`, "user"},
	} {
		if got, _ := r.as(writer, 400, path, row.body); got["field"] != row.field {
			t.Errorf("%.60s: %v", row.body, got)
		}
	}
	r.do(200, "GET", "/v1/tenants/acme/live", "")
}

// A link ends with its time, with the token that made it, and with the keys.
func TestLinksEnd(t *testing.T) {
	r := newRig(t)
	r.tenants()
	made, h := r.do(201, "POST", "/v1/tokens", `{"scope":"tenant:write","tenant":"acme"}`)
	link, _ := r.as(made["token"].(string), 201, "POST /v1/tenants/acme/links", "{}")
	r.as(link["token"].(string), 200, "GET /v1/tenants/acme", "")
	r.do(200, "POST", "/v1/tokens/"+made["id"].(string)+"/revoke", "", "If-Match", h.Get("ETag"))
	r.as(link["token"].(string), 401, "GET /v1/tenants/acme", "")
}

// Links of another time, other keys or another tenant's maker open nothing.
func TestLinkIsProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, _ := seal.Parse(seal.NewKey())
		others, _ := seal.Parse(seal.NewKey())
		makers := map[schemas.TokenID]schemas.Token{
			"tok_acme": {ID: "tok_acme", Scope: schemas.TokenWrite, Tenant: "acme"},
			"tok_read": {ID: "tok_read", Scope: schemas.TokenRead, Tenant: "acme"},
		}
		lookup := func(id schemas.TokenID) (schemas.Token, bool) { made, ok := makers[id]; return made, ok }
		links := &access.Links{Keys: keys, Lookup: lookup}
		gate := access.New(access.Options{Links: links, Lookup: func(string) (schemas.Token, bool) { return schemas.Token{}, false }})
		link := access.Link{By: "tok_acme", Token: schemas.Token{ID: "tok_link", Scope: schemas.TokenWrite, Tenant: "acme", Expires: time.Now().Add(time.Hour)}}
		enters := func(with *access.Links, change func(*access.Link)) bool {
			l := link
			change(&l)
			presented, err := with.Present(l)
			if err != nil {
				t.Fatal(err)
			}
			q := httptest.NewRequest("GET", "/", nil)
			q.Header.Set("Authorization", "Bearer "+presented)
			who, err := gate.Authenticate(q)
			if err == nil && (!who.Link || who.Tenant != l.Tenant || who.Scope != l.Scope) {
				t.Errorf("it came as %+v", who)
			}
			return err == nil
		}
		if !enters(links, func(*access.Link) {}) {
			t.Fatal("a link does not open")
		}
		for name, change := range map[string]func(*access.Link){
			"another tenant":        func(l *access.Link) { l.Tenant = "other" },
			"no such maker":         func(l *access.Link) { l.By = "tok_gone" },
			"one that cannot write": func(l *access.Link) { l.By = "tok_read" },
			"past":                  func(l *access.Link) { l.Expires = time.Now() },
		} {
			if enters(links, change) {
				t.Errorf("%s: it opens", name)
			}
		}
		if enters(&access.Links{Keys: others, Lookup: lookup}, func(*access.Link) {}) {
			t.Error("a link of other keys opens")
		}
		<-time.After(time.Hour)
		if enters(links, func(*access.Link) {}) {
			t.Error("it opens after its time")
		}
	})
}
