package deliverylog

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

func everyEndpoint(schemas.EndpointID) bool { return true }

// Of thousands of endpoints, those that fail most of what they get come first.
func TestFailing(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		var records []said
		for n := 1; n <= 3000; n++ {
			e := event(n, schemas.EventSummary{ID: fmt.Sprint("e", n), Source: "/s", Type: "a.b"})
			records = append(records, attempt(e, schemas.EndpointID(fmt.Sprintf("ep_%04d", n)), 1, schemas.Delivered, schemas.ReasonOK))
		}
		e := event(5000, schemas.EventSummary{ID: "e", Source: "/s", Type: "a.b"})
		other := event(5001, schemas.EventSummary{ID: "f", Source: "/s", Type: "a.b"})
		other.tenant = "globex"
		dead := attempt(e, "ep_dead", 1, schemas.Dead, schemas.ReasonEndpointDisabled)
		dead.Attempt.Attempt.At = began.Add(90 * time.Second)
		records = append(records, dead,
			attempt(e, "ep_half", 1, schemas.Retry, schemas.ReasonTimeout), attempt(e, "ep_half", 2, schemas.Delivered, schemas.ReasonOK),
			attempt(e, "ep_all", 1, schemas.Retry, schemas.ReasonTimeout), attempt(e, "ep_all", 2, schemas.Retry, schemas.ReasonTimeout),
			attempt(e, "ep_third", 1, schemas.Delivered, schemas.ReasonOK), attempt(e, "ep_third", 2, schemas.Retry, schemas.ReasonTimeout), attempt(e, "ep_third", 3, schemas.Delivered, schemas.ReasonOK),
			attempt(other, "ep_z", 1, schemas.Retry, schemas.ReasonTimeout))
		put(t, s, records...)
		names := func(span Span, limit int, known func(schemas.EndpointID) bool) (ids []schemas.EndpointID) {
			t.Helper()
			found, err := s.Failing(t.Context(), "acme", span, limit, known)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				ids = append(ids, f.Endpoint)
			}
			return ids
		}
		whole := Span{began, began.Add(time.Hour)}
		for _, row := range []struct {
			span  Span
			limit int
			known func(schemas.EndpointID) bool
			want  []schemas.EndpointID
		}{
			{whole, 10, everyEndpoint, []schemas.EndpointID{"ep_all", "ep_dead", "ep_half", "ep_third"}},
			{whole, 2, everyEndpoint, []schemas.EndpointID{"ep_all", "ep_dead"}},
			{whole, 2, func(id schemas.EndpointID) bool { return id != "ep_all" }, []schemas.EndpointID{"ep_dead", "ep_half"}},
			{Span{began.Add(2 * time.Minute), began.Add(3 * time.Minute)}, 10, everyEndpoint, []schemas.EndpointID{"ep_all", "ep_third"}},
			{Span{began.Add(time.Hour), began.Add(2 * time.Hour)}, 10, everyEndpoint, nil},
		} {
			if got := names(row.span, row.limit, row.known); !slices.Equal(got, row.want) {
				t.Errorf("%+v: got %s, want %s", row.span, got, row.want)
			}
		}
		found, err := s.Failing(t.Context(), "acme", whole, 3, everyEndpoint)
		if want := (EndpointCount{Endpoint: "ep_half", Attempts: 2, Delivered: 1, Retried: 1}); err != nil || found[2] != want {
			t.Errorf("got %+v, %v", found, err)
		}
		if _, err := s.Failing(t.Context(), "acme", Span{whole.To, whole.From}, 1, everyEndpoint); !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("a span that ends before it begins: %v", err)
		}
	})
}

// What time requests took is not mixed with how long somebody held what they had pulled.
func TestHandOutsAreNoRequests(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		e := event(1, schemas.EventSummary{ID: "e", Source: "/s", Type: "a.b"}, "ep_a", "ep_pull")
		pulled := attempt(e, "ep_pull", 1, schemas.Delivered, schemas.ReasonOK)
		pulled.Attempt.Exchange, pulled.Attempt.Attempt.Duration = nil, schemas.Duration(25*time.Second)
		put(t, s, e, attempt(e, "ep_a", 1, schemas.Delivered, schemas.ReasonOK), pulled)
		for endpoint, want := range map[schemas.EndpointID]Count{
			"":        {Attempts: 2, Requests: 1, Took: 1500000},
			"ep_a":    {Attempts: 1, Requests: 1, Took: 1500000},
			"ep_pull": {Attempts: 1},
		} {
			points, err := s.Counts(t.Context(), "acme", CountFilter{Endpoint: endpoint, Span: Span{began, began.Add(10 * time.Minute)}, Step: 10 * time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if got := points[0]; got.Attempts != want.Attempts || got.Requests != want.Requests || got.Took != want.Took || got.Delivered != want.Attempts {
				t.Errorf("of %q: %+v, want %+v", endpoint, got, want)
			}
		}
	})
}

// A database of the version before keeps its counts: all attempts were taken for requests.
func TestMigrationToRequests(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		for _, text := range []string{
			"DROP INDEX counts_failed", "ALTER TABLE counts DROP COLUMN requests", "DELETE FROM version WHERE version = 2",
			"INSERT INTO counts (tenant, endpoint, minute, accepted, matched, attempts, delivered, retried, dead, took) VALUES ('acme', '', 29000000, 0, 0, 7, 7, 0, 0, 70)",
		} {
			if _, err := s.write.Exec(text); err != nil {
				t.Fatal(err)
			}
		}
		var requests sql.NullInt64
		if err := open(t, url).read.QueryRow("SELECT requests FROM counts WHERE minute = 29000000").Scan(&requests); err != nil || requests.Int64 != 7 {
			t.Errorf("%v requests, %v", requests, err)
		}
	})
}

func TestFailingHasAnIndex(t *testing.T) {
	s := open(t, newSQLite(t))
	rows, err := s.read.Query("EXPLAIN QUERY PLAN "+failingSearch, "acme", 1, 2, "acme", 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	plan := ""
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan += step + "\n"
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []string{"SEARCH counts USING PRIMARY KEY (tenant=? AND endpoint=? AND minute>? AND minute<?)", "counts_failed (tenant=? AND minute>? AND minute<?)"} {
		if !strings.Contains(plan, step) {
			t.Errorf("there is no %q in\n%s", step, plan)
		}
	}
}
