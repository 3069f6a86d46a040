package fanout_test

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// dispatcher plays one that takes express deliveries.
type dispatcher struct {
	refuses map[schemas.EndpointID]bool
	early   map[schemas.EndpointID]bool // releases before it returns, settled or not

	mu      sync.Mutex // guards what follows
	offered []schemas.DeliveryID
	open    map[schemas.EndpointID]func(bool) // of those taken and not released
}

func (d *dispatcher) express(delivery *schemas.Delivery, release func(bool)) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.offered = append(d.offered, delivery.ID)
	e := delivery.Endpoint
	if settled, ok := d.early[e]; ok {
		release(settled)
		return true
	}
	if d.refuses[e] {
		return false
	}
	if d.open == nil {
		d.open = map[schemas.EndpointID]func(bool){}
	}
	d.open[e] = release
	return true
}

// refusing takes nothing.
func refusing() *dispatcher {
	return &dispatcher{refuses: map[schemas.EndpointID]bool{"ep_all": true, "ep_users": true, "ep_created": true}}
}

// release releases what an endpoint has.
func (d *dispatcher) release(e schemas.EndpointID, settled bool) {
	d.mu.Lock()
	f := d.open[e]
	delete(d.open, e)
	d.mu.Unlock()
	f(settled)
}

func (d *dispatcher) offers() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.offered)
}

// express runs a fanout with a dispatcher beside it.
func (r *rig) express(nc *nats.Conn, d *dispatcher) (stop func() error) {
	r.t.Helper()
	return r.runWith(nc, d.express)
}

// events are how often events were handed out, and how many of those are not
// acknowledged.
func (r *rig) events() (taken uint64, open int) {
	r.t.Helper()
	synctest.Wait()
	c, err := r.js.Consumer(r.t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(0))
	if err != nil {
		r.t.Fatal(err)
	}
	return c.CachedInfo().Delivered.Consumer, c.CachedInfo().NumAckPending
}

// has wants so many events handed out, and so many of them not acknowledged.
func (r *rig) has(when string, taken uint64, open int) {
	r.t.Helper()
	if t, o := r.events(); t != taken || o != open {
		r.t.Errorf("%s: %d events were handed out, %d of them are open; want %d and %d", when, t, o, taken, open)
	}
}

// queues wants the one event stored for the endpoints, under their deliveries' ids.
func (r *rig) queues(want ...schemas.EndpointID) {
	r.t.Helper()
	got := r.stored()
	if ids := slices.Sorted(maps.Keys(got)); !slices.Equal(ids, want) {
		r.t.Errorf("stored %v, want one for each of %v", got, want)
		return
	}
	s, err := r.js.Stream(r.t.Context(), r.env.Layout.DeliveriesStream(0))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range want {
		m, err := s.GetLastMsgForSubject(r.t.Context(), r.env.Layout.ReadySubject(e))
		if err != nil {
			r.t.Fatal(err)
		}
		d, err := schemas.ReadDelivery(m.Subject, maps.Clone(schemas.Header(m.Header)), m.Data)
		if id := m.Header.Get(jetstream.MsgIDHeader); err != nil || id != d.MessageID() || len(got[e]) != 1 {
			r.t.Errorf("%s: %d stored, the last under %q, %v", e, len(got[e]), id, err)
		}
	}
}

// refuse makes the delivery stream take nothing, until it is called with false.
func (r *rig) refuse(all bool) {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), r.env.Layout.DeliveriesStream(0))
	if err != nil {
		r.t.Fatal(err)
	}
	c := s.CachedInfo().Config
	c.MaxMsgSize = -1
	if all {
		c.MaxMsgSize = 1
	}
	if _, err := r.js.UpdateStream(r.t.Context(), c); err != nil {
		r.t.Fatal(err)
	}
}

// An event is acknowledged after the last of its deliveries is released and what
// must be is stored, and stays here for as long as that takes.
func TestExpressDeliveriesKeepTheEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, d := newRig(t), &dispatcher{}
		stop := r.express(r.env.Connect(), d)
		r.publish("acme", "order.created", 1)
		<-time.After(5 * time.Minute) // ten times the ack wait
		r.has("nothing is released", 1, 1)
		d.release("ep_all", true)
		<-time.After(5 * time.Minute)
		r.has("one is released", 1, 1)
		r.refuse(true)
		d.release("ep_users", false)
		d.release("ep_created", true)
		<-time.After(5 * time.Minute)
		r.has("all are released, and one is to be stored", 1, 1)
		r.refuse(false)
		<-time.After(3 * time.Second)
		r.has("it is stored", 1, 0)
		r.queues("ep_users")
		if err := stop(); err != nil {
			t.Errorf("stopped: %v", err)
		}
		if n := d.offers(); n != 3 {
			t.Errorf("%d deliveries were offered, want 3", n)
		}
	})
}

