package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// audited looks through what the life of everything has left.
func (r *rig) audited(t *testing.T) {
	t.Helper()
	page, _ := r.do(200, "GET", "/v1/audit?limit=3", "")
	if items := page["items"].([]any); len(items) != 3 || page["next"] == nil {
		t.Errorf("got %d entries, next %v", len(items), page["next"])
	}
	r.do(200, "GET", "/v1/tenants/acme/audit?limit=2&cursor="+page["next"].(string), "")
}

// Each change leaves who made it, of what, and no values.
func TestWhoChangedWhat(t *testing.T) {
	r := newRig(t)
	endpoint, _ := r.tenants()
	writer := r.token(schemas.Token{Name: "CI", Scope: schemas.TokenWrite, Tenant: "acme"})
	path := "/v1/tenants/acme/endpoints/" + endpoint
	r.as(writer, 200, "PATCH "+path, `{"headers":{"X-Key":"hidden-value"},"name":"New name"}`)
	r.as(writer, 200, "GET "+path, "")
	r.as(writer, 200, "GET "+path+"/secrets", "")
	r.as(writer, 400, "PATCH "+path, `{"nope":1}`)
	r.as(writer, 201, "POST /v1/tenants/acme/endpoints", `{"url":"https://example.com/2"}`, "Idempotency-Key", "k1")
	r.as(writer, 201, "POST /v1/tenants/acme/endpoints", `{"url":"https://example.com/2"}`, "Idempotency-Key", "k1")
	r.as(writer, 202, "POST /v1/tenants/acme/events", event, structured...)
	page, _ := r.as(writer, 200, "GET /v1/tenants/acme/audit", "")
	var got []string
	for _, item := range page["items"].([]any) {
		e := item.(map[string]any)
		if e["name"] != "CI" {
			break // what the rig itself has made
		}
		fields, _ := json.Marshal(e["fields"])
		got = append(got, e["method"].(string)+" "+strings.Replace(e["object"].(string), path, "…", 1)+" "+string(fields))
	}
	made := strings.Fields(got[0])[1]
	want := []string{"POST " + made + ` ["url"]`, "GET …/secrets null", `PATCH … ["headers","name"]`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || made == "/v1/tenants/acme/endpoints" {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	text, _ := json.Marshal(page)
	for _, secret := range []string{"hidden-value", "New name", "example.com"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the list has %q", secret)
		}
	}
	if other, _ := r.do(200, "GET", "/v1/tenants/other/audit", ""); strings.Contains(toJSON(other), "acme") {
		t.Errorf("another tenant's list has %v", other)
	}
}

func toJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
