package main

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

	"github.com/tidings-dev/tidings/dispatcher/signing"
)

// sinkCommand is the receiver that benchmarks and crash tests measure with. It
// is a process of its own, so that it neither shares the pipe's memory nor dies
// with it.
func sinkCommand() *cobra.Command {
	var addr string
	c := &cobra.Command{
		Use:    "sink",
		Short:  "Receive deliveries and count them (for benchmarks and tests)",
		Hidden: true,
		Args:   cobra.NoArgs,
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
	s := &sink{seen: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", s.stats)
	mux.HandleFunc("POST /reset", s.reset)
	mux.HandleFunc("POST /", s.receive)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
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

// sink counts deliveries by their webhook-id.
type sink struct {
	mu        sync.Mutex // guards what follows
	seen      map[string]int
	received  int
	latencies []time.Duration // from the event's time to its first receipt
}

// sinkStats is what a sink has counted since it was reset.
type sinkStats struct {
	Received int           `json:"received"` // requests
	Unique   int           `json:"unique"`   // different webhook-ids
	P50      time.Duration `json:"p50"`      // of the latencies, ns
	P99      time.Duration `json:"p99"`
	// IDs are the webhook-ids and how often each came; only if asked for.
	IDs map[string]int `json:"ids,omitempty"`
}

func (s *sink) receive(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	at, timed := eventTime(body)
	id := r.Header.Get(signing.HeaderID)
	s.mu.Lock()
	s.received++
	s.seen[id]++
	if timed && s.seen[id] == 1 {
		s.latencies = append(s.latencies, now.Sub(at))
	}
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
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

func (s *sink) stats(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := sinkStats{Received: s.received, Unique: len(s.seen)}
	if sorted := slices.Sorted(slices.Values(s.latencies)); len(sorted) > 0 {
		stats.P50, stats.P99 = sorted[len(sorted)/2], sorted[len(sorted)*99/100]
	}
	if r.URL.Query().Has("ids") {
		stats.IDs = s.seen
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(stats)
}

func (s *sink) reset(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.received, s.latencies = map[string]int{}, 0, nil
	w.WriteHeader(http.StatusNoContent)
}
