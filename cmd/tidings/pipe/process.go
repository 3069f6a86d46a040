package pipe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

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

// Process is one process of the pipe. It starts from the pipe's end and stops from
// its front, so that the pipe drains.
type Process struct {
	NATSURL  string // for other processes; empty if the broker serves this one only
	HTTPAddr string
	Tracers  trace.TracerProvider // OpenTelemetry's noop unless spans are exported
	Streams  streams.Applied
	Registry *registry.Registry
	Barrier  *picture.Barrier
	Index    *fanout.Index
	Types    *catalogue.Catalogue

	settings config.Settings
	name     string // of this process, among all
	log      *slog.Logger
	hooks    Hooks
	declared config.Declarations // by the static file, if there is one

	embedded   *broker.Server // nil with a broker elsewhere
	connect    func(name string) (*nats.Conn, error)
	nc         *nats.Conn // the registry's
	journal    *journal.Journal
	record     schemas.Journal // to the journal
	deliveries *deliveryLog    // nil without the role api
	eraser     *erasure.Eraser // nil without the role api
	audit      *audit.Log
	desk       *pull.Desk // nil without the role api, or HTTP
	histories  *fanout.Histories
	targets    *attempt.Targets
	express    schemas.Express  // the dispatcher's; nil without one
	consents   *consents        // nil if receivers cannot reach this server
	picture    *picture.Picture // nil without the role api
	keys       *seal.Keyring    // nil for a process that needs no secrets
	measures   measures

	failed   chan error // the first part that ended by itself
	cleanups []cleanup

	mu    sync.Mutex // guards what follows
	ready []func() api.Check
}

// Hooks are what a command, or a test, adds to a process.
type Hooks struct {
	// Observe is told of each attempt.
	Observe func(dispatcher.Report)
	// AdminToken is told the first admin token, which is shown once.
	AdminToken func(string)
	// Transport replaces the way to the receivers, as tests with pipes do.
	Transport http.RoundTripper
	// Tracers replaces what the settings say of spans, as a test that records them does.
	Tracers trace.TracerProvider
	// Broker replaces the way to an external broker, as tests without sockets do.
	Broker nats.InProcessConnProvider
	// Name is the process's among all; made if it is empty.
	Name string
	// Unlogged leaves the delivery log out, and Unsearched only the searching of it: to
	// measure what they cost.
	Unlogged, Unsearched bool
	// Unexpress has every delivery stored before it is attempted, as where the stages are
	// processes of their own.
	Unexpress bool
	// Telemetry is told what the process does; nil tells nobody.
	Telemetry *telemetry.Telemetry
}

type cleanup struct {
	name string
	do   func() error
}

// Start runs the pipe by its settings, and returns once it works. Once it has found the
// streams on a cluster elsewhere, it starts anew while that cannot serve.
func Start(ctx context.Context, settings config.Settings, log *slog.Logger, h Hooks) (*Process, error) {
	var served bool
	var since time.Time // when it no longer did
	for {
		p, err := start(ctx, settings, log, h)
		served = served || settings.NATS.URL != "" && p.Streams.Registry != nil
		if since.IsZero() {
			since = time.Now()
		}
		if !served || !schemas.HasCode(err, schemas.CodeUnavailable) || time.Since(since) > clusterWait || ctx.Err() != nil {
			return p, err
		}
		log.WarnContext(ctx, "waiting", "for", err)
		select {
		case <-ctx.Done():
			return p, err
		case <-time.After(askAgain):
		}
	}
}

// start runs the pipe, or stops what it has begun.
func start(ctx context.Context, settings config.Settings, log *slog.Logger, h Hooks) (*Process, error) {
	p := &Process{
		settings: settings, name: cmp.Or(h.Name, Name()), log: log, hooks: h, failed: make(chan error, 8),
		measures: newMeasures(h.Telemetry),
	}
	p.Tracers = cmp.Or(h.Tracers, p.measures.to.Tracers())
	stopKeeping := heap.Keep()
	p.onStop("heap", func() error { stopKeeping(); return nil })
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"settings", p.readSettings},
		{"broker", p.startBroker},
		{"streams", p.applyStreams},
		{"journal", p.startJournal},
		{"storage", p.startStorage},
		{"registry", p.startRegistry},
		{"delivery log", p.startLog},
		{"janitor", p.startJanitor},
		{"consents", p.startConsents},
		{"http", p.startHTTP},
		{"dispatcher", p.startDispatcher},
		{"fanout", p.startFanout},
		{"metrics", p.startMetrics},
	}
	for _, s := range steps {
		if err := s.do(ctx); err != nil {
			return p, errors.Join(fmt.Errorf("start %s: %w", s.name, err), p.Stop())
		}
	}
	return p, nil
}

// Stop undoes what start did, the last first. It may be called twice.
func (p *Process) Stop() error {
	var errs []error
	for len(p.cleanups) > 0 {
		last := p.cleanups[len(p.cleanups)-1]
		p.cleanups = p.cleanups[:len(p.cleanups)-1]
		if err := last.do(); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", last.name, err))
		}
	}
	return errors.Join(errs...)
}

func (p *Process) onStop(name string, do func() error) {
	p.cleanups = append(p.cleanups, cleanup{name, do})
}

// background runs part until the process stops; Stop waits for it.
func (p *Process) background(ctx context.Context, name string, part func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() {
		err := part(ctx)
		if ctx.Err() == nil { // nobody asked it to end
			err = cmp.Or(err, errEnded)
			select {
			case p.failed <- fmt.Errorf("%s: %w", name, err):
			default:
			}
		}
		done <- err
	}()
	p.onStop(name, func() error {
		cancel()
		return <-done
	})
}

// outliving is a context for what a start begins and leaves running: until begun is
// called, it ends with the start's.
func outliving(ctx context.Context) (running context.Context, begun func() bool) {
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	return running, context.AfterFunc(ctx, end)
}

var errEnded = errors.New("it ended by itself")

// Wait returns when ctx ends, or with the error of a part that ended before.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-p.failed:
		return err
	}
}

// readSettings finds what is wrong before anything is made.
func (p *Process) readSettings(context.Context) (err error) {
	if err := p.settings.Validate(); err != nil {
		return err
	}
	if p.settings.ConfigFile != "" {
		if p.declared, err = config.ReadFile(p.settings.ConfigFile); err != nil {
			return err
		}
	}
	p.keys, err = p.settings.Keyring() // before the broker makes the streams they are for
	return err
}
