package bench

import (
	"context"
	"errors"
	"fmt"
	"io"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/config/telemetry"
	"github.com/tidings-dev/tidings/config/telemetry/sampling"
)

// telemetryReport is what it costs that the pipe can be seen: the same flood with each
// part of it and without.
type telemetryReport struct {
	Shapes []benchShape `json:"variants"` // each ratio is to the first
}

// variant is a pipe with some of it.
type variant struct {
	name    string
	log     bool // the delivery log is written
	search  bool // and made searchable
	metrics bool
	sampled float64 // of the events have spans
}

func variants() []variant {
	return []variant{
		{name: "nothing"},
		{name: "delivery log", log: true},
		{name: "delivery log, searchable", log: true, search: true},
		{name: "metrics", metrics: true},
		{name: "traces, 1 % sampled", sampled: 0.01},
		{name: "traces, all sampled", sampled: 1},
		{name: "all of it, 1 % sampled", log: true, search: true, metrics: true, sampled: 0.01},
	}
}

// hooks are what a variant needs, until the function that it returns is called. Spans
// are made and batched, and go nowhere.
func (v variant) hooks(ctx context.Context) (h pipe.Hooks, end func() error, err error) {
	h = pipe.Hooks{Unlogged: !v.log, Unsearched: !v.search}
	end = func() error { return nil }
	if v.metrics {
		if h.Telemetry, err = telemetry.Setup(ctx, telemetry.Options{Scraped: true}); err != nil {
			return h, end, err
		}
		end = func() error { return h.Telemetry.Shutdown(ctx) }
	}
	if v.sampled == 0 {
		return h, end, nil
	}
	sampler, err := sampling.New(sampling.Options{Root: sdk.TraceIDRatioBased(v.sampled)})
	if err != nil {
		return h, end, err
	}
	spans := sdk.NewTracerProvider(sdk.WithSampler(sampler), sdk.WithBatcher(tracetest.NewNoopExporter()))
	h.Tracers = spans
	before := end
	return h, func() error { return errors.Join(before(), spans.Shutdown(ctx)) }, nil
}

// measureTelemetry begins with another variant each time: what runs first in a process
// has an easier life than what runs last.
func measureTelemetry(ctx context.Context, b *bencher) (telemetryReport, error) {
	all := variants()
	r := telemetryReport{Shapes: make([]benchShape, len(all))}
	for i := range all {
		n := (b.turn*3 + i) % len(all)
		s, err := all[n].measure(ctx, b)
		if err != nil {
			return r, fmt.Errorf("%s: %w", all[n].name, err)
		}
		b.progress("  %s: %.0f deliveries/s, %.3f s of CPU per 1000", s.Name, s.Rate, s.CPU)
		r.Shapes[n] = s
	}
	for i := range r.Shapes {
		r.Shapes[i].Ratio = r.Shapes[i].Rate / r.Shapes[0].Rate
	}
	return r, nil
}

func (v variant) measure(ctx context.Context, b *bencher) (s benchShape, err error) {
	h, end, err := v.hooks(ctx)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, end()) }()
	s, err = tenOnes.measureWith(ctx, b.sink, b.events, h)
	s.Name = v.name
	return s, err
}

func (r telemetryReport) write(w io.Writer) {
	fmt.Fprintf(w, "%s\tper second\tratio\tCPU s per 1000\tduplicates\tlost\t\n", name("10 endpoints 1 → 1, flood, and seen"))
	for _, s := range r.Shapes {
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.3f\t%d\t%d\t\n", name(s.Name), s.Rate, s.Ratio, s.CPU, s.Duplicates, s.Lost)
	}
}
