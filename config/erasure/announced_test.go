package erasure_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config/erasure"
	"github.com/tidings-dev/tidings/schemas"
)

// record stores a line of LOG.
func (r *rig) record(line schemas.Record) {
	r.Helper()
	_, err := r.js.Publish(r.Context(), schemas.LogSubject(acme), schemas.AppendRecord(nil, line))
	r.must(err)
}

// announced is an event that tells of the death of a delivery: where EVENTS has it.
func (r *rig) announced(death schemas.DeliveryID) schemas.EventRecord {
	r.Helper()
	ack, err := r.js.Publish(r.Context(), schemas.EventSubject(acme, "delivery.dead"), []byte("of a person"))
	r.must(err)
	events, err := r.js.Stream(r.Context(), schemas.StreamEvents)
	r.must(err)
	m, err := events.GetMsg(r.Context(), ack.Sequence)
	r.must(err)
	of := schemas.EventSummary{ID: string(death) + ".dead.1", Source: "/tidings", Type: "delivery.dead", Subject: string(death)}
	return schemas.EventRecord{Sequence: ack.Sequence, Accepted: m.Time.Truncate(time.Millisecond), EventSummary: of}
}

// waits stores a delivery that waits to be tried again, with nothing but its id.
func (r *rig) waits(id schemas.DeliveryID, endpoint schemas.EndpointID) {
	r.Helper()
	m := nats.NewMsg(r.env.Layout.LaterSubject(endpoint, id))
	m.Header.Set("Tidings-Delivery", string(id))
	_, err := r.js.PublishMsg(r.Context(), m)
	r.must(err)
}

// left counts the messages of streams.
func (r *rig) left(streams ...string) (n uint64) {
	r.Helper()
	for _, name := range streams {
		s, err := r.js.Stream(r.Context(), name)
		r.must(err)
		n += s.CachedInfo().State.Msgs
	}
	return n
}

// The death of what was in hand is announced once the erasure has been answered: the
// announcement is found by its line of LOG, and removed with what became of it, though
// LOG has its attempt before that, several lines say where it went, and a process dies
// in between.
func TestAnnouncedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.events("a", "b")
		r.acknowledge()
		rec, err := r.eraser.Erase(t.Context(), acme, erasure.Request{Subject: "a"})
		r.must(err)
		at, sequence, err := rec.Work.Places[0].Accepted()
		r.must(err)
		e := r.announced(schemas.NewDeliveryID(at, sequence, "ep_a"))
		told := schemas.NewDeliveryID(e.Accepted, e.Sequence, "ep_told")
		later := schemas.NewDeliveryID(e.Accepted, e.Sequence, "ep_later")
		r.waits(later, "ep_later")
		r.record(schemas.Record{Attempt: &schemas.AttemptRecord{Delivery: told, Endpoint: "ep_told", Event: e.EventSummary, Kind: schemas.Delivered, Attempt: schemas.Attempt{At: time.Now()}}})
		r.must(r.eraser.Round(t.Context(), time.Now())) // knows of nothing yet, and has looked at the attempt
		if r.left(schemas.StreamEvents) != 2 {
			t.Fatal("the announcement is gone")
		}
		for _, endpoint := range []schemas.EndpointID{"ep_told", "ep_later"} {
			e.Endpoints = []schemas.EndpointID{endpoint}
			r.record(schemas.Record{Event: &e})
		}
		r.hasRows("b delivered 1;" + e.Subject + " waiting 0;" + e.Subject + " delivered 0;")
		r.eraser.FailRewritten(errors.New("killed"))
		if err := r.eraser.Round(t.Context(), time.Now()); err == nil {
			t.Fatal("nothing was removed from LOG")
		}
		r.eraser.FailRewritten(nil)
		r.must(r.eraser.Round(t.Context(), time.Now()))
		r.hasLines(map[string]int{"b": 2, "unread": 1})
		r.hasRows("b delivered 1;")
		if n := r.left(schemas.StreamEvents, r.env.Layout.DeliveriesStream(r.env.Layout.Partition("ep_later"))); n != 1 {
			t.Errorf("%d messages are left, want b", n)
		}
		if rec := r.only(erasure.Watching); rec.Found != 2 || rec.Removed.Events != 2 || rec.Removed.Deliveries != 1 || rec.Removed.LogRecords != 5 {
			t.Errorf("%+v", rec)
		}
	})
}

// An endpoint that got an event late is looked at as well, once a line of LOG tells.
func TestSentLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.events("a")
		r.acknowledge()
		rec, err := r.eraser.Erase(t.Context(), acme, erasure.Request{Subject: "a"})
		r.must(err)
		at, sequence, err := rec.Work.Places[0].Accepted()
		r.must(err)
		r.waits(schemas.NewDeliveryID(at, sequence, "ep_late"), "ep_late")
		r.record(schemas.Record{Event: &schemas.EventRecord{Sequence: sequence, Accepted: at, Endpoints: []schemas.EndpointID{"ep_late"}, Late: true}})
		r.must(r.eraser.Round(t.Context(), time.Now()))
		r.hasLines(map[string]int{"unread": 1})
		if n := r.left(r.env.Layout.DeliveriesStream(r.env.Layout.Partition("ep_late"))); n != 0 {
			t.Errorf("%d deliveries are left", n)
		}
		if rec := r.only(erasure.Watching); rec.Found != 1 || rec.Removed.Deliveries != 1 {
			t.Errorf("%+v", rec)
		}
	})
}
