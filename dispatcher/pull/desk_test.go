package pull_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/pull"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// rig is a queue of five deliveries, and who hands them out.
type rig struct {
	t       *testing.T
	env     *streamstest.Env
	targets *attempt.Targets
	wanted  map[schemas.DeliveryID]bool

	mu        sync.Mutex // guards delivered
	delivered map[schemas.DeliveryID]bool
}

const tenant, endpoint = schemas.TenantID("acme"), schemas.EndpointID("ep_a")

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{
		t: t, env: streamstest.Start(t, streamstest.Small()), targets: attempt.NewTargets(),
		wanted: map[schemas.DeliveryID]bool{}, delivered: map[schemas.DeliveryID]bool{},
	}
	secret := schemas.NewSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	r.targets.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: endpoint, Tenant: tenant, Pull: true, Secrets: []schemas.Secret{secret}}})
	js, err := jetstream.New(r.env.NC)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(5) {
		e := event.New()
		e.SetID(fmt.Sprint("e", i))
		e.SetSource("/test")
		e.SetType("order.created")
		header, data, err := schemas.EncodeEvent(&e)
		if err != nil {
			t.Fatal(err)
		}
		d := schemas.Delivery{ID: schemas.NewDeliveryID(time.Now(), i+1, endpoint), Tenant: tenant, Endpoint: endpoint, Event: header, Data: data}
		m := &nats.Msg{Subject: schemas.PullSubject(tenant, endpoint), Header: nats.Header(d.Header()), Data: d.Body()}
		if _, err := js.PublishMsg(t.Context(), m, jetstream.WithMsgID(d.MessageID())); err != nil {
			t.Fatal(err)
		}
		r.wanted[d.ID] = true
	}
	return r
}

func (r *rig) desk(nc *nats.Conn) *pull.Desk {
	r.t.Helper()
	d, err := pull.New(nc, pull.Options{
		Layout: r.env.Layout, Targets: r.targets, Catalogue: catalogue.New(), Key: []byte("a key of thirty-two bytes or more"), Name: "test",
		Fetch: func(context.Context, schemas.EndpointID) (schemas.Endpoint, error) {
			return schemas.Endpoint{}, schemas.Errorf(schemas.CodeNotFound, "none")
		},
		Journal: func(_ schemas.TenantID, record schemas.Record, written func()) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if a := record.Attempt; a.Kind == schemas.Delivered {
				r.delivered[a.Delivery] = true
			}
			written()
		},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

// settle takes the first of what is handed out, and gives the others back.
func (r *rig) settle(d *pull.Desk, found []schemas.Pulled) {
	s := schemas.Settlement{}
	for i, p := range found {
		if i == 0 {
			s.Ack = append(s.Ack, p.Receipt)
		} else {
			s.Nack = append(s.Nack, schemas.Nack{Receipt: p.Receipt})
		}
	}
	_, _ = d.Settle(r.t.Context(), tenant, endpoint, s) // it may be dying
}

// retried are the deliveries that were put back for their next attempt.
func (r *rig) retried() map[schemas.DeliveryID]bool {
	r.t.Helper()
	js, err := jetstream.New(r.env.NC)
	if err != nil {
		r.t.Fatal(err)
	}
	l := r.env.Layout
	stream, err := js.Stream(r.t.Context(), l.DeliveriesStream(l.Partition(endpoint)))
	if err != nil {
		r.t.Fatal(err)
	}
	info, err := stream.Info(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	found := map[schemas.DeliveryID]bool{}
	for sequence := info.State.FirstSeq; sequence <= info.State.LastSeq; sequence++ {
		if m, err := stream.GetMsg(r.t.Context(), sequence); err == nil { // or it has become due
			found[schemas.DeliveryOf(schemas.Header(m.Header))] = true
		}
	}
	return found
}

// TestADeskThatDiesLosesNothing cuts a desk's connection off in the middle of whatever
// it says, further on each time. Another goes on: in the end each delivery was taken,
// or is to be tried again, and none is left in the queue.
func TestADeskThatDiesLosesNothing(t *testing.T) {
	died := 0
	for written := 500; written <= 8000; written += 375 {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			nc, gone := r.env.ConnectFor(written)
			first := r.desk(nc)
			for range 6 {
				found, _ := first.Poll(t.Context(), tenant, endpoint, schemas.Poll{Max: 2, Wait: schemas.Duration(time.Second)})
				r.settle(first, found)
			}
			select {
			case <-gone:
				died++
			default:
			}
			second := r.desk(r.env.NC)
			for idle := 0; idle < 2; {
				found, err := second.Poll(t.Context(), tenant, endpoint, schemas.Poll{Max: 2, Wait: schemas.Duration(time.Minute)})
				if err != nil {
					t.Fatal(err)
				}
				if idle++; len(found) > 0 {
					idle = 0
				}
				r.settle(second, found)
			}
			if waiting, err := second.Waiting(t.Context()); err != nil || len(waiting) > 0 {
				t.Errorf("cut after %d bytes: there wait %v, %v", written, waiting, err)
			}
			retried := r.retried()
			for id := range r.wanted {
				if !r.delivered[id] && !retried[id] {
					t.Errorf("cut after %d bytes: %s is lost", written, id)
				}
			}
		})
	}
	if died < 5 {
		t.Errorf("only %d desks died: the test shows little", died)
	}
}
