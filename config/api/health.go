package api

import (
	"encoding/json"
	"net/http"
)

// Check is one thing that must be well for the process to be ready.
type Check struct {
	Name string `json:"name"`
	// Problem says what is not ready; empty if all is well.
	Problem string `json:"problem,omitempty"`
}

// Health answers GET /healthz (the process lives: always 200) and GET /readyz
// (200 if no check has a problem, else 503; the body names each).
func Health(ready func() []Check) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		status, word, checks := http.StatusOK, "ready", ready()
		for _, c := range checks {
			if c.Problem != "" {
				status, word = http.StatusServiceUnavailable, "not ready"
			}
		}
		answer(w, status, struct {
			Status string  `json:"status"`
			Checks []Check `json:"checks"`
		}{word, checks})
	})
	return mux
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}
