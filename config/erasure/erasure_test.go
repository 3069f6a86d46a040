package erasure_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/config/erasure"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

const acme = schemas.TenantID("acme")

// rig is the streams, the log and an eraser; the test is fanout and the dispatcher.
type rig struct {
	*testing.T
	env    *streamstest.Env
	js     jetstream.JetStream
	store  *deliverylog.Store
	eraser *erasure.Eraser
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, env: streamstest.Start(t, streamstest.Small())}
	keys, err := seal.Parse(seal.NewKey())
	r.must(err)
	r.js, err = jetstream.New(r.env.NC)
	r.must(err)
	r.store, err = deliverylog.Open(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	r.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- deliverylog.NewProjector(r.js, r.store, deliverylog.Options{}).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-ended, r.store.Close()); err != nil {
			t.Error(err)
		}
	})
	r.eraser = erasure.New(erasure.Options{
		NC: r.env.NC, JS: r.js, Layout: r.env.Layout, Registry: registry.New(r.env.Registry, keys),
		Store: func() (*deliverylog.Store, error) { return r.store, nil },
	})
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// events are accepted, one of each subject, and delivered to ep_a; all that the log
// has of them is in one message.
func (r *rig) events(subjects ...string) {
	r.Helper()
	var lines []byte
	for _, subject := range subjects {
		ack, err := r.js.Publish(r.Context(), schemas.EventSubject(acme, "order.created"), []byte(subject))
		r.must(err)
		events, err := r.js.Stream(r.Context(), schemas.StreamEvents)
		r.must(err)
		m, err := events.GetMsg(r.Context(), ack.Sequence)
		r.must(err)
		of := schemas.EventSummary{ID: "id-" + subject, Source: "/s", Type: "order.created", Subject: subject}
		at := m.Time.Truncate(time.Millisecond)
		lines = schemas.AppendRecord(lines, schemas.Record{Event: &schemas.EventRecord{Sequence: ack.Sequence, Accepted: at, EventSummary: of, Endpoints: []schemas.EndpointID{"ep_a"}}})
		lines = schemas.AppendRecord(lines, schemas.Record{Attempt: &schemas.AttemptRecord{
			Delivery: schemas.NewDeliveryID(at, ack.Sequence, "ep_a"), Endpoint: "ep_a", Event: of, Kind: schemas.Delivered, Reason: schemas.ReasonOK,
			Attempt: schemas.Attempt{Number: 1, At: at.Add(time.Second), Status: 200},
		}})
	}
	_, err := r.js.Publish(r.Context(), schemas.LogSubject(acme), append(lines, "a line of another version\n"...))
	r.must(err)
}

func (r *rig) acknowledge() {
	r.Helper()
	c, err := r.js.Consumer(r.Context(), schemas.StreamEvents, schemas.FanoutConsumer(r.env.Layout.TenantPartition(acme)))
	r.must(err)
	batch, err := c.FetchNoWait(100)
	r.must(err)
	for m := range batch.Messages() {
		r.must(m.DoubleAck(r.Context()))
	}
}

// lines counts the lines of LOG by the subject of their events.
func (r *rig) lines() (lines map[string]int) {
	r.Helper()
	s, err := r.js.Stream(r.Context(), schemas.StreamLog)
	r.must(err)
	lines = map[string]int{}
	for n := range s.CachedInfo().State.LastSeq {
		m, err := s.GetMsg(r.Context(), n+1)
		if err != nil {
			continue
		}
		_, records, unread, err := schemas.ReadRecords(m.Subject, m.Data)
		r.must(err)
		lines["unread"] += unread
		for _, record := range records {
			if record.Event != nil {
				lines[record.Event.Subject]++
			} else {
				lines[record.Attempt.Event.Subject]++
			}
		}
	}
	return lines
}

// hasLines wants so many lines in LOG.
func (r *rig) hasLines(want map[string]int) {
	r.Helper()
	if lines := r.lines(); !maps.Equal(lines, want) {
		r.Errorf("LOG has %v, want %v", lines, want)
	}
}

// hasRows wants these deliveries in the database.
func (r *rig) hasRows(want string) {
	r.Helper()
	if got := r.logged(); got != want {
		r.Errorf("the database has %s, want %s", got, want)
	}
}

// only is the one record there is.
func (r *rig) only(state erasure.State) erasure.Record {
	r.Helper()
	list, err := r.eraser.List(r.Context(), "")
	if err != nil || len(list) != 1 || list[0].State != state || list[0].Error != "" {
		r.Fatalf("%+v, %v", list, err)
	}
	return list[0]
}