func TestExpressDeliveriesAndOthers(t *testing.T) {
	const all, users, created = schemas.EndpointID("ep_all"), schemas.EndpointID("ep_users"), schemas.EndpointID("ep_created")
	for name, tt := range map[string]struct {
		dispatcher *dispatcher
		release    map[schemas.EndpointID]bool
		first      []schemas.EndpointID // stored before anything is released
		stored     []schemas.EndpointID
	}{
		"all refused":                  {&dispatcher{refuses: map[schemas.EndpointID]bool{all: true, users: true, created: true}}, nil, []schemas.EndpointID{all, created, users}, []schemas.EndpointID{all, created, users}},
		"one refused":                  {&dispatcher{refuses: map[schemas.EndpointID]bool{users: true}}, map[schemas.EndpointID]bool{all: true, created: true}, []schemas.EndpointID{users}, []schemas.EndpointID{users}},
		"one refused, one slow":        {&dispatcher{refuses: map[schemas.EndpointID]bool{users: true}}, map[schemas.EndpointID]bool{all: false, created: true}, []schemas.EndpointID{users}, []schemas.EndpointID{all, users}},
		"all slow":                     {&dispatcher{}, map[schemas.EndpointID]bool{all: false, users: false, created: false}, nil, []schemas.EndpointID{all, created, users}},
		"all settled at once":          {&dispatcher{early: map[schemas.EndpointID]bool{all: true, users: true, created: true}}, nil, nil, nil},
		"all given back at once":       {&dispatcher{early: map[schemas.EndpointID]bool{all: false, users: false, created: false}}, nil, []schemas.EndpointID{all, created, users}, []schemas.EndpointID{all, created, users}},
		"some at once, and others not": {&dispatcher{early: map[schemas.EndpointID]bool{all: true, users: false}}, map[schemas.EndpointID]bool{created: true}, []schemas.EndpointID{users}, []schemas.EndpointID{users}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, d := newRig(t), tt.dispatcher
				r.express(r.env.Connect(), d)
				r.publish("acme", "order.created", 1)
				<-time.After(time.Second)
				if open := len(tt.release); open > 0 {
					r.has("nothing is released", 1, 1)
				}
				r.queues(tt.first...)
				for e, settled := range tt.release {
					d.release(e, settled)
				}
				<-time.After(time.Second)
				r.has("all are released", 1, 0)
				r.queues(tt.stored...)
			})
		})
	}
}

// A stop waits for what is under way. What it cannot store it gives back, and
// another has the event at once.
func TestExpressDeliveriesAtAStop(t *testing.T) {
	for name, refuses := range map[string]bool{"stored": false, "not to be stored": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, d := newRig(t), &dispatcher{refuses: map[schemas.EndpointID]bool{"ep_created": true}}
				stop := r.express(r.env.Connect(), d)
				r.publish("acme", "order.created", 1)
				<-time.After(time.Second)
				r.refuse(refuses)
				ended := make(chan error)
				go func() { ended <- stop() }()
				select {
				case err := <-ended:
					t.Fatalf("ended with deliveries outstanding: %v", err)
				case <-time.After(5 * time.Minute):
				}
				r.has("stopped", 1, 1)
				d.release("ep_all", false)
				d.release("ep_users", true)
				if err := <-ended; err != nil {
					t.Errorf("stopped: %v", err)
				}
				again := refusing()
				r.refuse(false)
				r.express(r.env.Connect(), again)
				<-time.After(time.Second)
				if refuses {
					r.has("it was given back", 2, 0)
					r.queues("ep_all", "ep_created", "ep_users")
				} else {
					r.has("it was stored", 1, 0)
					r.queues("ep_all", "ep_created")
				}
				if n := again.offers(); n > 0 {
					t.Errorf("%d deliveries of an event that came again were offered", n)
				}
			})
		})
	}
}

// A delivery that is to be stored while JetStream is away is stored once it is
// back.
func TestExpressDeliveriesOutliveJetStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, d := newRig(t), &dispatcher{}
		r.express(r.env.Connect(), d)
		r.publish("acme", "order.created", 1)
		<-time.After(time.Second)
		r.env.Down()
		d.release("ep_all", false)
		d.release("ep_users", false)
		<-time.After(5 * time.Second)
		r.env.Up()
		<-time.After(10 * time.Second)
		if _, open := r.events(); open != 1 {
			t.Errorf("%d events are open, want the one", open)
		}
		r.queues("ep_all", "ep_users")
		d.release("ep_created", true)
		r.settled()
		r.queues("ep_all", "ep_users")
	})
}

// An event whose process dies with deliveries outstanding comes again, and all of
// them are stored: what was stored before is not stored twice.
func TestExpressDeliveriesOfAProcessThatDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, d, again := newRig(t), &dispatcher{}, refusing()
		nc := r.env.Connect()
		stop := r.express(nc, d)
		r.publish("acme", "order.created", 1)
		<-time.After(time.Second)
		d.release("ep_all", false)
		d.release("ep_users", true)
		synctest.Wait()
		nc.Close()
		r.express(r.env.Connect(), again)
		<-time.After(5 * time.Second)
		r.has("it died", 1, 1)
		<-time.After(time.Minute)
		r.has("it came again", 2, 0)
		r.queues("ep_all", "ep_created", "ep_users")
		if n := again.offers(); n > 0 {
			t.Errorf("%d deliveries of an event that came again were offered", n)
		}
		d.release("ep_created", true) // nobody hears it
		if err := stop(); !schemas.HasCode(err, schemas.CodeUnavailable) && err != nil {
			t.Errorf("stopped: %v", err)
		}
	})
}

// JetStream crashes, and forgets that it had given out an event, and that it was
// acknowledged. Whoever settled it knows, and has nothing of it attempted again.
func TestExpressOfAnEventThatJetStreamForgot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.publish("acme", "stock.removed", 1)
		r.env.Down()
		forget := r.env.Remember(schemas.StreamEvents)
		r.env.Up()
		d := &dispatcher{early: map[schemas.EndpointID]bool{"ep_all": true}}
		r.express(r.env.Connect(), d)
		<-time.After(time.Minute)
		r.has("at first", 1, 0)
		r.env.Down()
		forget()
		r.env.Up()
		<-time.After(time.Minute)
		r.has("after the crash", 1, 0)
		if n := d.offers(); n != 1 {
			t.Errorf("its one delivery was offered %d times", n)
		}
		r.queues()
	})
}
