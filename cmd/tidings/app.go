package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/members"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/egress"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// app is one process of the pipe. It starts from the pipe's end and stops from
// its front, so that the pipe drains.
type app struct {
	settings config.Settings
	log      *slog.Logger
	hooks    hooks
	declared config.Declarations // by the static file, if there is one

	connect  func(name string) (*nats.Conn, error)
	natsURL  string // for other processes; empty if the broker serves this one only
	httpAddr string
	streams  streams.Applied
	registry *registry.Registry
	index    *fanout.Index
	targets  *dispatcher.Targets
	types    *catalogue.Catalogue
	consents *consents // nil if receivers cannot reach this server
	watcher  *registry.Watcher

	failed   chan error // the first part that ended by itself
	ready    []func() api.Check
	cleanups []cleanup
}

// hooks are what a command adds to the app.
type hooks struct {
	// observe is told of each attempt.
	observe func(dispatcher.Report)
	// transport replaces the way to the receivers, as tests with pipes do.
	transport http.RoundTripper
}

type cleanup struct {
	name string
	do   func() error
}

// startApp runs the pipe by its settings, and returns once it works. The
// caller stops it, after an error too.
func startApp(ctx context.Context, settings config.Settings, log *slog.Logger, h hooks) (*app, error) {
	a := &app{settings: settings, log: log, hooks: h, failed: make(chan error, 8)}
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"settings", a.readSettings},
		{"broker", a.startBroker},
		{"streams", a.applyStreams},
		{"registry", a.startRegistry},
		{"consents", a.startConsents},
		{"http", a.startHTTP},
		{"dispatcher", a.startDispatcher},
		{"fanout", a.startFanout},
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
	if err = a.settings.Validate(); err == nil && a.settings.ConfigFile != "" {
		a.declared, err = config.ReadFile(a.settings.ConfigFile)
	}
	return err
}

func (a *app) startBroker(ctx context.Context) error {
	n := a.settings.NATS
	if n.URL != "" {
		remote := remoteBroker(n)
		a.connect = func(name string) (*nats.Conn, error) { return remote.Connect(name, a.log) }
		a.natsURL = n.URL
		return nil
	}
	s, err := broker.StartEmbedded(ctx, broker.Embedded{DataDir: a.settings.DataDir, Listen: n.Listen, SyncAlways: n.SyncFiles}, a.log)
	if err != nil {
		return err
	}
	a.onStop("broker", func() error { s.Close(); return nil })
	a.connect = func(name string) (*nats.Conn, error) { return s.Connect(name, a.log) }
	a.natsURL = s.URL()
	return nil
}

func remoteBroker(n config.NATS) broker.Remote {
	return broker.Remote{URL: n.URL, Creds: n.Creds, NKey: n.NKey, CA: n.CA, Cert: n.Cert, Key: n.Key}
}

// connection opens a connection of the app's own, closed when it stops.
func (a *app) connection(name string) (*nats.Conn, error) {
	nc, err := a.connect("tidings " + name)
	if err != nil {
		return nil, err
	}
	a.onStop("connection of "+name, func() error { nc.Close(); return nil })
	a.ready = append(a.ready, func() api.Check {
		c := api.Check{Name: "nats connection of " + name}
		if !nc.IsConnected() {
			c.Problem = "the connection is " + strings.ToLower(nc.Status().String())
		}
		return c
	})
	return nc, nil
}

func (a *app) applyStreams(ctx context.Context) error {
	nc, err := a.connection("registry")
	if err != nil {
		return err
	}
	s := a.settings.Streams
	a.streams, err = streams.Apply(ctx, nc, streams.Options{
		Layout:       schemas.Layout{Partitions: s.Partitions, Shards: s.Shards},
		Replicas:     s.Replicas,
		EventsMaxAge: s.EventsMaxAge,
		DeadMaxAge:   s.DeadMaxAge,
		DedupWindow:  s.DedupWindow,
	})
	if err == nil && a.settings.NATS.URL == "" {
		err = members.Clear(ctx, a.streams.Members)
	}
	return err
}

// startRegistry applies the static file, and follows the registry from then on.
func (a *app) startRegistry(ctx context.Context) error {
	a.registry = registry.New(a.streams.Registry)
	if a.settings.ConfigFile != "" {
		d := a.declared
		if err := a.registry.Declare(ctx, registry.Declared(d)); err != nil {
			return err
		}
		a.log.InfoContext(ctx, "configuration applied", "file", a.settings.ConfigFile,
			"tenants", len(d.Tenants), "own_types", len(d.EventTypes), "endpoints", len(d.Endpoints), "subscriptions", len(d.Subscriptions))
	}
	a.index, a.targets, a.types = fanout.NewIndex(), dispatcher.NewTargets(), catalogue.New()
	a.types.Refused = func(err error) { a.log.Error("event type left out", "error", err) } //nolint:sloglint // no context comes with it
	w, err := a.registry.Watch(context.WithoutCancel(ctx), a.log, a.types.Apply, a.index.Apply, a.targets.Apply)
	if err != nil {
		return err
	}
	a.watcher = w
	a.background(ctx, "registry", w.Run)
	return nil
}

