package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/dispatcher/signing"
)

// SinkCommand is `tidings sink`, the receiver that benchmarks and crash tests measure with. It
// is a process of its own, so that it neither shares the pipe's memory nor dies
// with it.
func SinkCommand() *cobra.Command {
	var addr string
	c := &cobra.Command{
		Use:    "sink",
		Short:  "Receive deliveries and count them (for benchmarks and tests)",
		Hidden: true,
		Args:   usage.NoArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			return runSink(c.Context(), addr, c.OutOrStdout())
		},
	}
	c.Flags().StringVar(&addr, "addr", "127.0.0.1:0", "address to listen on; port 0 picks a free one")
	return c
}

// runSink prints its URL on the first line and serves until ctx ends or its
// standard input does, so that it never outlives who started it.
func runSink(ctx context.Context, addr string, out io.Writer) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	s := &sink{paths: map[string]*tally{}}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Fprintf(out, "http://%s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// hangPath is where a request is counted and never answered: it ends when its
// sender gives up.
const hangPath = "/hang"

// afterPath is where a request is counted, and answered after the time that follows.
const afterPath = "/after/"

// sink counts deliveries, those to each path apart.
type sink struct {
	mu    sync.Mutex // guards what follows
	paths map[string]*tally
}

// tally counts the deliveries to one path by their webhook-id.
type tally struct {
	down      bool // what comes is refused, and not seen
	seen      map[string]int
	received  int
	latencies []time.Duration // from the event's time to its first receipt
}

// sinkStats is what a path of a sink has counted since the sink was reset.
type sinkStats struct {
	Received int           `json:"received"` // requests
	Unique   int           `json:"unique"`   // different webhook-ids
	P50      time.Duration `json:"p50"`      // of the latencies, ns
	P99      time.Duration `json:"p99"`
	// IDs are the webhook-ids and how often each came; only if asked for.
	IDs map[string]int `json:"ids,omitempty"`
}

func (s *sink) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /count", s.count)
	mux.HandleFunc("GET /stats", s.stats)
	mux.HandleFunc("POST /reset", s.reset)
	mux.HandleFunc("POST /down", s.down)
	mux.HandleFunc("POST /up", s.up)
	mux.HandleFunc("POST "+afterPath+"{time}", func(w http.ResponseWriter, r *http.Request) {
		status := s.take(r)
		d, err := time.ParseDuration(r.PathValue("time"))
		if status == 0 || err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		select {
		case <-time.After(d):
			w.WriteHeader(status)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST "+hangPath, func(_ http.ResponseWriter, r *http.Request) {
		if s.take(r) != 0 { // the server notices that the sender is gone once the body is read
			<-r.Context().Done()
		}
	})
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		if status := s.take(r); status != 0 {
			w.WriteHeader(status)
		}
	})
	return mux
}

// take reads and counts a delivery. It returns the answer's status, or 0 if the
// sender is gone.
func (s *sink) take(r *http.Request) (status int) {
	now := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0
	}
	at, timed := eventTime(body)
	id := r.Header.Get(signing.HeaderID)
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tally(r.URL.Path)
	t.received++
	if t.down {
		return http.StatusServiceUnavailable
	}
	t.seen[id]++
	if timed && t.seen[id] == 1 {
		t.latencies = append(t.latencies, now.Sub(at))
	}
	return http.StatusNoContent
}

// tally finds or makes that of a path. The caller holds mu.
func (s *sink) tally(path string) *tally {
	t := s.paths[path]
	if t == nil {
		t = &tally{seen: map[string]int{}}
		s.paths[path] = t
	}
	return t
}

// eventTime reads the timestamp of a Standard Webhooks body without parsing
// the rest.
func eventTime(body []byte) (time.Time, bool) {
	_, rest, ok := bytes.Cut(body, []byte(`"timestamp":"`))
	text, _, closed := bytes.Cut(rest, []byte(`"`))
	if !ok || !closed {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	return t, err == nil
}

// count answers with the number of different webhook-ids. It costs little, so
// that who waits for deliveries may ask often.
func (s *sink) count(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	n := len(s.tally(r.URL.Query().Get("path")).seen)
	s.mu.Unlock()
	fmt.Fprint(w, n)
}

func (s *sink) stats(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tally(r.URL.Query().Get("path"))
	stats := sinkStats{Received: t.received, Unique: len(t.seen)}
	if sorted := slices.Sorted(slices.Values(t.latencies)); len(sorted) > 0 {
		stats.P50, stats.P99 = sorted[len(sorted)/2], sorted[len(sorted)*99/100]
	}
	if r.URL.Query().Has("ids") {
		stats.IDs = t.seen
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(stats)
}

// up has what comes to a path taken again.
func (s *sink) up(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally(r.URL.Query().Get("path")).down = false
	w.WriteHeader(http.StatusNoContent)
}

// down has what comes to a path refused, until the next reset, or up.
func (s *sink) down(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally(r.URL.Query().Get("path")).down = true
	w.WriteHeader(http.StatusNoContent)
}

func (s *sink) reset(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = map[string]*tally{}
	w.WriteHeader(http.StatusNoContent)
}
