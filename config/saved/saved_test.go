package saved_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/saved"
	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// rig is a pipe's streams, or an empty server.
type rig struct {
	t  *testing.T
	nc *nats.Conn
	js jetstream.JetStream
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, nc: streamstest.Start(t, streamstest.Small()).NC}
	var err error
	r.js, err = jetstream.New(r.nc)
	check(t, err)
	kv, err := r.js.KeyValue(t.Context(), schemas.BucketRegistry)
	check(t, err)
	for key, value := range map[string]string{
		"tenant.acme":        `{"id":"acme"}`,
		"endpoint.ep_pull":   `{"id":"ep_pull","pull":true}`,
		"subscription.sub_h": `{"id":"sub_h","endpoint":"ep_history","history":{"state":"reading"}}`,
		"progress.sub_h":     "2",
	} {
		_, err := kv.Put(t.Context(), key, []byte(value))
		check(t, err)
	}
	return r
}

// emptyServer has no streams.
func emptyServer(t *testing.T) *rig {
	t.Helper()
	s, err := broker.StartEmbedded(t.Context(), broker.Embedded{DataDir: t.TempDir()}, slog.New(slog.DiscardHandler))
	check(t, err)
	t.Cleanup(s.Close)
	r := &rig{t: t}
	r.nc, err = s.Connect(t.Name(), slog.New(slog.DiscardHandler))
	check(t, err)
	t.Cleanup(r.nc.Close)
	r.js, err = jetstream.New(r.nc)
	check(t, err)
	return r
}

// event stores an event of the tenant acme, and returns its place.
func (r *rig) event(id string) (sequence uint64) {
	r.t.Helper()
	ack, err := r.js.Publish(r.t.Context(), schemas.EventSubject("acme", "room.joined"), []byte(id))
	check(r.t, err)
	return ack.Sequence
}

// matched has fanout acknowledge so many events.
func (r *rig) matched(n int) {
	r.t.Helper()
	c, err := r.js.Consumer(r.t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(layout.TenantPartition("acme")))
	check(r.t, err)
	batch, err := c.Fetch(n)
	check(r.t, err)
	for m := range batch.Messages() {
		check(r.t, m.DoubleAck(r.t.Context()))
	}
}

var layout = streamstest.Small().Layout

// put stores a delivery under a subject, which may be of DELIVERIES or PULL.
func (r *rig) put(subject string, d schemas.Delivery, more ...string) {
	r.t.Helper()
	m := &nats.Msg{Subject: subject, Header: nats.Header(d.Header()), Data: d.Body()}
	for i := 0; i < len(more); i += 2 {
		m.Header.Set(more[i], more[i+1])
	}
	_, err := r.js.PublishMsg(r.t.Context(), m)
	check(r.t, err)
}

func delivery(sequence uint64, endpoint schemas.EndpointID, attempts int) schemas.Delivery {
	d := schemas.Delivery{
		ID: schemas.NewDeliveryID(time.UnixMilli(1e12), sequence, endpoint), Tenant: "acme", Endpoint: endpoint,
		Attempts: attempts, Event: schemas.Header{"ce-id": {fmt.Sprint(sequence)}}, Data: []byte("{}"),
	}
	for n := range attempts {
		d.History = append(d.History, schemas.Attempt{Number: n + 1})
	}
	return d
}

func (r *rig) save() (dir string, m *saved.Manifest) {
	r.t.Helper()
	dir = filepath.Join(r.t.TempDir(), "all")
	m, err := saved.Save(r.t.Context(), r.nc, dir, func(string, int64) {})
	check(r.t, err)
	return dir, m
}

func restored(t *testing.T, dir string) *rig {
	t.Helper()
	r := emptyServer(t)
	_, err := saved.Restore(t.Context(), r.nc, dir, saved.Options{})
	check(t, err)
	return r
}

// all are the subjects and deliveries of the messages of a stream, with their attempts.
func (r *rig) all(stream string) (found []string) {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), stream)
	check(r.t, err)
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq; seq++ {
		m, err := s.GetMsg(r.t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		check(r.t, err)
		kind, _, _ := strings.Cut(m.Subject, ".")
		found = append(found, strings.TrimSpace(fmt.Sprintf("%s %s %s", kind, m.Header.Get("ce-id"), m.Header.Get("Tidings-Attempts"))))
	}
	return found
}

