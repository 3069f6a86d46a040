package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/config/api"
)

// TestQueriesAreDescribed holds the parameters that routes take to openapi.yaml.
func TestQueriesAreDescribed(t *testing.T) {
	parameters := spec().doc["components"].(map[string]any)["parameters"].(map[string]any)
	seen := 0
	for _, r := range api.Queries() {
		path, op := spec().operation(r.Method, r.Path)
		if op == nil {
			t.Errorf("%s %s is not described", r.Method, r.Path)
			continue
		}
		var described []string
		list, _ := op["parameters"].([]any)
		for _, p := range list {
			ref, _ := p.(map[string]any)["$ref"].(string)
			if d := parameters[ref[strings.LastIndexByte(ref, '/')+1:]].(map[string]any); d["in"] == "query" {
				described = append(described, d["name"].(string))
			}
		}
		got := slices.Sorted(slices.Values(r.Query))
		slices.Sort(described)
		if !slices.Equal(got, described) {
			t.Errorf("%s %s takes %q, and %q are described", r.Method, path, got, described)
		}
		seen += len(got)
	}
	if seen < 30 {
		t.Errorf("%d parameters: the test misses some", seen)
	}
}

// TestUnknownParametersAreRefused asks for what no route has.
func TestUnknownParametersAreRefused(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct{ method, target, field, detail string }{
		{"GET", "/v1/tenants?limt=1", "limt", "limt: is no parameter of the route: use limit, cursor"},
		{"GET", "/v1/tenants?limit=1&limit=2", "limit", "limit: is there 2 times: give it once"},
		{"GET", "/v1/me?x", "x", "x: is no parameter: the route takes none"},
		{"GET", "/v1/tenants/acme/deliveries?state=dead", "state", "use id, endpoint, event, source, type, subject, status, reason, code, since, until, limit, cursor"},
		{"POST", "/v1/tenants?dry_run=true", "dry_run", "the route takes none"},
		{"GET", "/v1/tenants?a;b", "", "the query behind \"?\" cannot be read"},
		{"GET", "/v1/tenants?limit=%zz", "", "cannot be read"},
		{"GET", "/v1/tenants?" + strings.Repeat("x", 4000), strings.Repeat("x", 255), "is no parameter"},
	} {
		got, _ := r.do(400, c.method, c.target, "")
		if field, _ := got["field"].(string); field != c.field || !strings.Contains(got["detail"].(string), c.detail) {
			t.Errorf("%s %s: %v", c.method, c.target, got)
		}
	}
}
