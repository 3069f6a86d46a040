package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tidings-dev/tidings/config/api"
)

func TestHealth(t *testing.T) {
	for name, row := range map[string]struct {
		method, path string
		checks       []api.Check
		status       int
		body         string
	}{
		"alive":          {http.MethodGet, "/healthz", []api.Check{{Name: "nats", Problem: "gone"}}, 200, `{"status":"alive"}`},
		"ready":          {http.MethodGet, "/readyz", []api.Check{{Name: "nats"}}, 200, `{"status":"ready","checks":[{"name":"nats"}]}`},
		"not ready":      {http.MethodGet, "/readyz", []api.Check{{Name: "nats", Problem: "gone"}, {Name: "b"}}, 503, `{"status":"not ready","checks":[{"name":"nats","problem":"gone"},{"name":"b"}]}`},
		"another method": {http.MethodPost, "/readyz", nil, 405, "Method Not Allowed"},
		"something else": {http.MethodGet, "/", nil, 404, "404 page not found"},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			api.Health(func() []api.Check { return row.checks }).ServeHTTP(w, httptest.NewRequest(row.method, row.path, nil))
			if w.Code != row.status || w.Body.String() != row.body+"\n" {
				t.Errorf("got %d %q\nwant %d %q", w.Code, w.Body, row.status, row.body)
			}
		})
	}
}
