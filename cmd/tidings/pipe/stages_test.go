package pipe

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/picture"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
)

// stages runs the stages of the pipe one by one, as the process does but without
// members: so a test can kill one, and days pass faster, for there is no
// heartbeat. All is in one partition.
type stages struct {
	*pipe
	env       *streamstest.Env
	index     *fanout.Index
	histories *fanout.Histories
	targets   *attempt.Targets
	barrier   *picture.Barrier
}

func prepareStages(t *testing.T) *stages {
	t.Helper()
	o := streamstest.Small()
	o.Layout.Partitions, o.Layout.Shards = 1, 1
	s := &stages{pipe: newPipe(t), env: streamstest.Start(t, o), index: fanout.NewIndex(), histories: fanout.NewHistories(), targets: attempt.NewTargets()}
	s.registry = registry.New(s.env.Registry, testKeys(t))
	s.use(s.env.Connect())
	w, err := s.registry.Watch(t.Context(), slog.New(slog.DiscardHandler), s.index.Apply, s.histories.Apply, s.targets.Apply)
	if err != nil {
		t.Fatal(err)
	}
	s.barrier = picture.NewBarrier(w, s.registry)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	if err := s.registry.PutTenant(t.Context(), schemas.Tenant{ID: testTenant}); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return s
}

// testKeys seal what a test's registry holds.
func testKeys(t *testing.T) *seal.Keyring {
	t.Helper()
	keys, err := seal.Parse(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// worker is a running stage with a connection of its own.
type worker struct {
	nc     *nats.Conn
	cancel context.CancelFunc
	done   chan struct{}
}

func (w *worker) stop() {
	w.cancel()
	<-w.done
	w.nc.Close()
}

func (s *stages) run(nc *nats.Conn, part func(context.Context, int) error) *worker {
	ctx, cancel := context.WithCancel(s.t.Context())
	w := &worker{nc: nc, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		_ = part(ctx, 0)
	}()
	return w
}

func (s *stages) fanoutOn(nc *nats.Conn) func(context.Context, int) error {
	f, err := fanout.New(nc, fanout.Options{
		Layout:    s.env.Layout,
		Index:     s.index,
		Histories: s.histories,
		Registry:  pipeRegistry{s.registry, s.barrier},
		Tracers:   s.tracers,
	})
	if err != nil {
		s.t.Error(err)
	}
	return f.RunPartition
}

func (s *stages) dispatcherOn(nc *nats.Conn) func(context.Context, int) error {
	own, err := newAnnouncer(nc, nil)
	if err != nil {
		s.t.Error(err)
	}
	d, err := dispatcher.New(nc, dispatcher.Options{
		Layout:    s.env.Layout,
		Targets:   s.targets,
		Fetch:     s.registry.Endpoint,
		Disable:   s.registry.DisableEndpoint,
		Failing:   failingNotes{s.registry},
		Announce:  own.notice,
		Agree:     s.registry.Agree,
		Origin:    testOrigin,
		Transport: s.receiver.Transport(s.t),
		Observe:   s.observe,
		Tracers:   s.tracers,
		Grace:     time.Millisecond, // a process that died has none
	})
	if err != nil {
		s.t.Error(err)
	}
	return d.RunPartition
}

// startStages runs one of each until the test ends.
func startStages(t *testing.T) *stages {
	t.Helper()
	s := prepareStages(t)
	for _, stage := range []func(*nats.Conn) func(context.Context, int) error{s.dispatcherOn, s.fanoutOn} {
		nc := s.env.Connect()
		t.Cleanup(s.run(nc, stage(nc)).stop)
	}
	return s
}
