package deliverylog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

func exchangeOf(tb testing.TB, raw []byte) *schemas.Exchange {
	tb.Helper()
	e := &schemas.Exchange{}
	if err := json.Unmarshal(raw, e); err != nil {
		tb.Fatal(err)
	}
	return e
}

// story is a small log that queries are made of.
func story() []said {
	e1 := event(1, schemas.EventSummary{ID: "e1", Source: "/s", Type: "user.created", Subject: "u1"}, "ep_a", "ep_b")
	e2 := event(2, schemas.EventSummary{ID: "e2", Source: "/s", Type: "user.deleted", Subject: "u2"}, "ep_a")
	e3 := event(3, schemas.EventSummary{ID: "e3", Source: "/s", Type: "user.created", Subject: "u1"})
	e4 := event(4, schemas.EventSummary{})
	e4.Event.Dead, e4.Event.Detail = schemas.ReasonEventInvalid, "no id"
	e5 := event(5, schemas.EventSummary{ID: "e1", Source: "/other", Type: "file.moved"}, "ep_a", "ep_b", "ep_c")
	e6 := event(1, schemas.EventSummary{ID: "e1", Source: "/s", Type: "user.created", Subject: "u1"}, "ep_z")
	e6.tenant = "globex"
	return []said{
		e1, e2, e3, e4, e5, e6,
		attempt(e1, "ep_a", 1, schemas.Retry, schemas.ReasonTimeout),
		attempt(e1, "ep_a", 2, schemas.Delivered, schemas.ReasonOK),
		attempt(e1, "ep_b", 1, schemas.Retry, schemas.ReasonServerError),
		attempt(e2, "ep_a", 1, schemas.Retry, schemas.ReasonServerError),
		attempt(e2, "ep_a", 2, schemas.Dead, schemas.ReasonExhausted),
		attempt(e5, "ep_c", 1, schemas.Delivered, schemas.ReasonOK),
		attempt(e6, "ep_z", 1, schemas.Delivered, schemas.ReasonOK),
	}
}

func at(n int) time.Time { return began.Add(time.Duration(n) * time.Millisecond) }

func TestDeliveriesByFilter(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		put(t, s, story()...)
		for _, row := range []struct {
			filter DeliveryFilter
			want   string // event's sequence and endpoint
		}{
			{DeliveryFilter{}, "5c 5b 5a 2a 1b 1a"},
			{DeliveryFilter{Endpoint: "ep_a"}, "5a 2a 1a"},
			{DeliveryFilter{Type: "user.created"}, "1b 1a"},
			{DeliveryFilter{Event: EventName{ID: "e1"}}, "5c 5b 5a 1b 1a"},
			{DeliveryFilter{Event: EventName{ID: "e1", Source: "/s"}}, "1b 1a"},
			{DeliveryFilter{Event: EventName{Place: schemas.NewDeliveryID(at(2), 2, "")}}, "2a"},
			{DeliveryFilter{Subject: "u1"}, "1b 1a"},
			{DeliveryFilter{Subject: "u1", Endpoint: "ep_b", Status: Retrying}, "1b"},
			{DeliveryFilter{Status: Waiting}, "5b 5a"},
			{DeliveryFilter{Status: Retrying}, "1b"},
			{DeliveryFilter{Status: Delivered}, "5c 1a"},
			{DeliveryFilter{Status: Dead}, "2a"},
			{DeliveryFilter{Status: Dead, Endpoint: "ep_b"}, ""},
			{DeliveryFilter{Reason: schemas.ReasonServerError}, "1b"},
			{DeliveryFilter{Reason: schemas.ReasonOK}, "5c 1a"},
			{DeliveryFilter{Code: 503}, "1b"},
			{DeliveryFilter{Code: 204}, "5c 1a"},
			{DeliveryFilter{Delivery: schemas.NewDeliveryID(at(1), 1, "ep_b")}, "1b"},
			{DeliveryFilter{Delivery: schemas.NewDeliveryID(at(1), 1, "ep_b"), Endpoint: "ep_a"}, ""},
			{DeliveryFilter{Delivery: schemas.NewDeliveryID(at(1), 1, "ep_z")}, ""},
			{DeliveryFilter{Accepted: Span{From: at(2), To: at(5)}}, "2a"},
			{DeliveryFilter{Accepted: Span{From: at(2).Add(1)}}, "5c 5b 5a"},
			{DeliveryFilter{Accepted: Span{To: at(2).Add(1)}}, "2a 1b 1a"},
			{DeliveryFilter{Subject: "u1", Accepted: Span{From: at(2)}}, ""},
		} {
			for _, limit := range []int{0, 1, 2} {
				if got := pages(t, s, row.filter, limit); got != row.want {
					t.Errorf("%+v by %d: got %s, want %s", row.filter, limit, got, row.want)
				}
			}
		}
	})
}

