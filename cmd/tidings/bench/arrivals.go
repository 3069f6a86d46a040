package bench

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
)

// arrivals is a receiver that answers slowly, and knows when what came.
type arrivals struct {
	url    string // of an endpoint, but for its name
	server *http.Server

	mu    sync.Mutex // guards what follows
	came  map[string][]time.Time
	ids   map[string]bool
	twice int
}

func startArrivals(ctx context.Context) (*arrivals, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &arrivals{url: "http://" + l.Addr().String() + "/", came: map[string][]time.Time{}, ids: map[string]bool{}}
	a.server = &http.Server{Handler: http.HandlerFunc(a.take), ReadHeaderTimeout: 5 * time.Second}
	go a.server.Serve(l) //nolint:errcheck // until it is closed
	return a, nil
}

func (a *arrivals) stop() { _ = a.server.Close() }

func (a *arrivals) take(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	<-time.After(fleetAnswers)
	id := r.Header.Get(signing.HeaderID)
	a.mu.Lock()
	a.came[r.URL.Path] = append(a.came[r.URL.Path], time.Now())
	if a.ids[id] {
		a.twice++
	}
	a.ids[id] = true
	a.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// count is how many different deliveries came.
func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.ids)
}

// since is when something came to each path after a time.
func (a *arrivals) since(t time.Time) map[string][]time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	after := map[string][]time.Duration{}
	for path, came := range a.came {
		for _, at := range came {
			if d := at.Sub(t); d >= 0 {
				after[path] = append(after[path], d)
			}
		}
	}
	return after
}

// await waits until n different deliveries have come, or no more come, and returns how
// many have, and how many came again.
func (a *arrivals) await(ctx context.Context, n int) (have, twice int) {
	last, since := 0, time.Now()
	for ctx.Err() == nil && last < n && time.Since(since) < sinkStalls {
		if now := a.count(); now > last {
			last, since = now, time.Now()
		}
		<-time.After(sinkPoll)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.ids), a.twice
}
