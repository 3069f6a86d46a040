package dispatcher

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// largeData is data that is stored by reference.
var largeData = []byte(`{"pad": "` + strings.Repeat("ä", 50_000) + `" , "n":1.50}`)

func structuredEvent(data string) []byte {
	return []byte(`{"specversion":"1.0","id":"e1","source":"/test","type":"order.created",` + data + `}`)
}

// event stores an event in EVENTS, and returns what all its deliveries have in
// common, as fanout makes it.
func (r *rig) event(h nats.Header, body []byte) schemas.Delivery {
	r.t.Helper()
	ack, err := r.js.PublishMsg(r.t.Context(), &nats.Msg{Subject: schemas.EventSubject("acme", "order.created"), Header: h, Data: body})
	if err != nil {
		r.t.Fatal(err)
	}
	m, err := direct.Next(r.t.Context(), r.env.NC, schemas.StreamEvents, ">", ack.Sequence)
	if err != nil {
		r.t.Fatal(err)
	}
	e, err := schemas.DecodeEvent(m.Header, m.Data)
	if err != nil {
		r.t.Fatal(err)
	}
	header, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		r.t.Fatal(err)
	}
	return schemas.Delivery{ID: schemas.NewDeliveryID(m.Time, m.Sequence, ""), Tenant: "acme", Event: header, Data: data}
}

func (r *rig) large() schemas.Delivery {
	return r.event(nil, structuredEvent(`"data":`+string(largeData)))
}

// refer makes an event's delivery to an endpoint due, by reference, and returns
// its id.
func (r *rig) refer(d schemas.Delivery, to schemas.EndpointID) string {
	r.t.Helper()
	d.Reference = len(d.Data)
	return r.dueOne(d, to)
}

func (r *rig) dueOne(d schemas.Delivery, to schemas.EndpointID) string {
	r.t.Helper()
	at, sequence, err := d.ID.Accepted()
	if err != nil {
		r.t.Fatal(err)
	}
	d.ID, d.Endpoint = schemas.NewDeliveryID(at, sequence, to), to
	m := &nats.Msg{Subject: r.env.Layout.ReadySubject(to), Header: nats.Header(d.Header()), Data: d.Body()}
	if _, err := r.js.PublishMsg(r.t.Context(), m, jetstream.WithMsgID(d.MessageID())); err != nil {
		r.t.Fatal(err)
	}
	return string(d.ID)
}

// reads counts the reads of EVENTS from now on.
func (r *rig) reads() *atomic.Int64 {
	r.t.Helper()
	var n atomic.Int64
	nc := r.env.Connect()
	if _, err := nc.Subscribe("$JS.API.DIRECT.GET.EVENTS", func(*nats.Msg) { n.Add(1) }); err != nil {
		r.t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		r.t.Fatal(err)
	}
	return &n
}

// erase removes an event from EVENTS.
func (r *rig) erase(d schemas.Delivery) {
	r.t.Helper()
	_, sequence, err := d.ID.Accepted()
	if err != nil {
		r.t.Fatal(err)
	}
	events, err := r.js.Stream(r.t.Context(), schemas.StreamEvents)
	if err == nil {
		err = events.DeleteMsg(r.t.Context(), sequence)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// onlyReferences wants n messages in the delivery stream, none of which has the
// data, and each of which says how much there is.
func (r *rig) onlyReferences(n, size int) {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), r.env.Layout.DeliveriesStream(0))
	if err != nil {
		r.t.Fatal(err)
	}
	state := s.CachedInfo().State
	for sequence := state.FirstSeq; sequence <= state.LastSeq; sequence++ {
		m, err := s.GetMsg(r.t.Context(), sequence)
		if err != nil {
			continue // it has left
		}
		n--
		d, err := schemas.ReadDelivery("held.0.ep_a", m.Header, m.Data)
		if err != nil || len(m.Data) > 0 || d.Reference != size || d.Size() != size {
			r.t.Errorf("%s holds %d bytes, and %+v (%v)", m.Subject, len(m.Data), d, err)
		}
	}
	if n != 0 {
		r.t.Errorf("%d messages are missing", n)
	}
}

// noData wants none of an owner's tasks to hold data.
func (o *owner) noData(t *testing.T, tasks int) {
	t.Helper()
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	for _, l := range o.p.lanes {
		for task := range l.running {
			tasks--
			if task.delivery.Data != nil {
				t.Errorf("%s holds data", task.delivery.ID)
			}
		}
		for _, task := range l.queue {
			tasks--
			if task.delivery.Data != nil {
				t.Errorf("%s holds data", task.delivery.ID)
			}
		}
	}
	if tasks > 0 {
		t.Errorf("%d tasks too few: the test shows nothing", tasks)
	}
}

func verified(t *testing.T, q dispatchertest.Request) {
	t.Helper()
	key, err := signing.ParseKey(testSecret)
	if err == nil {
		err = signing.Verify(q.Header, q.Body, time.Now(), key)
	}
	if err != nil {
		t.Errorf("signature: %v", err)
	}
}
