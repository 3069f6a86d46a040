package deliverylog

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// onEach runs a test on each database: url is a new one.
func onEach(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, newSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, newPostgres(t)) })
}

func open(tb testing.TB, url string) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// said is a record of a tenant's log.
type said struct {
	tenant schemas.TenantID
	schemas.Record
}

// put applies records in one batch.
func put(tb testing.TB, s *Store, records ...said) {
	tb.Helper()
	at, err := readPosition(tb.Context(), s.write, "")
	if err != nil {
		tb.Fatal(err)
	}
	b := newBatch()
	for i, r := range records {
		b.add(at.sequence+uint64(i)+1, schemas.LogSubject(r.tenant), schemas.AppendRecord(nil, r.Record))
	}
	if b.unread > 0 {
		tb.Fatalf("%d records are unread", b.unread)
	}
	if len(records) > 0 {
		if _, err := s.apply(tb.Context(), at, b); err != nil {
			tb.Fatal(err)
		}
	}
}

// dump is all that is in the tables, but for the position.
func dump(tb testing.TB, s *Store) (lines []string) {
	tb.Helper()
	for _, t := range []table{eventsTable, deliveriesTable, attemptsTable, countsTable} {
		columns := strings.Join(t.columns, ", ")
		rows, err := s.read.Query("SELECT " + columns + " FROM " + t.name + " ORDER BY " + columns)
		if err != nil {
			tb.Fatal(err)
		}
		values, into := make([]string, len(t.columns)), make([]any, len(t.columns))
		for i := range values {
			into[i] = &values[i]
		}
		defer rows.Close() //nolint:errcheck // Err tells
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				tb.Fatal(err)
			}
			lines = append(lines, t.name+" "+strings.Join(values, " | "))
		}
		if err := rows.Err(); err != nil {
			tb.Fatal(err)
		}
	}
	return lines
}

func wantSame(tb testing.TB, what string, got, want []string) {
	tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var began = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// an event, with the endpoints it goes to; n is its sequence and its millisecond.
func event(n int, summary schemas.EventSummary, endpoints ...schemas.EndpointID) said {
	return said{"acme", schemas.Record{Event: &schemas.EventRecord{
		Sequence: uint64(n), Accepted: began.Add(time.Duration(n) * time.Millisecond), EventSummary: summary, Endpoints: endpoints,
	}}}
}

// attempt is the number-th of an event's delivery; each a minute after the one before.
func attempt(of said, endpoint schemas.EndpointID, number int, kind schemas.Kind, reason schemas.Reason) said {
	e := of.Event
	at := e.Accepted.Add(time.Duration(number)*time.Minute + 123456*time.Nanosecond)
	summary := e.EventSummary
	summary.Size, summary.Time = 0, time.Time{}
	a := &schemas.AttemptRecord{
		Delivery: schemas.NewDeliveryID(e.Accepted, e.Sequence, endpoint), Endpoint: endpoint, Event: summary,
		Attempt: schemas.Attempt{Number: number, At: at, Duration: 1500000, Status: 503, Reason: reason, Detail: "said so"},
		Kind:    kind, Reason: reason, Dispatcher: "host-1",
		Exchange: &schemas.Exchange{URL: "https://a.test/in", Sent: 12, Body: "busy <now>", Answer: schemas.Header{"Retry-After": {"60"}}},
	}
	switch kind {
	case schemas.Delivered:
		a.Attempt.Status = 204
	case schemas.Retry:
		a.Next = at.Add(time.Minute)
	case schemas.Dead:
		a.Attempt.Number, a.Attempt.Status, a.Attempt.Reason, a.Exchange = 0, 0, "", nil
		a.Attempt.At = at.Add(time.Hour)
	}
	return said{of.tenant, schemas.Record{Attempt: a}}
}

// again is a replay of what an attempt was of.
func again(of said, asked time.Time) said {
	a := of.Attempt
	return said{of.tenant, schemas.Record{Replay: &schemas.ReplayRecord{Delivery: a.Delivery, Endpoint: a.Endpoint, Asked: asked}}}
}

// retryOf is an event's first attempt.
func retryOf(e said) said { return attempt(e, "ep_a", 1, schemas.Retry, schemas.ReasonTimeout) }

// traffic are the records of so many events, as the pipe might tell them: some events go
// nowhere, some die, some name their endpoints in parts, or late; some records are missing.
func traffic(r *rand.Rand, events int) (records []said) {
	endpoints := []schemas.EndpointID{"ep_a", "ep_b", "ep_c", "ep_d", "ep_e"}
	for n := 1; n <= events; n++ {
		at := began.Add(time.Duration(r.IntN(1e7)) * time.Millisecond)
		e := event(n, schemas.EventSummary{ID: fmt.Sprint("e", n), Source: "/s", Type: fmt.Sprint("t.", r.IntN(4)), Subject: fmt.Sprint("u", r.IntN(9)), Time: at, Size: n})
		e.tenant = []schemas.TenantID{"acme", "globex"}[r.IntN(2)]
		if r.IntN(10) == 0 {
			e.Event.Dead, e.Event.Detail = schemas.ReasonSchemaInvalid, "no name"
			records = append(records, e)
			continue
		}
		to := endpoints[:r.IntN(len(endpoints)+1)]
		for first := true; first || len(to) > 0; first = false {
			part := *e.Event
			part.Endpoints = to[:min(len(to), 1+r.IntN(4))]
			part.Late = r.IntN(5) == 0
			to = to[len(part.Endpoints):]
			if r.IntN(20) > 0 {
				records = append(records, said{e.tenant, schemas.Record{Event: &part}})
			}
			for _, endpoint := range part.Endpoints {
				for number := 1; number <= r.IntN(5); number++ {
					records = append(records, attempt(e, endpoint, number, schemas.Retry, schemas.ReasonServerError))
				}
				if number := 5; r.IntN(3) > 0 {
					records = append(records, attempt(e, endpoint, number, schemas.Delivered, schemas.ReasonOK))
				} else if r.IntN(2) > 0 {
					dead := attempt(e, endpoint, number, schemas.Dead, schemas.ReasonGone)
					records = append(records, dead)
					if asked := at.Add(time.Duration(r.IntN(3)) * time.Hour); r.IntN(2) > 0 {
						second := attempt(e, endpoint, 6, schemas.Delivered, schemas.ReasonOK)
						second.Attempt.Replay = asked
						records = append(records, again(dead, asked), second)
					}
				}
			}
		}
	}
	return records
}
