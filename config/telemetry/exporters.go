package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	lognoop "go.opentelemetry.io/otel/log/noop"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// startMetrics makes the meter provider, with whoever reads it. No exporter connects
// before it has something to send.
func (t *Telemetry) startMetrics(ctx context.Context, of *resource.Resource, scraped sdkmetric.Reader) error {
	options := []sdkmetric.Option{sdkmetric.WithResource(of)}
	if scraped != nil {
		options = append(options, sdkmetric.WithReader(scraped))
	}
	var exporter sdkmetric.Exporter
	spoken, err := exported(metrics)
	switch {
	case err != nil:
		return err
	case spoken == overGRPC:
		exporter, err = otlpmetricgrpc.New(ctx)
	case spoken == overHTTP:
		exporter, err = otlpmetrichttp.New(ctx)
	case scraped == nil:
		t.meters = metricnoop.NewMeterProvider()
		return nil
	}
	if err != nil {
		return err
	}
	if exporter != nil {
		options = append(options, sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter)))
	}
	provider := sdkmetric.NewMeterProvider(options...)
	t.meters = provider
	t.onShutdown(provider.Shutdown)
	return nil
}

// startLogs makes the logger provider; it leaves t.logging false if nobody wants logs.
func (t *Telemetry) startLogs(ctx context.Context, of *resource.Resource) error {
	t.loggers = lognoop.NewLoggerProvider()
	var exporter sdklog.Exporter
	spoken, err := exported(logs)
	switch {
	case err != nil || spoken == "":
		return err
	case spoken == overGRPC:
		exporter, err = otlploggrpc.New(ctx)
	default:
		exporter, err = otlploghttp.New(ctx)
	}
	if err != nil {
		return err
	}
	provider := sdklog.NewLoggerProvider(sdklog.WithResource(of), sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)))
	t.loggers, t.logging = provider, true
	t.onShutdown(provider.Shutdown)
	return nil
}

// startTraces makes the tracer provider. OTEL_TRACES_SAMPLER says which events have
// spans, package sampling that an event's whole life has.
func (t *Telemetry) startTraces(ctx context.Context, of *resource.Resource) error {
	t.tracers = tracenoop.NewTracerProvider()
	var exporter sdktrace.SpanExporter
	spoken, err := exported(traces)
	switch {
	case err != nil || spoken == "":
		return err
	case spoken == overGRPC:
		exporter, err = otlptracegrpc.New(ctx)
	default:
		exporter, err = otlptracehttp.New(ctx)
	}
	if err != nil {
		return err
	}
	sampler, err := sampled(t.o.Trust)
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(of), sdktrace.WithBatcher(exporter), sdktrace.WithSampler(sampler))
	t.tracers = provider
	t.onShutdown(provider.Shutdown)
	return nil
}
