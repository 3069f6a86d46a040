package api

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Check is one thing that must be well for the process to be ready.
type Check struct {
	Name string `json:"name"`
	// Problem says what is not ready; empty if all is well.
	Problem string `json:"problem,omitempty"`
	// Since is when it was first seen not to be ready, within a second.
	Since time.Time `json:"since,omitzero"`
	// Optional is set of what the process does without.
	Optional bool `json:"optional,omitempty"`
}

// Health answers GET /healthz (the process lives: always 200) and GET /readyz
// (200 if no check has a problem, but for those that are optional, else 503; the
// body names each).
type Health struct {
	ready func() []Check
	mux   *http.ServeMux

	mu    sync.Mutex           // guards what follows
	since map[string]time.Time // of the checks that have a problem, by name
}

// NewHealth asks ready each time. It may be called by several at once.
func NewHealth(ready func() []Check) *Health {
	h := &Health{ready: ready, mux: http.NewServeMux(), since: map[string]time.Time{}}
	h.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	h.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		status, word, checks := http.StatusOK, "ready", h.look()
		for _, c := range checks {
			if c.Problem != "" && !c.Optional {
				status, word = http.StatusServiceUnavailable, "not ready"
			}
		}
		answer(w, status, struct {
			Status string  `json:"status"`
			Checks []Check `json:"checks"`
		}{word, checks})
	})
	return h
}

// ServeHTTP serves one request.
func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Watch looks each second until ctx ends, to know since when there is a problem.
func (h *Health) Watch(ctx context.Context) error {
	for {
		h.look()
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil
		}
	}
}

// look are the checks as they are now.
func (h *Health) look() []Check {
	checks := h.ready()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, c := range checks {
		if c.Problem == "" {
			delete(h.since, c.Name)
			continue
		}
		if h.since[c.Name].IsZero() {
			h.since[c.Name] = now()
		}
		checks[i].Since = h.since[c.Name]
	}
	return checks
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}
