package journal_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/journal"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// record is one that can be told from others.
func record(n int) schemas.Record {
	return schemas.Record{Event: &schemas.EventRecord{Sequence: uint64(n), EventSummary: schemas.EventSummary{ID: fmt.Sprint(n)}}}
}

// stored are the sequences of the records in LOG, by tenant, and how many messages
// they are in.
func stored(t *testing.T, env *streamstest.Env) (all map[schemas.TenantID][]uint64, messages uint64) {
	t.Helper()
	js, err := jetstream.New(env.NC)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), schemas.StreamLog)
	if err != nil {
		t.Fatal(err)
	}
	all = map[schemas.TenantID][]uint64{}
	state := s.CachedInfo().State
	for n := state.FirstSeq; n <= state.LastSeq; n++ {
		m, err := s.GetMsg(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		tenant, records, unread, err := schemas.ReadRecords(m.Subject, m.Data)
		if err != nil || unread > 0 {
			t.Fatalf("message %d: %d unread, %v", n, unread, err)
		}
		for _, r := range records {
			all[tenant] = append(all[tenant], r.Event.Sequence)
		}
	}
	return all, state.Msgs
}

// run runs a journal until the function that it returns is called.
func run(t *testing.T, env *streamstest.Env, o journal.Options) (*journal.Journal, func()) {
	t.Helper()
	j, err := journal.New(env.Connect(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return j, stop
}

// Each record is stored once, in its tenant's log, and written is called after that;
// those that come together share a message.
func TestJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		j, stop := run(t, env, journal.Options{})
		const n = 3000
		var written atomic.Int64
		var adding sync.WaitGroup
		for _, tenant := range []schemas.TenantID{"acme", "globex"} {
			adding.Go(func() {
				for i := range n {
					j.Add(tenant, record(i), func() { written.Add(1) })
				}
			})
		}
		adding.Wait()
		<-time.After(time.Second)
		if got := written.Load(); got != 2*n {
			t.Errorf("%d of %d were written", got, 2*n)
		}
		all, messages := stored(t, env)
		for _, tenant := range []schemas.TenantID{"acme", "globex"} {
			seen := map[uint64]int{}
			for _, s := range all[tenant] {
				seen[s]++
			}
			if len(seen) != n || len(all[tenant]) != n {
				t.Errorf("%s: %d records, %d of them different; want %d", tenant, len(all[tenant]), len(seen), n)
			}
		}
		if messages > n/10 {
			t.Errorf("%d messages for %d records", messages, 2*n)
		}
		stop()
		j.Add("acme", record(1), func() { written.Add(1) })
		if got := written.Load(); got != 2*n+1 || j.Dropped() != 1 {
			t.Errorf("after the end: %d written, %d dropped", got, j.Dropped())
		}
	})
}

// While JetStream is away nobody waits longer than two seconds, and what was told is
// stored once it is back, as far as memory goes.
func TestJournalWithoutJetStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		j, stop := run(t, env, journal.Options{MaxBytes: 10_000})
		env.Down()
		began := time.Now()
		var last atomic.Int64
		for i := range 1000 {
			j.Add("acme", record(i), func() { last.Store(int64(time.Since(began))) })
		}
		<-time.After(20 * time.Second)
		if took := time.Duration(last.Load()); took < time.Second || took > 3*time.Second {
			t.Errorf("the last was let go after %s", took)
		}
		dropped := int(j.Dropped())
		if dropped == 0 || dropped == 1000 {
			t.Errorf("%d of 1000 were left out", dropped)
		}
		env.Up()
		<-time.After(30 * time.Second)
		if all, _ := stored(t, env); len(all["acme"]) != 1000-dropped || int(j.Dropped()) != dropped {
			t.Errorf("%d are stored; %d were left out", len(all["acme"]), j.Dropped())
		}
		stop()
	})
}

// What no server would take is left out, and holds up nothing.
func TestJournalOfTooMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		j, stop := run(t, env, journal.Options{})
		large := record(1)
		large.Event.Source = strings.Repeat("x", int(env.NC.MaxPayload()))
		var written atomic.Int64
		j.Add("acme", large, func() { written.Add(1) })
		<-time.After(time.Second)
		j.Add("acme", record(2), func() { written.Add(1) })
		<-time.After(time.Second)
		if all, _ := stored(t, env); len(all["acme"]) != 1 || written.Load() != 2 || j.Dropped() != 1 {
			t.Errorf("%d stored, %d written, %d left out", len(all["acme"]), written.Load(), j.Dropped())
		}
		stop()
	})
}

// What waits when the process stops is stored first.
func TestJournalStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := streamstest.Start(t, streamstest.Small())
		j, stop := run(t, env, journal.Options{})
		var written atomic.Int64
		for i := range 500 {
			j.Add("acme", record(i), func() { written.Add(1) })
		}
		stop()
		if all, _ := stored(t, env); len(all["acme"]) != 500 || written.Load() != 500 || j.Dropped() > 0 {
			t.Errorf("%d stored, %d written, %d left out", len(all["acme"]), written.Load(), j.Dropped())
		}
		j, stop = run(t, env, journal.Options{})
		j.SetFull(true)
		j.Add("acme", record(500), func() { written.Add(1) })
		j.SetFull(false)
		j.Add("acme", record(501), func() { written.Add(1) })
		stop()
		if all, _ := stored(t, env); len(all["acme"]) != 501 || written.Load() != 502 || j.Dropped() != 1 {
			t.Errorf("full: %d stored, %d written, %d left out", len(all["acme"]), written.Load(), j.Dropped())
		}
	})
}

func BenchmarkJournal(b *testing.B) {
	env := streamstest.Start(b, streamstest.Small())
	j, err := journal.New(env.Connect(), journal.Options{MaxBytes: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- j.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	at := time.Now()
	r := schemas.Record{Attempt: &schemas.AttemptRecord{
		Delivery: schemas.NewDeliveryID(at, 7, "ep_a"), Endpoint: "ep_a",
		Event:   schemas.EventSummary{ID: "0123456789", Source: "/services/accounts", Type: "user.created", Subject: "usr_1"},
		Attempt: schemas.Attempt{Number: 1, At: at, Duration: 1234567, Status: 204, Reason: schemas.ReasonOK},
		Kind:    schemas.Delivered, Reason: schemas.ReasonOK, Dispatcher: "host-1234",
		Exchange: &schemas.Exchange{URL: "https://example.test/hooks", Sent: 1024, Timings: schemas.Timings{FirstByte: 1200000}},
	}}
	var done sync.WaitGroup
	slots := make(chan struct{}, 512)
	b.ReportAllocs()
	for b.Loop() {
		slots <- struct{}{}
		done.Add(1)
		j.Add("acme", r, func() { <-slots; done.Done() })
	}
	done.Wait()
}
