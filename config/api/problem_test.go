package api_test

import (
	"strings"
	"testing"
)

// Who makes something wrong is told what is wrong with it, not the id that it would
// have got.
func TestCreationNamesNoIDOfItsOwn(t *testing.T) {
	r := newRig(t)
	endpoint, _ := r.tenants()
	for _, tt := range []struct {
		status              int
		path, body          string
		field, detailBegins string
	}{
		{400, "/tenants/acme/endpoints", `{"url":"htp://example.com/x"}`, "url", `url scheme "htp"`},
		{400, "/tenants/acme/endpoints", `{"url":"localhost:9000/x"}`, "url", `url has no scheme: write http://localhost:9000/`},
		{400, "/tenants/acme/endpoints", `{"url":"https://example.com/","policy":{"concurrency":-1}}`, "policy.concurrency", `policy.concurrency -1`},
		{400, "/tenants/acme/endpoints", `{"url":"https://example.com/","secret":"short"}`, "", `secrets[0]: write it`},
		{201, "/tenants/acme/endpoints", `{"url":"https://example.com/","dialect":"roq"}`, "", ""},
		{409, "/tenants/acme/endpoints", `{"url":"https://example.com/","dialect":"roq"}`, "", `tenant acme has the ROQ endpoint ep_`},
		{400, "/tokens", `{"scope":"king"}`, "scope", `scope "king" is unknown`},
		{400, "/tokens", `{"scope":"tenant:read"}`, "tenant", `tenant is missing`},
		{400, "/tenants/acme/subscriptions", `{"endpoint":"` + endpoint + `","types":[]}`, "types", `types is empty`},
		{400, "/tenants/acme/subscriptions/check", `{"types":[]}`, "types", `types is empty`},
	} {
		p, _ := r.do(tt.status, "POST", "/v1"+tt.path, tt.body)
		if tt.status == 201 {
			continue
		}
		detail, _ := p["detail"].(string)
		if field, _ := p["field"].(string); field != tt.field || !strings.HasPrefix(detail, tt.detailBegins) {
			t.Errorf("%s %s: got %q about %q, want %q about %q", tt.path, tt.body, detail, field, tt.detailBegins, tt.field)
		}
	}
	p, _ := r.do(400, "PATCH", "/v1/tenants/acme/endpoints/"+endpoint, `{"url":"htp://x.test/"}`)
	if detail, _ := p["detail"].(string); !strings.HasPrefix(detail, "endpoint "+endpoint+": url scheme") {
		t.Errorf("of one that exists: %q", detail)
	}
}
