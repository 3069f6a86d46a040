// Package telemetry shows an operator what a process does: metrics, logs and spans,
// by OpenTelemetry.
//
// What it counts it is told by whoever wires the process ([Recorder], [Telemetry.Watch]):
// the stages know nothing of it. What there is to see is one table, [Instruments],
// of which deploy/metrics.md is made.
//
//	stages ──► Recorder ──┐             ┌──► GET /metrics (Prometheus, OpenMetrics)
//	state ──► Watch ──────┼─ MeterProvider
//	slog ──► Handler ─────┼─ LoggerProvider ──► OTLP, over gRPC or HTTP
//	tracers ──────────────┘  TracerProvider
//
// Nothing is sent anywhere unless the environment names an exporter, by the variables
// of OpenTelemetry's specification: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_METRICS_EXPORTER,
// OTEL_SERVICE_NAME and so on. A signal that nobody wants has a provider that does
// nothing.
//
// How many series there are has a bound that no tenant can move: an attribute has
// either a closed set of values, or so many as the operator allows ([Options.Tenants],
// [Options.Endpoints]).
//
//	what fails                     what happens
//	the collector is away          metrics: the next export has all; logs and spans: the
//	                               SDK's queues fill up, then the newest are left out.
//	                               The pipe never waits. A warning tells, on standard
//	                               error only.
//	the collector is slow at exit  Shutdown ends after Options.Flush
//	a scrape hangs                 it is cut off after 10 s; four may run at once
package telemetry
