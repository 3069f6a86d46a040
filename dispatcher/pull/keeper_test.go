package pull_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/pull"
	"github.com/tidings-dev/tidings/schemas"
)

// ages sets the endpoint's max_age.
func (r *rig) ages(id schemas.EndpointID, most time.Duration) {
	secret := schemas.NewSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	policy := schemas.Policy{MaxAge: schemas.Duration(most)}
	r.targets.Apply(schemas.Change{Endpoint: &schemas.Endpoint{ID: id, Tenant: tenant, Pull: true, Policy: policy, Secrets: []schemas.Secret{secret}}})
}

// messages is how many a stream has.
func (r *rig) messages(name string) int {
	r.t.Helper()
	js, err := jetstream.New(r.env.NC)
	if err != nil {
		r.t.Fatal(err)
	}
	stream, err := js.Stream(r.t.Context(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	return int(stream.CachedInfo().State.Msgs)
}

// keep runs a keeper until the test ends.
func (r *rig) keep(d *pull.Desk) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = pull.NewKeeper(d).Run(r.t.Context())
	}()
	r.t.Cleanup(func() { <-done })
}

// What nobody has fetched dies within a minute of its max_age. What is handed out may be
// settled for as long as a hand-out lasts, and no extension makes that longer.
func TestWhatIsTooOldDiesSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		began := time.Now()
		at := func(d time.Duration) {
			<-time.After(time.Until(began.Add(d)))
			synctest.Wait()
		}
		wants := func(dead, waiting int) {
			t.Helper()
			if d, w := r.messages(schemas.StreamDead), r.messages(schemas.StreamPull); d != dead || w != waiting {
				t.Errorf("%s on %d are dead and %d wait, want %d and %d", time.Since(began), d, w, dead, waiting)
			}
		}
		r.ages(endpoint, 10*time.Minute)
		d := r.desk(r.env.NC)
		r.keep(d)
		at(9*time.Minute + 50*time.Second)
		wants(0, 5)
		found, err := d.Poll(t.Context(), tenant, endpoint, schemas.Poll{Max: 2, AckWait: schemas.Duration(5 * time.Minute)})
		if err != nil || len(found) != 2 {
			t.Fatalf("%d, %v", len(found), err)
		}
		at(11 * time.Minute)
		wants(3, 2)
		at(14 * time.Minute)
		extended, err := d.Settle(t.Context(), tenant, endpoint, schemas.Settlement{Extend: []string{found[0].Receipt, found[1].Receipt}})
		if err != nil || extended[0].Status != schemas.SettledExtended {
			t.Fatalf("%+v, %v", extended, err)
		}
		if until := extended[0].Until.Sub(began); until != 15*time.Minute {
			t.Errorf("extended until %s after it was stored, want its max_age and one ack_wait", until)
		}
		at(15*time.Minute - time.Second)
		wants(3, 2)
		settled, err := d.Settle(t.Context(), tenant, endpoint, schemas.Settlement{Ack: []string{extended[0].Renewed}})
		if err != nil || settled[0].Status != schemas.SettledDelivered {
			t.Fatalf("%+v, %v", settled, err)
		}
		at(16 * time.Minute)
		wants(4, 0)
	})
}

// api counts requests to JetStream whose subject begins so, after "$JS.API.".
func (r *rig) api(prefix string) *atomic.Int64 {
	r.t.Helper()
	var n atomic.Int64
	_, err := r.env.Connect().Subscribe("$JS.API.>", func(m *nats.Msg) {
		if strings.HasPrefix(strings.TrimPrefix(m.Subject, "$JS.API."), prefix) {
			n.Add(1)
		}
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return &n
}

// fill stores deliveries for an endpoint that were accepted one a second, the last now.
func (r *rig) fill(id schemas.EndpointID, n int) {
	r.t.Helper()
	js, err := jetstream.New(r.env.NC)
	if err != nil {
		r.t.Fatal(err)
	}
	e := event.New()
	e.SetID("e")
	e.SetSource("/test")
	e.SetType("order.created")
	header, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range n {
		accepted := time.Now().Add(time.Duration(i+1-n) * time.Second)
		d := schemas.Delivery{ID: schemas.NewDeliveryID(accepted, uint64(i), id), Tenant: tenant, Endpoint: id, Event: header, Data: data}
		if _, err := js.PublishMsg(r.t.Context(), &nats.Msg{Subject: schemas.PullSubject(tenant, id), Header: nats.Header(d.Header()), Data: d.Body()}); err != nil {
			r.t.Fatal(err)
		}
	}
}

func TestALookIsOneRequestWhileNothingIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for i := range 20 {
			id := schemas.EndpointID(fmt.Sprint("ep_", i))
			r.fill(id, 3)
			r.ages(id, time.Hour)
		}
		requests := r.api("")
		k := pull.NewKeeper(r.desk(r.env.NC))
		look := func() int64 {
			before := requests.Load()
			if more, err := k.Look(t.Context()); err != nil || more {
				t.Fatal(more, err)
			}
			synctest.Wait()
			return requests.Load() - before
		}
		if n := look(); n < 40 {
			t.Errorf("the first look makes %d requests: they are not counted", n)
		}
		look()
		for range 5 {
			if n := look(); n != 1 {
				t.Errorf("a look makes %d requests, want 1", n)
			}
		}
	})
}

// Of a long queue only what is due to die is read again, and what comes in.
func TestOfALongQueueLittleIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		const n = 5000
		r.fill("ep_long", n)
		r.ages("ep_long", (n-100)*time.Second) // a hundred are too old, and then one a second
		reads := r.api("DIRECT.GET.PULL")
		k := pull.NewKeeper(r.desk(r.env.NC))
		for dead := 100; dead <= 400; dead += 100 {
			before := reads.Load()
			if more, err := k.Look(t.Context()); err != nil || more {
				t.Fatal(more, err)
			}
			synctest.Wait()
			if got := r.messages(schemas.StreamDead); got < dead-1 || got > dead+1 {
				t.Errorf("%d are dead, want about %d", got, dead)
			}
			if got := reads.Load() - before; dead > 100 && got > 2+2048/128 {
				t.Errorf("%d reads, want those of one stretch at most", got)
			}
			<-time.After(100 * time.Second)
		}
	})
}
