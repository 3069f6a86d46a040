package api_test

import (
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

func (r *rig) tokensLife(t *testing.T) {
	made, h := r.do(201, "POST", "/v1/tokens", `{"name":"CI","scope":"tenant:read","tenant":"acme","expires":"2100-01-01T00:00:00Z"}`)
	token := made["token"].(string)
	path := "/v1/tokens/" + made["id"].(string)
	r.as(token, 200, "GET /v1/tenants/acme", "")
	shown, _ := r.do(200, "GET", path, "")
	if shown["token"] != nil || shown["hash"] != nil {
		t.Errorf("shown again: %v", shown)
	}
	must(t, r.registry.SetUsed(t.Context(), schemas.TokenID(made["id"].(string)), schemasTime))
	if shown, _ = r.do(200, "GET", path, ""); shown["last_used"] != "2026-01-02T03:04:05Z" {
		t.Errorf("last used: %v", shown)
	}
	r.do(304, "GET", path, "", "If-None-Match", h.Get("ETag"))
	r.do(200, "GET", "/v1/tokens?tenant=acme", "")
	r.do(200, "POST", path+"/revoke", "", "If-Match", h.Get("ETag"))
	r.as(token, 401, "GET /v1/tenants/acme", "")
	r.do(412, "DELETE", path, "", "If-Match", h.Get("ETag"))
	r.do(204, "DELETE", path, "")
	r.do(404, "GET", path, "")
}
