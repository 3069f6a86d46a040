package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/log"
	lognoop "go.opentelemetry.io/otel/log/noop"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/tidings-dev/tidings/config/telemetry/sampling"
)

// Options are what telemetry needs to know. The zero value exports what the
// environment asks for, and serves nothing.
type Options struct {
	// Service names the process's kind: "tidings" by default. OTEL_SERVICE_NAME wins.
	Service string
	// Process is its name among all, service.instance.id; Version the program's.
	Process string
	Version string
	// Scraped has [Telemetry.Metrics] serve what is measured.
	Scraped bool
	// Tenants is how many tenants have series of their own: the first that come; the
	// rest are "other". None by default: then nothing tells tenants apart.
	Tenants int
	// Endpoints is how many endpoints have series of their own: those that are worst
	// off at the moment. None by default.
	Endpoints int
	// Trust is how much producers' sampling counts.
	Trust sampling.Trust
	// Flush bounds how long Shutdown waits for what is still to be sent: 5 s by default.
	Flush time.Duration
	// Log is told what cannot be exported. It must not lead to [Telemetry.Handler].
	// Discarded by default.
	Log *slog.Logger
}

// Telemetry is what a process tells of itself. It is safe for concurrent use.
type Telemetry struct {
	o        Options
	meters   metric.MeterProvider
	loggers  log.LoggerProvider
	tracers  trace.TracerProvider
	logging  bool // loggers has an exporter
	scrape   http.Handler
	recorder *Recorder
	tenants  *tenants

	mu        sync.Mutex // guards what follows
	shutdowns []func(context.Context) error
}

// scope is the instrumentation scope of all that is measured and said.
const scope = "github.com/tidings-dev/tidings"

// Setup starts telemetry as the environment and o want it. It connects to nobody: an
// endpoint that does not answer is told of later, in o.Log. An error names the variable
// that is wrong, with [schemas.CodeInvalid].
func Setup(ctx context.Context, o Options) (*Telemetry, error) {
	if o.Service == "" {
		o.Service = "tidings"
	}
	if o.Flush == 0 {
		o.Flush = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t := &Telemetry{o: o, tenants: newTenants(o.Tenants)}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		o.Log.WarnContext(context.WithoutCancel(ctx), "telemetry not exported", "error", err)
	}))
	of, err := describe(ctx, o)
	if err != nil {
		return nil, err
	}
	start := func() error {
		if err := t.startTraces(ctx, of); err != nil {
			return err
		}
		if err := t.startLogs(ctx, of); err != nil {
			return err
		}
		reader, err := t.serveScrapes()
		if err != nil {
			return err
		}
		if err := t.startMetrics(ctx, of, reader); err != nil {
			return err
		}
		return t.startInstruments()
	}
	if err := start(); err != nil {
		return nil, errors.Join(fmt.Errorf("telemetry: %w", err), t.Shutdown(ctx))
	}
	return t, nil
}

// None is telemetry that tells nobody anything.
func None() *Telemetry {
	t := &Telemetry{
		meters: metricnoop.NewMeterProvider(), loggers: lognoop.NewLoggerProvider(), tracers: tracenoop.NewTracerProvider(),
		tenants: newTenants(0),
	}
	_ = t.startInstruments() // of a provider that does nothing: cannot fail
	return t
}

// describe is what the exporters say of this process.
func describe(ctx context.Context, o Options) (*resource.Resource, error) {
	of, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(semconv.ServiceName(o.Service), semconv.ServiceVersion(o.Version), semconv.ServiceInstanceID(o.Process)),
		resource.WithFromEnv(), // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
	)
	if err != nil {
		return nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return of, nil
}

// Measuring reports whether anybody reads what is measured.
func (t *Telemetry) Measuring() bool {
	_, nobody := t.meters.(metricnoop.MeterProvider)
	return !nobody
}

// Recorder counts what the stages do.
func (t *Telemetry) Recorder() *Recorder { return t.recorder }

// Meters makes meters for what is not in [Instruments].
func (t *Telemetry) Meters() metric.MeterProvider { return t.meters }

// Tracers makes tracers. They do nothing unless spans are exported.
func (t *Telemetry) Tracers() trace.TracerProvider { return t.tracers }

// Metrics serves GET /metrics; nil unless [Options.Scraped].
func (t *Telemetry) Metrics() http.Handler { return t.scrape }

func (t *Telemetry) onShutdown(do func(context.Context) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shutdowns = append(t.shutdowns, do)
}

// Shutdown sends what is still to be sent, within [Options.Flush], whatever becomes of
// ctx. It may be called twice.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	t.mu.Lock()
	all := t.shutdowns
	t.shutdowns = nil
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.o.Flush)
	defer cancel()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, do := range all {
		wg.Go(func() { errs[i] = do(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
