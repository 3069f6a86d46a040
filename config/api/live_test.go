package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/schemas"
)

// newWatched is a rig that watches what a test sends.
func newWatched(t *testing.T) (r *rig, records chan []schemas.Record, stopping chan struct{}) {
	t.Helper()
	records, stopping = make(chan []schemas.Record), make(chan struct{})
	r = newRig(t, func(o *api.Options, _ *access.Options) {
		o.Stopping = stopping
		o.Watch = func(ctx context.Context, tenant schemas.TenantID, see func([]schemas.Record)) error {
			if tenant != "acme" {
				t.Errorf("watches %s", tenant)
			}
			for {
				select {
				case these := <-records:
					see(these)
				case <-ctx.Done():
					return nil
				}
			}
		}
	})
	return r, records, stopping
}

// A watcher sees attempts as they end, counts them, and is sent away when the server
// stops.
func TestWatchLive(t *testing.T) {
	r, records, stopping := newWatched(t)
	r.tenants()
	server := httptest.NewServer(r.api)
	defer server.Close()
	q, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/tenants/acme/live", nil)
	q.Header.Set("Authorization", "Bearer "+r.admin)
	answer, err := server.Client().Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // read only
	head := httptest.NewRecorder()
	head.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	head.WriteHeader(answer.StatusCode)
	described(t, request{method: "GET", path: q.URL.Path}, head)
	stream := &pictures{t, bufio.NewScanner(answer.Body)}
	if first := stream.next("overview"); first["accepted"] != 0.0 {
		t.Errorf("it begins with %v", first)
	}
	these := []schemas.Record{{Event: &schemas.EventRecord{Accepted: time.Now(), Endpoints: []schemas.EndpointID{"ep_a", "ep_b"}}}, attempted(schemas.Retry), attempted(schemas.Dead)}
	for range 30 {
		these = append(these, attempted(schemas.Delivered))
	}
	older := attempted(schemas.Delivered) // of an earlier tenant of that id
	older.Attempt.Delivery = schemas.NewDeliveryID(time.Now().Add(-time.Hour), 1, "ep_a")
	older.Attempt.Event.Source = "/older"
	these = append([]schemas.Record{older, {Event: &schemas.EventRecord{Accepted: time.Now().Add(-time.Hour), Endpoints: []schemas.EndpointID{"ep_a"}}}}, these...)
	records <- these
	if got := toJSON(stream.next("attempt")); !strings.Contains(got, `"duration_ms":1.5,`) || !strings.Contains(got, `"source":"/s\nx"`) || !strings.Contains(got, `"status":204`) {
		t.Errorf("got %s", got)
	}
	got := stream.next("overview")
	for name, want := range map[string]float64{"accepted": 1, "matched": 2, "delivered": 30, "retried": 1, "dead": 1} {
		if got[name] != want {
			t.Errorf("%s: got %v, want %v", name, got[name], want)
		}
	}
	close(stopping)
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Error(err)
	}
}

func attempted(kind schemas.Kind) schemas.Record {
	return schemas.Record{Attempt: &schemas.AttemptRecord{
		Delivery: schemas.NewDeliveryID(time.Now(), 1, "ep_a"), Endpoint: "ep_a", Event: schemas.EventSummary{ID: "e1", Type: "t", Source: "/s\nx"},
		Attempt: schemas.Attempt{Number: 2, At: time.Now(), Status: 204, Duration: schemas.Duration(1500 * time.Microsecond)}, Kind: kind, Reason: schemas.ReasonOK,
	}}
}

// pictures are what a watcher is sent.
type pictures struct {
	t     *testing.T
	lines *bufio.Scanner
}

// next is the data of the next event of a name, held to its description.
func (p *pictures) next(name string) (data map[string]any) {
	p.t.Helper()
	for p.lines.Scan() {
		if p.lines.Text() != "event: "+name {
			continue
		}
		p.lines.Scan()
		text := []byte(strings.TrimPrefix(p.lines.Text(), "data: "))
		must(p.t, json.Unmarshal(text, &data))
		schema := map[string]string{"overview": "LiveOverview", "attempt": "LiveAttempt"}[name]
		must(p.t, spec().holds("/components/schemas/"+schema, text))
		return data
	}
	p.t.Fatalf("the stream has ended: %v", p.lines.Err())
	return nil
}
