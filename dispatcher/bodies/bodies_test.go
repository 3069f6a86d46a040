package bodies_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/dispatcher/bodies"
	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// stored is a server with one event, and what a delivery that refers to it says.
func stored(t *testing.T) (*streamstest.Env, schemas.Delivery, []byte) {
	t.Helper()
	o := streamstest.Small()
	o.Layout.Partitions, o.Layout.Shards = 1, 1
	env := streamstest.Start(t, o)
	js, err := jetstream.New(env.NC)
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("7"), 100_000)
	m := &nats.Msg{Subject: schemas.EventSubject("acme", "user.created"), Header: eventHeader(), Data: data}
	ack, err := js.PublishMsg(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	event, err := direct.Get(t.Context(), env.NC, schemas.StreamEvents, ack.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	return env, schemas.Delivery{ID: schemas.NewDeliveryID(event.Time, event.Sequence, "ep_a"), Tenant: "acme", Endpoint: "ep_a", Reference: len(data)}, data
}

func TestLoad(t *testing.T) {
	env, d, data := stored(t)
	at, sequence, _ := d.ID.Accepted()
	for name, tt := range map[string]struct {
		change func(*schemas.Delivery)
		gone   bool
	}{
		"by reference":                      {func(*schemas.Delivery) {}, false},
		"at hand":                           {func(d *schemas.Delivery) { d.Tenant, d.Data = "other", data }, false},
		"of its own":                        {func(d *schemas.Delivery) { d.Tenant, d.Data, d.Reference = "other", data, 0 }, false},
		"none":                              {func(d *schemas.Delivery) { d.ID = schemas.NewDeliveryID(at.Add(-time.Hour), sequence+1, "ep_a") }, true},
		"another of the sequence":           {func(d *schemas.Delivery) { d.ID = schemas.NewDeliveryID(at.Add(time.Millisecond), sequence, "ep_a") }, true},
		"another of the sequence, later":    {func(d *schemas.Delivery) { d.ID = schemas.NewDeliveryID(at.Add(-time.Millisecond), sequence, "ep_a") }, true},
		"another tenant's of the same time": {func(d *schemas.Delivery) { d.Tenant = "other" }, true},
		"another of the same time":          {func(d *schemas.Delivery) { d.Reference-- }, true},
	} {
		for _, warm := range []bool{false, true} {
			b := bodies.New(env.Connect(), slog.New(slog.DiscardHandler))
			if warm {
				if _, err := b.Load(t.Context(), &d); err != nil {
					t.Fatal(err)
				}
			}
			asked := d
			tt.change(&asked)
			before := asked
			got, err := b.Load(t.Context(), &asked)
			switch {
			case tt.gone:
				if !schemas.HasCode(err, schemas.CodeNotFound) || got != nil {
					t.Errorf("%s: got %v, %v", name, got, err)
				}
			case err != nil || !bytes.Equal(got.Data, data) || got.Reference != 0 || got.ID != asked.ID:
				t.Errorf("%s: got %d bytes, %v", name, len(got.Data), err)
			}
			if len(asked.Data) != len(before.Data) || asked.Reference != before.Reference {
				t.Errorf("%s: the delivery that waits is changed", name)
			}
		}
	}
}

// An event that was stored a moment ago has not expired, whatever is shown.
func TestLoadWaitsForANewEvent(t *testing.T) {
	env, d, _ := stored(t)
	at, sequence, _ := d.ID.Accepted()
	d.ID = schemas.NewDeliveryID(at, sequence+1, "ep_a")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := bodies.New(env.Connect(), slog.New(slog.DiscardHandler)).Load(ctx, &d); err == nil || schemas.HasCode(err, schemas.CodeNotFound) {
		t.Errorf("got %v of an event that may be on its way to the leader", err)
	}
}

// A broker that is away is waited for, by each for as long as it likes.
func TestLoadWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env, d, data := stored(t)
		b := bodies.New(env.Connect(), slog.New(slog.DiscardHandler))
		env.Down()
		var loads sync.WaitGroup
		for n := range 20 {
			loads.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				start, patient := time.Now(), n > 0
				if !patient {
					time.AfterFunc(time.Minute, cancel)
				}
				got, err := b.Load(ctx, &d)
				switch took := time.Since(start); {
				case !patient && (!errors.Is(err, context.Canceled) || took != time.Minute):
					t.Errorf("cut off: %v after %s", err, took)
				case patient && (err != nil || !bytes.Equal(got.Data, data)):
					t.Errorf("patient: %v after %s", err, took)
				}
			})
		}
		<-time.After(2 * time.Minute)
		env.Up()
		loads.Wait()
	})
}

// Those who ask at the same time, and those who ask soon after, share one read.
func TestLoadReadsOnce(t *testing.T) {
	env, d, _ := stored(t)
	reads, err := env.NC.SubscribeSync("$JS.API.DIRECT.GET.EVENTS")
	if err == nil {
		err = env.NC.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	b := bodies.New(env.Connect(), slog.New(slog.DiscardHandler))
	for range 10 {
		var loads sync.WaitGroup
		for range 100 {
			loads.Go(func() {
				if _, err := b.Load(t.Context(), &d); err != nil {
					t.Error(err)
				}
			})
		}
		loads.Wait()
	}
	if err := env.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	if n, _, err := reads.Pending(); n != 1 || err != nil {
		t.Errorf("%d reads, want 1 (%v)", n, err)
	}
}

// eventHeader is that of an event with six attributes.
func eventHeader() nats.Header {
	return nats.Header{
		"ce-specversion": {"1.0"}, "ce-id": {"4f5b1c2e-8d07-4a43-8f0e-0d2f8f3a6f10"}, "ce-source": {"https://api.example.com/users"},
		"ce-type": {"user.created"}, "ce-time": {"2026-01-02T03:04:05.678Z"}, "ce-datacontenttype": {"application/json"},
	}
}