// What a replay asked for is found whatever has become of it, each page behind the
// last delivery of the one before.
func TestDeliveriesThatWereAskedFor(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		records, asked := story(), began.Add(2*time.Hour)
		taken, waits := attempt(records[1], "ep_a", 3, schemas.Delivered, schemas.ReasonOK), again(records[11], asked)
		taken.Attempt.Replay = asked
		put(t, s, append(records, taken, waits)...)
		dead := attempt(records[0], "ep_b", 2, schemas.Dead, schemas.ReasonExhausted)
		put(t, s, dead)
		for _, row := range []struct {
			filter DeliveryFilter
			want   string
		}{
			{DeliveryFilter{Status: Dead}, "1b"},
			{DeliveryFilter{Status: Dead, OrAsked: asked}, "5c 2a 1b"},
			{DeliveryFilter{Status: Dead, Reason: schemas.ReasonTimeout, OrAsked: asked}, "5c 2a"},
			{DeliveryFilter{Status: Dead, OrAsked: asked, Type: "user.deleted"}, "2a"},
			{DeliveryFilter{Status: Dead, OrAsked: asked.Add(time.Millisecond)}, "1b"},
			{DeliveryFilter{Endpoint: "ep_a", OrAsked: asked}, "5a 2a 1a"},
		} {
			if got := pages(t, s, row.filter, 2); got != row.want {
				t.Errorf("%+v: got %s, want %s", row.filter, got, row.want)
			}
		}
		all, _, err := s.Deliveries(t.Context(), "acme", DeliveryFilter{}, Page{})
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range all {
			if found, _, err := s.Deliveries(t.Context(), "acme", DeliveryFilter{}, Page{Cursor: d.Cursor()}); err != nil || !slices.Equal(found, all[i+1:]) {
				t.Errorf("behind %s: %v, %v", d.ID, found, err)
			}
			if was := d.ID == taken.Attempt.Delivery || d.ID == waits.Replay.Delivery; d.Asked.Equal(asked) != was {
				t.Errorf("%+v was asked for at %s", d, d.Asked)
			}
		}
		events, _, err := s.Events(t.Context(), "acme", EventFilter{}, Page{})
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range events {
			if found, _, err := s.Events(t.Context(), "acme", EventFilter{}, Page{Cursor: e.Cursor()}); err != nil || !slices.Equal(found, events[i+1:]) {
				t.Errorf("behind %s: %v, %v", e.Place, found, err)
			}
		}
	})
}

// One delivery, and what is refused.
func TestDelivery(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		put(t, s, story()...)
		d, attempts, err := s.Delivery(t.Context(), "acme", schemas.NewDeliveryID(at(1), 1, "ep_a"))
		if err != nil || len(attempts) != 2 || d.Event.ID != "e1" || d.Code != 204 || d.Subject != "u1" || !d.Accepted.Equal(at(1)) {
			t.Fatalf("got %+v with %+v, %v", d, attempts, err)
		}
		first := attempts[0]
		want := story()[6].Attempt
		if first.Attempt != want.Attempt || first.Outcome != want.Kind || first.Why != want.Reason || first.Dispatcher != "host-1" || exchangeOf(t, first.Exchange).Body != "busy <now>" {
			t.Errorf("got %+v, want %+v", first, want)
		}
		if _, _, err := s.Delivery(t.Context(), "globex", d.ID); !schemas.HasCode(err, schemas.CodeNotFound) {
			t.Errorf("another tenant's: %v", err)
		}
		for _, err := range []error{
			second(s.Deliveries(t.Context(), "acme", DeliveryFilter{Delivery: "dlv_x"}, Page{})),
			second(s.Deliveries(t.Context(), "acme", DeliveryFilter{}, Page{Cursor: "x"})),
			second(s.Deliveries(t.Context(), "acme", DeliveryFilter{Event: EventName{Place: "x"}}, Page{})),
		} {
			if !schemas.HasCode(err, schemas.CodeInvalid) {
				t.Errorf("got %v", err)
			}
		}
	})
}

