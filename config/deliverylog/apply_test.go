package deliverylog

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Whatever order records come in, and however often, and whichever come together, the
// tables are the same.
func TestAnyOrder(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		for seed := range uint64(4) {
			r := rand.New(rand.NewPCG(seed, 7))
			records := traffic(r, 40)
			clearAll(t, s)
			put(t, s, records...)
			want := dump(t, s)
			clearAll(t, s)
			for _, record := range records {
				for range r.IntN(3) {
					records = append(records, record)
				}
			}
			r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
			for rest := range slices.Chunk(records, 1+r.IntN(40)) {
				put(t, s, rest...)
			}
			wantSame(t, "shuffled", dump(t, s), want)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	})
}

func clearAll(tb testing.TB, s *Store) {
	tb.Helper()
	if err := s.empty(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// What each kind of record makes of a delivery and of its event.
func TestStates(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		e := event(7, schemas.EventSummary{ID: "e7", Source: "/s", Type: "a.b", Subject: "u1", Time: began, Size: 12}, "ep_a", "ep_b")
		late := event(7, e.Event.EventSummary, "ep_b", "ep_c")
		late.Event.Late = true
		retry := attempt(e, "ep_a", 1, schemas.Retry, schemas.ReasonTimeout)
		dead := attempt(e, "ep_a", 2, schemas.Dead, schemas.ReasonExhausted)
		replay, more := again(dead, began.Add(time.Hour)), again(dead, began.Add(2*time.Hour))
		again := attempt(e, "ep_a", 1, schemas.Delivered, schemas.ReasonOK) // by a clock that is late
		again.Attempt.Replay, again.Attempt.Attempt.At = replay.Replay.Asked, again.Attempt.Attempt.At.Add(-time.Second)
		for _, step := range []struct {
			r        said
			status   Status
			attempts int
			reason   schemas.Reason
			matched  int
		}{
			{retry, Retrying, 1, schemas.ReasonTimeout, 1},
			{e, Retrying, 1, schemas.ReasonTimeout, 2},
			{dead, Dead, 1, schemas.ReasonExhausted, 2},
			{retry, Dead, 1, schemas.ReasonExhausted, 2},
			{late, Dead, 1, schemas.ReasonExhausted, 3},
			{replay, Waiting, 1, "", 3},
			{again, Delivered, 2, schemas.ReasonOK, 3},
			{replay, Delivered, 2, schemas.ReasonOK, 3},
			{dead, Delivered, 2, schemas.ReasonOK, 3},
			{more, Waiting, 2, "", 3},
		} {
			put(t, s, step.r)
			d, attempts, err := s.Delivery(t.Context(), "acme", schemas.NewDeliveryID(e.Event.Accepted, 7, "ep_a"))
			if err != nil || d.Status != step.status || d.Attempts != step.attempts || d.Reason != step.reason {
				t.Errorf("after %+v: %+v, %v", step.r, d, err)
			}
			found, _, _, err := s.Event(t.Context(), "acme", EventName{ID: "e7"}, Page{})
			if err != nil || found.Matched != step.matched || found.Subject != "u1" {
				t.Errorf("after %+v: %+v, %v", step.r, found, err)
			}
			if d.Status == Retrying && (len(attempts) != 1 || !attempts[0].Next.Equal(retry.Attempt.Next) || !d.Next.Equal(retry.Attempt.Next)) {
				t.Errorf("next is %s", d.Next)
			}
		}
	})
}

// What cannot be a record, or not in this database, neither stops nor breaks anything.
func TestHostileRecords(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		s := open(t, url)
		const odd = "a\x00b\xffc\u2028'\"--"
		e := event(1, schemas.EventSummary{ID: odd, Source: odd, Type: odd, Subject: odd, Trace: odd, Time: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}, "ep_a")
		e.Event.Detail, e.Event.Dead = odd, odd
		a := attempt(e, "ep_a", 1, odd, odd)
		a.Attempt.Exchange.Body, a.Attempt.Attempt.Detail, a.Attempt.Dispatcher = odd, odd, odd
		a.Attempt.Next = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		put(t, s, e, a)
		d, attempts, err := s.Delivery(t.Context(), "acme", a.Attempt.Delivery)
		if err != nil || d.Status != Waiting || len(attempts) != 1 || d.Event.ID != "a\ufffdb\ufffdc\u2028'\"--" {
			t.Errorf("got %+v, %+v, %v", d, attempts, err)
		}

		b := newBatch()
		bad := []said{event(1, schemas.EventSummary{}, "ep_a\x00"), event(1<<49, schemas.EventSummary{}), attempt(e, "ep_b", 1, schemas.Retry, "x"), attempt(e, "ep_b", -1, schemas.Retry, "x"), again(retryOf(e), time.Time{}), {}}
		bad[2].Attempt.Endpoint = "ep_other"
		long := attempt(e, "ep_b", 1, schemas.Retry, "x")
		long.Attempt.Attempt.At = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		early := event(3, schemas.EventSummary{})
		early.Event.Accepted = time.Time{}
		for _, r := range append(bad, long, early) {
			b.add(9, "log.acme", schemas.AppendRecord(nil, r.Record))
		}
		b.add(10, "log.acme", []byte("{\"event\":{},\"attempt\":{}}\n[]\nnull\n{\n\n\"\xff\"\n"))
		b.add(11, "log.a.b", []byte("{}"))
		if len(b.events)+len(b.attempts) > 0 || b.unread != 8+6+1 {
			t.Errorf("%d unread, %d events, %d attempts", b.unread, len(b.events), len(b.attempts))
		}
	})
}

// The lines are read as [schemas.ReadRecords] reads them.
func TestLinesAreRecords(t *testing.T) {
	for _, r := range traffic(rand.New(rand.NewPCG(1, 2)), 50) {
		body := schemas.AppendRecord(nil, r.Record)
		_, want, _, err := schemas.ReadRecords("log.acme", body)
		if err != nil {
			t.Fatal(err)
		}
		l, ok := readLine(body)
		got := schemas.Record{Event: l.Event, Replay: l.Replay}
		if a := l.Attempt; a != nil {
			got.Attempt = &schemas.AttemptRecord{
				Delivery: a.Delivery, Endpoint: a.Endpoint, Event: a.Event, Attempt: a.Attempt, Kind: a.Kind,
				Reason: a.Reason, Next: a.Next, Replay: a.Replay, Dispatcher: a.Dispatcher,
			}
			if want[0].Attempt.Exchange != nil {
				got.Attempt.Exchange = exchangeOf(t, a.Exchange)
			}
		}
		if !ok {
			t.Errorf("%s is no record", body)
		}
		if string(schemas.AppendRecord(nil, got)) != string(schemas.AppendRecord(nil, want[0])) {
			t.Fatalf("got  %s\nwant %s", schemas.AppendRecord(nil, got), body)
		}
	}
}