// Sequences and times stay, on which the ids of deliveries depend, and fanout goes on
// where it was.
func TestEverythingComesBack(t *testing.T) {
	r := newRig(t)
	for _, id := range []string{"a", "b", "c", "d"} {
		r.event(id)
	}
	events, err := r.js.Stream(t.Context(), schemas.StreamEvents)
	check(t, err)
	check(t, events.DeleteMsg(t.Context(), 2))
	r.matched(2) // a and c
	_, err = r.js.Publish(t.Context(), schemas.DeadEventSubject("acme"), []byte("dead"))
	check(t, err)
	was, err := events.GetMsg(t.Context(), 4)
	check(t, err)
	dir, m := r.save()

	back := restored(t, dir)
	events, err = back.js.Stream(t.Context(), schemas.StreamEvents)
	check(t, err)
	is, err := events.GetMsg(t.Context(), 4)
	check(t, err)
	if !is.Time.Equal(was.Time) || string(is.Data) != "d" || events.CachedInfo().State.Msgs != 3 || back.event("e") != 5 {
		t.Errorf("%+v came back as %+v, of %+v", was, is, events.CachedInfo().State)
	}
	kv, err := back.js.KeyValue(t.Context(), schemas.BucketRegistry)
	check(t, err)
	for _, key := range []string{"tenant.acme", "progress.sub_h"} {
		if _, err := kv.Get(t.Context(), key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := kv.Get(t.Context(), registry.RestoringKey); err == nil {
		t.Error("the registry is not whole")
	}
	if m.Ended.Before(m.Began) || len(back.all(schemas.StreamDead)) != 1 {
		t.Errorf("%+v, dead: %v", m, back.all(schemas.StreamDead))
	}
	if _, err := streams.Apply(t.Context(), back.nc, streamstest.Small()); err != nil { // as the next process does
		t.Error(err)
	}
	c, err := back.js.Consumer(t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(layout.TenantPartition("acme")))
	check(t, err)
	next, err := c.Next()
	check(t, err)
	if string(next.Data()) != "d" || c.CachedInfo().NumPending != 2 {
		t.Errorf("fanout goes on with %q, and %d wait: want d and e", next.Data(), c.CachedInfo().NumPending)
	}
}

// Of a delivery that was read more than once the last copy is put back, and none that
// fanout makes again.
func TestOfEachDeliveryOne(t *testing.T) {
	r := newRig(t)
	for range 3 {
		r.event("x")
	}
	r.matched(2)
	replayed := delivery(3, "ep_a", 0)
	replayed.Replay = &schemas.Replay{Asked: time.UnixMilli(2e12), After: time.UnixMilli(1e12)}
	held, later, ready := layout.HeldSubject("ep_a"), layout.LaterSubject("ep_a", "dlv_x"), layout.ReadySubject("ep_a")
	r.put(ready, delivery(1, "ep_a", 1))
	r.put(later, delivery(1, "ep_a", 2), "Nats-Schedule", "@at 2099-01-01T00:00:00Z", "Nats-Schedule-Target", ready)
	r.put(held, delivery(2, "ep_a", 0))
	r.put(layout.LaterSubject("ep_a", "dlv_y"), delivery(2, "ep_a", 4), "Tidings-After", "5s") // kept of it
	r.put(ready, delivery(3, "ep_a", 0))                                                       // fanout has not acknowledged its event
	r.put(ready, replayed)
	r.put(layout.ReadySubject("ep_history"), delivery(3, "ep_history", 0)) // nobody knows who makes it again
	r.put(schemas.PullSubject("acme", "ep_pull"), delivery(1, "ep_pull", 3))
	dir, _ := r.save()

	back := restored(t, dir)
	var got []string
	for shard := range layout.Shards {
		got = append(got, back.all(schemas.DeliveriesShard(shard))...)
	}
	got = append(got, back.all(schemas.StreamPull)...)
	want := map[string]int{"later 1 2": 1, "held 2": 1, "later 2 4": 1, "ready 3": 2, "pull 1 3": 1}
	for _, m := range got {
		want[m]--
	}
	for m, n := range want {
		if n != 0 {
			t.Errorf("%d of %q are missing, of %q", n, m, got)
		}
	}
}

// What moves within DELIVERIES while it is read is found: it is stored anew before it is
// removed. (A snapshot of JetStream's would miss it.)
func TestWhatMovesIsFound(t *testing.T) {
	const n = 2000
	r := newRig(t)
	ready, held := layout.ReadySubject("ep_a"), layout.HeldSubject("ep_a")
	stream, err := r.js.Stream(t.Context(), layout.DeliveriesStream(layout.Partition("ep_a")))
	check(t, err)
	r.event("x")
	for i := range n {
		r.put(ready, delivery(uint64(i+1), "ep_a", 0))
	}
	check(t, r.acknowledgeAll())
	ctx, stop := context.WithCancel(t.Context())
	moved := make(chan error, 1)
	go func() { // stop ends it
		moved <- r.move(ctx, stream, held)
	}()
	dir, _ := r.save()
	stop()
	if err := <-moved; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range restored(t, dir).all(layout.DeliveriesStream(layout.Partition("ep_a"))) {
		found[strings.Fields(m)[1]] = true
	}
	if len(found) != n {
		t.Errorf("%d of %d are found", len(found), n)
	}
}

// acknowledgeAll has fanout be further than any delivery of the test.
func (r *rig) acknowledgeAll() error {
	_, err := r.js.ResetConsumerToSequence(r.t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(layout.TenantPartition("acme")), 1<<20)
	return err
}

// move moves the oldest message to the end, again and again.
func (r *rig) move(ctx context.Context, stream jetstream.Stream, to string) error {
	for seq := uint64(1); ; seq++ {
		m, err := stream.GetMsg(ctx, seq)
		if err != nil {
			return err
		}
		m.Header.Del("Nats-Msg-Id")
		if _, err := r.js.PublishMsg(ctx, &nats.Msg{Subject: to, Header: m.Header, Data: m.Data}); err != nil {
			return err
		}
		if err := stream.DeleteMsg(ctx, seq); err != nil {
			return err
		}
	}
}

func TestRefused(t *testing.T) {
	r := newRig(t)
	r.event("x")
	dir, m := r.save()
	if _, err := saved.Save(t.Context(), r.nc, dir, func(string, int64) {}); !schemas.HasCode(err, schemas.CodeConflict) {
		t.Errorf("into the same folder: %v", err)
	}
	if _, err := saved.Restore(t.Context(), r.nc, dir, saved.Options{}); !schemas.HasCode(err, schemas.CodeConflict) || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("onto what is there: %v", err)
	}
	empty := emptyServer(t)
	files := []string{m.Registry.Name}
	for _, s := range m.Streams {
		files = append(files, s.File.Name)
	}
	spoil := map[string]func(path string, content []byte) error{
		"is cut short": func(path string, content []byte) error {
			return os.WriteFile(path, content[:len(content)/2], 0o600)
		},
		"was altered": func(path string, content []byte) error {
			return os.WriteFile(path, append([]byte{content[0] ^ 1}, content[1:]...), 0o600)
		},
		"lacks": func(path string, _ []byte) error { return os.Remove(path) },
	}
	for want, do := range spoil {
		for _, name := range files {
			path := filepath.Join(dir, name)
			content, err := os.ReadFile(path)
			check(t, err)
			check(t, do(path, content))
			_, err = saved.Restore(t.Context(), empty.nc, dir, saved.Options{})
			if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v, want that it %s", name, err, want)
			}
			check(t, os.WriteFile(path, content, 0o600))
		}
	}
	check(t, os.Rename(filepath.Join(dir, "manifest.json"), filepath.Join(dir, "elsewhere")))
	if _, err := saved.Restore(t.Context(), empty.nc, dir, saved.Options{}); !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), "is no backup") {
		t.Errorf("without a manifest: %v", err)
	}
	empty.wantNothing()
}

// wantNothing wants no stream.
func (r *rig) wantNothing() {
	r.t.Helper()
	for name := range r.js.StreamNames(r.t.Context()).Name() {
		r.t.Errorf("the stream %s is there", name)
	}
}

// A restore that JetStream does not go along with leaves nothing.
func TestNothingHalfDone(t *testing.T) {
	r := newRig(t)
	r.event("x")
	dir, _ := r.save()
	empty := emptyServer(t)
	if _, err := saved.Restore(t.Context(), empty.nc, dir, saved.Options{Replicas: 3}); err == nil { // it is no cluster
		t.Fatal("it was restored")
	}
	empty.wantNothing()
	ctx, interrupt := context.WithCancel(t.Context())
	if _, err := saved.Restore(ctx, empty.nc, dir, saved.Options{Told: func(what string, _ int64) {
		if what == "bytes of "+schemas.StreamEvents {
			interrupt()
		}
	}}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	empty.wantNothing()
	if _, err := saved.Restore(t.Context(), empty.nc, dir, saved.Options{}); err != nil {
		t.Errorf("again: %v", err)
	}
}