func second[T any](_ []T, _ string, err error) error { return err }

// pages reads all pages, while newer events come in between.
func pages(t *testing.T, s *Store, f DeliveryFilter, limit int) string {
	t.Helper()
	var all []string
	for page := (Page{Limit: limit}); ; {
		found, next, err := s.Deliveries(t.Context(), "acme", f, page)
		if err != nil || limit > 0 && len(found) > limit {
			t.Fatalf("%d found, %v", len(found), err)
		}
		for _, d := range found {
			_, n, _ := d.ID.Accepted()
			all = append(all, fmt.Sprint(n, strings.TrimPrefix(string(d.Endpoint), "ep_")))
		}
		if next == "" {
			return strings.Join(all, " ")
		}
		page.Cursor = next
	}
}

func TestCursorsSurviveInserts(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		put(t, s, story()...)
		var seen []uint64
		for page, n := (Page{Limit: 2}), 100; ; n++ {
			found, next, err := s.Events(t.Context(), "acme", EventFilter{}, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range found {
				seen = append(seen, e.Sequence)
			}
			if page.Cursor = next; next == "" {
				break
			}
			put(t, s, event(n, schemas.EventSummary{ID: "new"}, "ep_a"))
		}
		if !slices.Equal(seen, []uint64{5, 4, 3, 2, 1}) {
			t.Errorf("seen %d", seen)
		}
	})
}

// The oldest first, page by page.
func TestOldestFirst(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		put(t, s, story()...)
		newest, _, err := s.Deliveries(t.Context(), "acme", DeliveryFilter{}, Page{})
		if err != nil {
			t.Fatal(err)
		}
		var oldest []Delivery
		for page := (Page{Limit: 2, Oldest: true}); ; {
			found, next, err := s.Deliveries(t.Context(), "acme", DeliveryFilter{}, page)
			if err != nil {
				t.Fatal(err)
			}
			oldest = append(oldest, found...)
			if page.Cursor = next; next == "" {
				break
			}
		}
		slices.Reverse(oldest)
		if !slices.Equal(oldest, newest) || len(newest) < 3 {
			t.Errorf("got %v, want the reverse of %v", oldest, newest)
		}
		n, err := s.CountDeliveries(t.Context(), "acme", DeliveryFilter{})
		if err != nil || n != len(newest) {
			t.Errorf("%d are counted of %d, %v", n, len(newest), err)
		}
		events, _, err := s.Events(t.Context(), "acme", EventFilter{}, Page{Oldest: true, Limit: 2})
		if err != nil || len(events) != 2 || events[0].Sequence != 1 || events[1].Sequence != 2 {
			t.Errorf("the oldest events are %v, %v", events, err)
		}
		if n, err := s.CountEvents(t.Context(), "acme", EventFilter{}); err != nil || n != 5 {
			t.Errorf("%d events are counted, %v", n, err)
		}
	})
}

