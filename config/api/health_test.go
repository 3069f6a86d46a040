package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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
		"not ready":      {http.MethodGet, "/readyz", []api.Check{{Name: "nats", Problem: "gone"}, {Name: "b"}}, 503, `{"status":"not ready","checks":[{"name":"nats","problem":"gone","since":"2000-01-01T00:00:00Z"},{"name":"b"}]}`},
		"without it":     {http.MethodGet, "/readyz", []api.Check{{Name: "log", Problem: "away", Optional: true}}, 200, `{"status":"ready","checks":[{"name":"log","problem":"away","since":"2000-01-01T00:00:00Z","optional":true}]}`},
		"another method": {http.MethodPost, "/readyz", nil, 405, "Method Not Allowed"},
		"something else": {http.MethodGet, "/", nil, 404, "404 page not found"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := ask(api.NewHealth(func() []api.Check { return row.checks }), row.method, row.path)
				if w.Code != row.status || w.Body.String() != row.body+"\n" {
					t.Errorf("got %d %q\nwant %d %q", w.Code, w.Body, row.status, row.body)
				}
			})
		})
	}
}

func ask(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

// It is known since when something is not ready, whoever asks and when.
func TestHealthSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var problem atomic.Value
		problem.Store("")
		h := api.NewHealth(func() []api.Check { return []api.Check{{Name: "nats", Problem: problem.Load().(string)}} })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- h.Watch(ctx) }()
		for _, step := range []struct {
			problem, want string
		}{
			{"gone", `{"status":"not ready","checks":[{"name":"nats","problem":"gone","since":"2000-01-01T00:01:00Z"}]}`},
			{"gone again", `{"status":"not ready","checks":[{"name":"nats","problem":"gone again","since":"2000-01-01T00:01:00Z"}]}`},
			{"", `{"status":"ready","checks":[{"name":"nats"}]}`},
			{"gone", `{"status":"not ready","checks":[{"name":"nats","problem":"gone","since":"2000-01-01T00:04:00Z"}]}`},
		} {
			<-time.After(time.Minute - time.Millisecond)
			synctest.Wait()
			problem.Store(step.problem)
			<-time.After(time.Millisecond)
			synctest.Wait()
			if got := ask(h, http.MethodGet, "/readyz").Body.String(); got != step.want+"\n" {
				t.Errorf("got %s want %s", got, step.want)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
