package deliverylog

import (
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

func TestOpenAgain(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		first := open(t, url)
		put(t, first, story()...)
		want := dump(t, first)
		second := open(t, url)
		wantSame(t, "opened again", dump(t, second), want)
		if _, err := first.write.Exec("INSERT INTO version (version) VALUES (1000)"); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), url); !schemas.HasCode(err, schemas.CodeConflict) {
			t.Errorf("of a newer version: %v", err)
		}
	})
}

func TestOpenFails(t *testing.T) {
	for _, url := range []string{"postgres://user:s3cret@127.0.0.1:1/x?sslmode=disable", "postgres://user:s3cret@:x/", "postgresql://user:s3cret@h/?sslmode=no", t.TempDir(), t.TempDir() + "/none/log.db"} {
		_, err := Open(t.Context(), url)
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// Each search goes along an index that has its order, so that a page takes as long with
// millions of rows.
func TestSearchesHaveAnIndex(t *testing.T) {
	s := open(t, newSQLite(t))
	for want, f := range map[string]DeliveryFilter{
		"d PRIMARY KEY; e PRIMARY KEY": {}, "d deliveries_endpoint; e PRIMARY KEY": {Endpoint: "ep_a"},
		"d deliveries_type; e PRIMARY KEY": {Type: "t"}, "d deliveries_open; e PRIMARY KEY": {Status: Waiting},
		"d deliveries_endpoint_open; e PRIMARY KEY": {Endpoint: "ep_a", Status: Dead},
		"d deliveries_reason; e PRIMARY KEY":        {Reason: schemas.ReasonDNS}, "d deliveries_code; e PRIMARY KEY": {Code: 500},
		"d PRIMARY KEY; e  PRIMARY KEY":     {Event: EventName{Place: placeOf(eventKey{accepted: 5, sequence: 5})}},
		"d PRIMARY KEY; e   PRIMARY KEY":    {Accepted: Span{From: began, To: began.Add(1)}},
		"e events_id; d PRIMARY KEY; sorts": {Event: EventName{ID: "e"}}, "e events_subject; d PRIMARY KEY; sorts": {Subject: "u"},
	} {
		w, err := f.where("acme")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []Page{{}, {Oldest: true}} {
			w := w
			wantPlan(t, s, deliveriesSearch(w, p), w.args, want)
			w.behind(deliveryKey{eventKey{accepted: 5, sequence: 5}, "ep_a"}, p)
			wantPlan(t, s, deliveriesSearch(w, p), w.args, want)
		}
	}
	for want, f := range map[string]EventFilter{
		"events PRIMARY KEY": {}, "events events_id": {EventName: EventName{ID: "e"}}, "events events_type": {Type: "t"},
		"events events_subject": {Subject: "u"}, "events events_unmatched": {Unmatched: true}, "events events_dead": {Dead: true},
	} {
		w, err := f.where("acme")
		if err != nil {
			t.Fatal(err)
		}
		wantPlan(t, s, eventsSearch(w, Page{}), w.args, want)
	}
}

// wantPlan wants tables searched by indexes: "table index; table index".
func wantPlan(t *testing.T, s *Store, query string, args []any, want string) {
	t.Helper()
	rows, err := s.read.Query("EXPLAIN QUERY PLAN "+query, append(args, 50)...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		step, _, _ = strings.Cut(strings.NewReplacer("SEARCH ", "", "USING ", "", "COVERING ", "", "INDEX ", "").Replace(step), " (")
		if strings.Contains(step, "TEMP B-TREE") {
			step = "sorts"
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(steps, "; "); got != strings.Join(strings.Fields(want), " ") {
		t.Errorf("got %s, want %s, of\n%s", got, want, query)
	}
}
