package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// benchOptions says how much to measure.
type benchOptions struct {
	events int  // of each throughput run
	runs   int  // repetitions; the median counts
	json   bool // machine-readable report
	// profile is a file for a CPU profile of the whole benchmark, or empty.
	profile string
}

func benchCommand() *cobra.Command {
	var o benchOptions
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure the pipe against this machine's ceiling",
		Long: `Measure the pipe against the ceiling of this machine: signed POSTs of the same
bodies, made by net/http to the same receiver process over 64 connections. Each
repetition measures the ceiling and the pipe one after the other; the report
gives medians. The receiver is a process of its own; the embedded broker, the
producer and the pipe share this one.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return bench(c.Context(), o, c.OutOrStdout()) },
	}
	c.Flags().IntVar(&o.events, "events", 60000, "deliveries in each throughput run")
	c.Flags().IntVar(&o.runs, "runs", 3, "repetitions; the median counts")
	c.Flags().StringVar(&o.profile, "cpu-profile", "", "write a CPU profile of this process to a file")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

// benchReport is the table. Rates are per second.
type benchReport struct {
	Events  int           `json:"events"`
	Runs    int           `json:"runs"`
	Ceiling float64       `json:"ceiling"` // signed POSTs per second
	Shapes  []benchShape  `json:"shapes"`
	Latency latencyReport `json:"latency"`
}

// benchShape is one way to spread events over endpoints.
type benchShape struct {
	Name       string  `json:"name"`
	Rate       float64 `json:"deliveries_per_second"`
	Ratio      float64 `json:"ratio_to_ceiling"`
	CPU        float64 `json:"cpu_seconds_per_1000"` // of the pipe's process, producer and broker included
	Duplicates int     `json:"duplicates"`
	Lost       int     `json:"lost"`
}

// latencyReport is publish → receipt at a steady rate, beside a raw POST at the
// same rate.
type latencyReport struct {
	PerSecond int     `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	RawP50    float64 `json:"raw_p50_ms"`
	RawP99    float64 `json:"raw_p99_ms"`
}

func bench(ctx context.Context, o benchOptions, out io.Writer) error {
	progress := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // a profile cut short shows itself
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	sink, err := startSink(ctx)
	if err != nil {
		return err
	}
	defer sink.Stop()

	var samples []benchReport
	for i := range o.runs {
		progress("run %d of %d", i+1, o.runs)
		r, err := benchRun(ctx, o, sink, progress)
		if err != nil {
			return err
		}
		samples = append(samples, r)
	}
	report := medians(samples)
	report.Events, report.Runs = o.events, o.runs
	if o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(report)
	}
	return report.print(out)
}

// benchRun measures everything once.
func benchRun(ctx context.Context, o benchOptions, sink *sinkProcess, progress func(string, ...any)) (benchReport, error) {
	var r benchReport
	var err error
	if r.Ceiling, err = measureCeiling(ctx, sink, o.events); err != nil {
		return r, err
	}
	progress("  ceiling: %.0f signed POSTs/s", r.Ceiling)
	for _, s := range shapes() {
		result, err := s.measure(ctx, sink, o.events)
		if err != nil {
			return r, fmt.Errorf("%s: %w", s.name, err)
		}
		result.Ratio = result.Rate / r.Ceiling
		progress("  %s: %.0f deliveries/s, ratio %.2f", s.name, result.Rate, result.Ratio)
		r.Shapes = append(r.Shapes, result)
	}
	if r.Latency, err = measureLatency(ctx, sink); err != nil {
		return r, err
	}
	progress("  latency at %d/s: p50 %.1f ms, p99 %.1f ms", r.Latency.PerSecond, r.Latency.P50, r.Latency.P99)
	return r, nil
}

// medians takes the median of each figure, and the sum of what must be zero.
func medians(samples []benchReport) benchReport {
	of := func(figure func(benchReport) float64) float64 {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = figure(s)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	r := benchReport{
		Ceiling: of(func(r benchReport) float64 { return r.Ceiling }),
		Latency: latencyReport{
			PerSecond: samples[0].Latency.PerSecond,
			P50:       of(func(r benchReport) float64 { return r.Latency.P50 }),
			P99:       of(func(r benchReport) float64 { return r.Latency.P99 }),
			RawP50:    of(func(r benchReport) float64 { return r.Latency.RawP50 }),
			RawP99:    of(func(r benchReport) float64 { return r.Latency.RawP99 }),
		},
	}
	for i, shape := range samples[0].Shapes {
		m := benchShape{
			Name:  shape.Name,
			Rate:  of(func(r benchReport) float64 { return r.Shapes[i].Rate }),
			Ratio: of(func(r benchReport) float64 { return r.Shapes[i].Ratio }),
			CPU:   of(func(r benchReport) float64 { return r.Shapes[i].CPU }),
		}
		for _, s := range samples {
			m.Duplicates += s.Shapes[i].Duplicates
			m.Lost += s.Shapes[i].Lost
		}
		r.Shapes = append(r.Shapes, m)
	}
	return r
}

func (r benchReport) print(out io.Writer) error {
	fmt.Fprintf(out, "median of %d runs of %d deliveries of 1 KiB\n\n", r.Runs, r.Events)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tper second\tratio\tCPU s per 1000\tduplicates\tlost\t")
	fmt.Fprintf(w, "ceiling: signed POSTs\t%.0f\t1.00\t\t\t\t\n", r.Ceiling)
	for _, s := range r.Shapes {
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.3f\t%d\t%d\t\n", s.Name, s.Rate, s.Ratio, s.CPU, s.Duplicates, s.Lost)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	l := r.Latency
	_, err := fmt.Fprintf(out, "\npublish → receipt at %d events/s: p50 %.2f ms, p99 %.2f ms (a raw POST at that rate: %.2f and %.2f)\n",
		l.PerSecond, l.P50, l.P99, l.RawP50, l.RawP99)
	return err
}
