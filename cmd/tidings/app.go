package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/config/audit"
	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/erasure"
	"github.com/tidings-dev/tidings/config/heap"
	"github.com/tidings-dev/tidings/config/journal"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/picture"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/config/telemetry"
	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/pull"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// app is one process of the pipe. It starts from the pipe's end and stops from
// its front, so that the pipe drains.
type app struct {
	settings config.Settings
	name     string // of this process, among all
	log      *slog.Logger
	tracers  trace.TracerProvider // OpenTelemetry's noop unless spans are exported
	hooks    hooks
	declared config.Declarations // by the static file, if there is one

	embedded   *broker.Server // nil with a broker elsewhere
	connect    func(name string) (*nats.Conn, error)
	natsURL    string // for other processes; empty if the broker serves this one only
	httpAddr   string
	nc         *nats.Conn // the registry's
	journal    *journal.Journal
	record     schemas.Journal // to the journal
	deliveries *deliveryLog    // nil without the role api
	eraser     *erasure.Eraser // nil without the role api
	audit      *audit.Log
	desk       *pull.Desk // nil without the role api, or HTTP
	streams    streams.Applied
	registry   *registry.Registry
	index      *fanout.Index
	histories  *fanout.Histories
	targets    *attempt.Targets
	types      *catalogue.Catalogue
	express    schemas.Express // the dispatcher's; nil without one
	consents   *consents       // nil if receivers cannot reach this server
	barrier    *picture.Barrier
	picture    *picture.Picture // nil without the role api
	keys       *seal.Keyring    // nil for a process that needs no secrets
	measures   measures

	failed   chan error // the first part that ended by itself
	cleanups []cleanup

	mu    sync.Mutex // guards what follows
	ready []func() api.Check
}

// hooks are what a command adds to the app.
type hooks struct {
	// observe is told of each attempt.
	observe func(dispatcher.Report)
	// adminToken is told the first admin token, which is shown once.
	adminToken func(string)
	// transport replaces the way to the receivers, as tests with pipes do.
	transport http.RoundTripper
	// tracers replaces what the settings say of spans, as a test that records them does.
	tracers trace.TracerProvider
	// broker replaces the way to an external broker, as tests without sockets do.
	broker nats.InProcessConnProvider
	// name is the process's among all; made if it is empty.
	name string
	// unlogged leaves the delivery log out, and unsearched only the searching of it: to
	// measure what they cost.
	unlogged, unsearched bool
	// unexpress has every delivery stored before it is attempted, as where the stages are
	// processes of their own.
	unexpress bool
	// telemetry is told what the process does; nil tells nobody.
	telemetry *telemetry.Telemetry
}

type cleanup struct {
	name string
	do   func() error
}

// startApp runs the pipe by its settings, and returns once it works. The
// caller stops it, after an error too.
func startApp(ctx context.Context, settings config.Settings, log *slog.Logger, h hooks) (*app, error) {
	a := &app{
		settings: settings, name: cmp.Or(h.name, processName()), log: log, hooks: h, failed: make(chan error, 8),
		measures: newMeasures(h.telemetry),
	}
	a.tracers = cmp.Or(h.tracers, a.measures.to.Tracers())
	stopKeeping := heap.Keep()
	a.onStop("heap", func() error { stopKeeping(); return nil })
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"settings", a.readSettings},
		{"broker", a.startBroker},
		{"streams", a.applyStreams},
		{"journal", a.startJournal},
		{"storage", a.startStorage},
		{"registry", a.startRegistry},
		{"delivery log", a.startLog},
		{"janitor", a.startJanitor},
		{"consents", a.startConsents},
		{"http", a.startHTTP},
		{"dispatcher", a.startDispatcher},
		{"fanout", a.startFanout},
		{"metrics", a.startMetrics},
	}
	for _, s := range steps {
		if err := s.do(ctx); err != nil {
			return a, errors.Join(fmt.Errorf("start %s: %w", s.name, err), a.Stop())
		}
	}
	return a, nil
}

// Stop undoes what start did, the last first. It may be called twice.
func (a *app) Stop() error {
	var errs []error
	for len(a.cleanups) > 0 {
		last := a.cleanups[len(a.cleanups)-1]
		a.cleanups = a.cleanups[:len(a.cleanups)-1]
		if err := last.do(); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", last.name, err))
		}
	}
	return errors.Join(errs...)
}

func (a *app) onStop(name string, do func() error) {
	a.cleanups = append(a.cleanups, cleanup{name, do})
}

// background runs part until the app stops; Stop waits for it.
func (a *app) background(ctx context.Context, name string, part func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() {
		err := part(ctx)
		if ctx.Err() == nil { // nobody asked it to end
			err = cmp.Or(err, errEnded)
			select {
			case a.failed <- fmt.Errorf("%s: %w", name, err):
			default:
			}
		}
		done <- err
	}()
	a.onStop(name, func() error {
		cancel()
		return <-done
	})
}

var errEnded = errors.New("it ended by itself")

// Wait returns when ctx ends, or with the error of a part that ended before.
func (a *app) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.failed:
		return err
	}
}

// readSettings finds what is wrong before anything is made.
func (a *app) readSettings(context.Context) (err error) {
	if err := a.settings.Validate(); err != nil {
		return err
	}
	if a.settings.ConfigFile != "" {
		if a.declared, err = config.ReadFile(a.settings.ConfigFile); err != nil {
			return err
		}
	}
	a.keys, err = a.settings.Keyring() // before the broker makes the streams they are for
	return err
}