// awaitRegistry returns once this process has taken in all that the registry
// holds now. Publishing after it, an event meets the subscriptions written
// before it.
func (a *app) awaitRegistry(ctx context.Context) error {
	return a.watcher.CaughtUp(ctx, a.registry)
}

func (a *app) startHTTP(ctx context.Context) error {
	if a.settings.HTTPAddr == "" {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.settings.HTTPAddr)
	if err != nil {
		return schemas.Errorf(schemas.CodeInvalid, "--http-addr %s: %w", a.settings.HTTPAddr, err)
	}
	a.httpAddr = listener.Addr().String()
	mux := http.NewServeMux()
	mux.Handle("/", api.Health(a.checks))
	if a.consents != nil {
		mux.Handle(consentPath, a.consents.handler())
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	a.background(ctx, "http", func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { _ = server.Close() })
		defer stop()
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return nil
}

func (a *app) checks() []api.Check {
	checks := make([]api.Check, len(a.ready))
	for i, check := range a.ready {
		checks[i] = check()
	}
	return checks
}

func (a *app) startDispatcher(ctx context.Context) error {
	if !a.settings.Has(config.RoleDispatcher) {
		return nil
	}
	ranges, err := a.settings.AllowedRanges()
	if err != nil {
		return err
	}
	var callback dispatcher.Callback
	if a.consents != nil {
		callback = a.consents.callback
	}
	nc, err := a.connection("dispatcher")
	if err != nil {
		return err
	}
	d, err := dispatcher.New(nc, dispatcher.Options{
		Layout:    a.streams.Layout,
		Targets:   a.targets,
		Catalogue: a.types,
		Fetch:     a.registry.Endpoint,
		Disable:   a.registry.DisableEndpoint,
		Agree:     a.registry.Agree,
		Origin:    a.settings.Origin,
		Callback:  callback,
		Transport: a.transport(ranges),
		Observe:   a.observe,
		AckWait:   streams.AckWait,
		Grace:     a.settings.Grace,
		UserAgent: "Tidings/" + version(),
		Log:       a.log,
	})
	if err != nil {
		return err
	}
	a.share(ctx, string(config.RoleDispatcher), d.RunPartition)
	return nil
}

func (a *app) transport(allowed []netip.Prefix) http.RoundTripper {
	if a.hooks.transport != nil {
		return a.hooks.transport
	}
	return egress.NewTransport(egress.Options{Guard: egress.NewGuard(allowed)})
}

// observe logs what went wrong at the operator's level, and the rest for whoever
// looks closer.
func (a *app) observe(r dispatcher.Report) {
	level := slog.LevelDebug
	if r.Outcome.Kind == schemas.Dead {
		level = slog.LevelWarn
	}
	ctx := context.Background()
	if a.log.Enabled(ctx, level) {
		a.log.Log(ctx, level, "attempt", "delivery", r.Delivery.ID, "endpoint", r.Delivery.Endpoint, "tenant", r.Delivery.Tenant,
			"attempt", r.Attempt.Number, "status", r.Attempt.Status, "outcome", r.Outcome.Kind, "reason", r.Outcome.Reason, "took", r.Attempt.Duration)
	}
	if a.hooks.observe != nil {
		a.hooks.observe(r)
	}
}

func (a *app) startFanout(ctx context.Context) error {
	if !a.settings.Has(config.RoleFanout) {
		return nil
	}
	nc, err := a.connection("fanout")
	if err != nil {
		return err
	}
	f, err := fanout.New(nc, fanout.Options{
		Layout:    a.streams.Layout,
		Index:     a.index,
		Tenant:    a.registry.Tenant,
		Catalogue: a.types,
		Log:       a.log,
	})
	if err != nil {
		return err
	}
	a.share(ctx, string(config.RoleFanout), f.RunPartition)
	return nil
}

// partitionPause is how long a partition that could not run waits before it is
// tried again.
const partitionPause = time.Second

// share runs this member's share of a role's partitions.
func (a *app) share(ctx context.Context, role string, run func(context.Context, int) error) {
	m := members.New(a.streams.Members, members.Options{
		Role: role, ID: memberID(), Partitions: a.streams.Layout.Partitions, TTL: streams.MemberTTL, Log: a.log,
	})
	a.background(ctx, role, func(ctx context.Context) error {
		return m.Run(ctx, func(ctx context.Context, partition int) {
			for {
				err := run(ctx, partition)
				if ctx.Err() != nil {
					return
				}
				a.log.ErrorContext(ctx, "partition stopped; it is tried again", "role", role, "partition", partition, "error", err)
				select {
				case <-ctx.Done():
					return
				case <-time.After(partitionPause):
				}
			}
		})
	})
}

// memberID is unique among processes and fit for a subject token.
func memberID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "host"
	}
	host = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, host)
	return host + "-" + strings.ToLower(rand.Text()[:8])
}
