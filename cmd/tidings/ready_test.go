package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/api"
)

// TestReady asks a process that is well, one that does without something, and one
// that waits.
func TestReady(t *testing.T) {
	late := api.Check{Name: "registry", Problem: "not read yet"}
	without := api.Check{Name: "log", Problem: "no database", Optional: true}
	for name, tt := range map[string]struct {
		checks    []api.Check
		out, fail string
	}{
		"ready":   {[]api.Check{{Name: "nats"}}, "ready\n", ""},
		"without": {[]api.Check{without}, "(the process does without)\nready\n", ""},
		"waits":   {[]api.Check{{Name: "nats"}, late, without}, "", "not ready: registry: not read yet, since 20"},
	} {
		s := httptest.NewServer(api.NewHealth(func() []api.Check { return tt.checks }))
		var out bytes.Buffer
		err := ready(t.Context(), &out, strings.Replace(s.Listener.Addr().String(), "127.0.0.1", "0.0.0.0", 1))
		s.Close()
		if !strings.HasSuffix(out.String(), tt.out) || (err == nil) != (tt.fail == "") || (err != nil && !strings.Contains(err.Error(), tt.fail)) {
			t.Errorf("%s: %q, %v", name, out.String(), err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for address, want := range map[string]string{"127.0.0.1:1": "nobody answers", "8080": "want host:port"} {
		if err := ready(ctx, new(bytes.Buffer), address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