func TestEventsByFilter(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		put(t, s, story()...)
		for _, row := range []struct {
			filter EventFilter
			want   []uint64
		}{
			{EventFilter{}, []uint64{5, 4, 3, 2, 1}},
			{EventFilter{Type: "user.created"}, []uint64{3, 1}},
			{EventFilter{EventName: EventName{ID: "e1"}}, []uint64{5, 1}},
			{EventFilter{EventName: EventName{ID: "e1", Source: "/other"}}, []uint64{5}},
			{EventFilter{EventName: EventName{Place: schemas.NewDeliveryID(at(4), 4, "")}}, []uint64{4}},
			{EventFilter{Subject: "u1"}, []uint64{3, 1}},
			{EventFilter{Unmatched: true}, []uint64{3}},
			{EventFilter{Dead: true}, []uint64{4}},
			{EventFilter{Dead: true, Unmatched: true}, nil},
			{EventFilter{Accepted: Span{From: at(2), To: at(4)}}, []uint64{3, 2}},
		} {
			found, next, err := s.Events(t.Context(), "acme", row.filter, Page{})
			var got []uint64
			for _, e := range found {
				got = append(got, e.Sequence)
			}
			if err != nil || next != "" || !slices.Equal(got, row.want) {
				t.Errorf("%+v: got %d, %v", row.filter, got, err)
			}
		}
		e, deliveries, next, err := s.Event(t.Context(), "acme", EventName{ID: "e1"}, Page{Limit: 2})
		if err != nil || e.Matched != 3 || e.Source != "/other" || len(deliveries) != 2 || next == "" {
			t.Errorf("got %+v, %d deliveries, %v", e, len(deliveries), err)
		}
		if _, _, _, err := s.Event(t.Context(), "acme", EventName{ID: "none"}, Page{}); !schemas.HasCode(err, schemas.CodeNotFound) {
			t.Errorf("got %v", err)
		}
		if _, _, _, err := s.Event(t.Context(), "acme", EventName{}, Page{}); !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCounts(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		put(t, s, story()...)
		put(t, s, story()...)
		span := Span{began, began.Add(10 * time.Minute)}
		of := func(endpoint schemas.EndpointID, step time.Duration) []Count {
			points, err := s.Counts(t.Context(), "acme", CountFilter{Endpoint: endpoint, Span: span, Step: step})
			if err != nil {
				t.Fatal(err)
			}
			return points
		}
		all := of("", 10*time.Minute)
		if len(all) != 1 || all[0] != (Count{Start: began, Accepted: 5, Matched: 6, Attempts: 5, Delivered: 2, Retried: 3, Dead: 1, Requests: 5, Took: 7500000}) {
			t.Errorf("of all: %+v", all)
		}
		a := of("ep_a", time.Minute)
		if len(a) != 10 || a[0].Matched != 3 || a[0].Accepted != 0 || a[1].Retried != 2 || a[2].Delivered != 1 || a[2].Start != began.Add(2*time.Minute) {
			t.Errorf("of ep_a: %+v", a)
		}
		span = Span{began.Add(time.Hour), began.Add(2 * time.Hour)}
		if dead := of("ep_a", time.Hour); dead[0].Dead != 1 || dead[0].Attempts != 0 {
			t.Errorf("an hour later: %+v", dead)
		}
		for _, wrong := range []struct {
			span Span
			step time.Duration
		}{{span, time.Second}, {span, 90 * time.Second}, {Span{span.To, span.From}, time.Minute}, {Span{span.From, span.From.AddDate(1, 0, 0)}, time.Minute}} {
			if _, err := s.Counts(t.Context(), "acme", CountFilter{Span: wrong.span, Step: wrong.step}); !schemas.HasCode(err, schemas.CodeInvalid) {
				t.Errorf("%+v: %v", wrong, err)
			}
		}
	})
}

// What is not counted leaves its points of the chart.
func TestCountsSince(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		put(t, s, story()...)
		points, err := s.Counts(t.Context(), "acme", CountFilter{
			Endpoint: "ep_a", Span: Span{began, began.Add(10 * time.Minute)}, Step: 10 * time.Minute, Since: began.Add(time.Minute + time.Second),
		})
		if err != nil || len(points) != 1 || points[0].Start != began || points[0].Matched != 0 || points[0].Retried != 2 {
			t.Errorf("from the second minute on: %+v, %v", points, err)
		}
	})
}

// What waits, by endpoint, the worst first; another tenant's does not.
func TestBacklog(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		if b, err := s.Backlog(t.Context(), "acme", time.Time{}, 10); err != nil || b.Waiting != 0 || len(b.Endpoints) != 0 || !b.Oldest.IsZero() {
			t.Errorf("an empty log: %+v, %v", b, err)
		}
		put(t, s, story()...)
		b, err := s.Backlog(t.Context(), "acme", time.Time{}, 1)
		if err != nil || b.Waiting != 3 || !b.Oldest.Equal(at(1)) {
			t.Errorf("got %+v, %v", b, err)
		}
		if want := (EndpointBacklog{Endpoint: "ep_b", Waiting: 2, Oldest: at(1)}); len(b.Endpoints) != 1 || b.Endpoints[0] != want {
			t.Errorf("got %+v, want %+v", b.Endpoints, want)
		}
		if b, err := s.Backlog(t.Context(), "acme", at(1).Add(time.Millisecond), 10); err != nil || b.Waiting != 2 || !b.Oldest.After(at(1)) {
			t.Errorf("without the oldest: %+v, %v", b, err)
		}
	})
}