// logged says what the database has.
func (r *rig) logged() string {
	r.Helper()
	<-time.After(5 * time.Second)
	found, _, err := r.store.Deliveries(r.Context(), acme, deliverylog.DeliveryFilter{}, deliverylog.Page{Oldest: true})
	r.must(err)
	text := ""
	for _, d := range found {
		text += fmt.Sprintf("%s %s %d;", d.Subject, d.Status, d.Attempts)
	}
	return text
}

// A process that dies between storing lines anew and removing what they were in loses
// nobody's, and who goes on doubles none in the database.
func TestKilledWhileItRewritesTheLog(t *testing.T) {
	for _, after := range []time.Duration{time.Second, 3 * time.Minute} { // JetStream knows a message id again, or not
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.events("a", "b", "c")
			r.acknowledge()
			r.eraser.FailRewritten(errors.New("killed"))
			rec, err := r.eraser.Erase(t.Context(), acme, erasure.Request{Subject: "b"})
			if !schemas.HasCode(err, schemas.CodeUnavailable) || rec.State != erasure.Running {
				t.Fatalf("%+v, %v", rec, err)
			}
			r.hasLines(map[string]int{"a": 4, "b": 2, "c": 4, "unread": 2})
			r.hasRows("a delivered 1;b delivered 1;c delivered 1;")
			<-time.After(after)
			r.eraser.FailRewritten(nil)
			r.must(r.eraser.Round(t.Context(), time.Now()))
			want := map[bool]int{true: 2, false: 4}[after == time.Second] // doubled lines say the same twice
			r.hasLines(map[string]int{"a": want, "c": want, "unread": want / 2})
			r.hasRows("a delivered 1;c delivered 1;")
			if n := r.only(erasure.Watching).Removed; n.LogRecords != 2 || n.Events != 1 {
				t.Errorf("removed %+v", n)
			}
		})
	}
}

// What comes into the log later is removed as well, for a day; then the places are
// forgotten.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.events("a", "b")
		r.acknowledge()
		rec, err := r.eraser.Erase(t.Context(), acme, erasure.Request{Event: "id-a", Source: "/s"})
		if err != nil || rec.State != erasure.Watching || rec.Removed.Events != 1 || rec.Removed.LogRecords != 2 {
			t.Fatalf("%+v, %v", rec, err)
		}
		place := rec.Work.Places[0]
		at, sequence, _ := place.Accepted()
		id := schemas.NewDeliveryID(at, sequence, "ep_a")
		line := schemas.AppendRecord(nil, schemas.Record{Attempt: &schemas.AttemptRecord{Delivery: id, Endpoint: "ep_a", Event: schemas.EventSummary{Subject: "a"}, Kind: schemas.Dead, Attempt: schemas.Attempt{At: time.Now()}}})
		_, err = r.js.Publish(t.Context(), schemas.LogSubject(acme), line)
		r.must(err)
		r.hasRows("a dead 0;b delivered 1;")
		r.must(r.eraser.Round(t.Context(), time.Now()))
		r.hasLines(map[string]int{"b": 2, "unread": 1})
		r.hasRows("b delivered 1;")
		r.must(r.eraser.Round(t.Context(), time.Now().Add(erasure.Watch)))
		if rec := r.only(erasure.Done); rec.Work != nil || rec.Removed.LogRecords != 3 {
			t.Errorf("%+v", rec)
		}
		r.must(r.eraser.Round(t.Context(), time.Now().Add(368*24*time.Hour)))
		if list, err := r.eraser.List(t.Context(), ""); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

// Nothing is removed while events are on their way to the log, or of a wrong request.
func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.events("a")
		if _, err := r.eraser.Erase(t.Context(), acme, erasure.Request{Subject: "a"}); !schemas.HasCode(err, schemas.CodeConflict) {
			t.Errorf("before fanout: %v", err)
		}
		r.acknowledge()
		for _, q := range []erasure.Request{{}, {Event: "a", Subject: "a"}, {Subject: "a", Source: "/s"}} {
			if _, err := r.eraser.Erase(t.Context(), acme, q); !schemas.HasCode(err, schemas.CodeInvalid) {
				t.Errorf("%+v: %v", q, err)
			}
		}
		if _, err := r.eraser.Erase(t.Context(), "other", erasure.Request{Subject: "a"}); err != nil {
			t.Errorf("another tenant's: %v", err)
		}
		r.hasLines(map[string]int{"a": 2, "unread": 1})
		r.hasRows("a delivered 1;")
	})
}
