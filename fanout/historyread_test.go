package fanout

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

// oneHistory is a registry of one subscription.
type oneHistory struct {
	index     *Index
	histories *Histories
	s         schemas.Subscription
	progress  uint64
}

func (o *oneHistory) CaughtUp(context.Context) error { return nil }

func (o *oneHistory) SetHistory(_ context.Context, _ schemas.SubscriptionID, change func(*schemas.History) error) error {
	h := *o.s.History
	err := change(&h)
	o.s.History = &h
	s := o.s
	o.index.Apply(schemas.Change{Subscription: &s})
	o.histories.Apply(schemas.Change{Subscription: &s})
	return err
}

func (o *oneHistory) Progress(context.Context, schemas.Subscription) (uint64, error) {
	return o.progress, nil
}

func (o *oneHistory) SetProgress(_ context.Context, _ schemas.Subscription, sequence uint64) error {
	o.progress = sequence
	return nil
}

// A batch whose deliveries were sent and not stored is read again, the first one
// too, which has no mark of progress before it.
func TestABatchThatFailsIsReadAgain(t *testing.T) {
	o := streamstest.Small()
	o.Layout.Partitions, o.Layout.Shards = 1, 1
	env := streamstest.Start(t, o)
	x := NewIndex()
	x.Apply(schemas.Change{Tenant: &schemas.Tenant{ID: "acme"}})
	one := &oneHistory{index: x, histories: NewHistories()}
	one.s = schemas.Subscription{
		ID: "sub_new", Tenant: "acme", Endpoint: "ep_new", Types: []schemas.TypePattern{"*"}, History: &schemas.History{State: schemas.HistoryReading},
	}
	if err := one.SetHistory(t.Context(), "", func(*schemas.History) error { return nil }); err != nil {
		t.Fatal(err)
	}
	fanoutOn := func(nc *nats.Conn) *Fanout {
		f, err := New(nc, Options{Layout: env.Layout, Index: x, Histories: one.histories, Registry: one})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	broken := env.Connect()
	f, b := fanoutOn(env.Connect()), fanoutOn(broken)
	broken.Close()
	for n := range 5 {
		publishNumber(t, f, n)
	}
	works := f.js
	f.js = b.js // the way to DELIVERIES is cut, while EVENTS still answers for a while
	r := historyReader{f: f, id: "sub_new", pace: rate.NewLimiter(rate.Every(time.Hour), 3)}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := r.read(ctx); err == nil {
		t.Fatal("the read succeeds: the test shows nothing")
	}
	f.js, r.pace = works, rate.NewLimiter(historyRate, historyBatch)
	if err := r.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := works.Stream(t.Context(), env.Layout.DeliveriesStream(0))
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != 5 || one.s.History.State != schemas.HistoryDone {
		t.Errorf("%d of 5 events are delivered, and history is %s", n, one.s.History.State)
	}
}

func publishNumber(t *testing.T, f *Fanout, n int) {
	t.Helper()
	e := event.New()
	e.SetID(fmt.Sprint(n))
	e.SetSource("/test")
	e.SetType("order.created")
	if err := e.SetData(event.ApplicationJSON, n); err != nil {
		t.Fatal(err)
	}
	h, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		t.Fatal(err)
	}
	m := &nats.Msg{Subject: schemas.EventSubject("acme", e.Type()), Header: nats.Header(h), Data: data}
	if _, err := f.js.PublishMsg(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}
