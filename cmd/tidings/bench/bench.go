package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/schemas"
)

// benchEvents is how many deliveries a throughput run has by default: some
// seconds of work.
const benchEvents = 30_000

// benchOptions says how much to measure.
type benchOptions struct {
	events int      // deliveries of each throughput run
	runs   int      // repetitions; the median counts
	only   []string // names of groups; all if there is none
	full   bool     // the sizes of a large installation
	json   bool     // machine-readable report
	plot   string   // a file for a chart of the ratios, or empty
	fleet  string   // a file for a chart of the fleet, or empty
	// profile is a file for a CPU profile of the whole benchmark, or empty.
	profile string
}

// Command is `tidings bench`.
func Command() *cobra.Command {
	var o benchOptions
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure the pipe against this machine's ceiling",
		Long: `Measure the pipe against the ceiling of this machine: signed POSTs of the same
bodies, made by net/http to the same receiver process over 64 connections. Each
repetition measures the ceiling and the pipe one after the other; the report
gives medians. Outage, schedules, memory and fleet take long, and are measured once. The
receiver is a process of its own; the embedded broker, the producer and the pipe
share this one.

A flood publishes as fast as the pipe accepts. A steady run never has more than
1 000 deliveries published and not yet received, as a service that waits would.`,
		Args: usage.NoArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return bench(c.Context(), o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().IntVar(&o.events, "events", benchEvents, "deliveries in each throughput run; fewer make all else smaller too")
	c.Flags().IntVar(&o.runs, "runs", 3, "repetitions; the median counts")
	c.Flags().StringSliceVar(&o.only, "only", nil, "what to measure: "+strings.Join(groupNames(), ", ")+" (default all but costs, by which simulate counts)")
	c.Flags().BoolVar(&o.full, "full", false, "measure ten times the backlog, outage, schedules and endpoints; takes long")
	c.Flags().StringVar(&o.plot, "plot", "", "write a chart of the throughput ratios to an SVG file")
	c.Flags().StringVar(&o.fleet, "plot-fleet", "", "write a chart of the deliveries while dispatchers come and go to an SVG file")
	c.Flags().StringVar(&o.profile, "cpu-profile", "", "write a CPU profile of this process to a file")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func (o benchOptions) validate() error {
	if o.events < 100 || o.runs < 1 {
		return schemas.Errorf(schemas.CodeInvalid, "--events %d --runs %d: use at least 100 events and 1 run", o.events, o.runs)
	}
	for _, name := range o.only {
		if !slices.Contains(groupNames(), name) {
			return schemas.Errorf(schemas.CodeInvalid, "--only %q: use some of %s", name, strings.Join(groupNames(), ", "))
		}
	}
	if o.plot != "" && !o.wants("throughput") {
		return schemas.Errorf(schemas.CodeInvalid, "--plot shows the throughput: add it to --only")
	}
	if o.fleet != "" && !o.wants("fleet") {
		return schemas.Errorf(schemas.CodeInvalid, "--plot-fleet shows the fleet: add it to --only")
	}
	return nil
}

// wants reports whether a group is to be measured, that need not be asked for.
func (o benchOptions) wants(group string) bool {
	return len(o.only) == 0 || slices.Contains(o.only, group)
}

// bencher is what the groups measure with.
type bencher struct {
	benchOptions
	sink     *sinkProcess
	progress func(format string, args ...any)
	// live is the rate of one endpoint's flood in this repetition; 0 until it is
	// known.
	live float64
	turn int // which repetition it is, from 0
}

// liveRate is the rate of one endpoint's flood in this repetition.
func (b *bencher) liveRate(ctx context.Context) (float64, error) {
	if b.live > 0 {
		return b.live, nil
	}
	r, err := oneToOne.measure(ctx, b.sink, b.events)
	b.live = r.Rate
	return r.Rate, err
}

// sized is the size of what is measured: ten times as large with --full, and
// smaller in proportion if --events are fewer than by default.
func (b *bencher) sized(n int) int {
	if b.full {
		n *= 10
	}
	return n * min(b.events, benchEvents) / benchEvents
}

// lasting is how long something is measured: shorter in proportion if --events
// are fewer than by default.
func (b *bencher) lasting(d time.Duration) time.Duration {
	return d * time.Duration(min(b.events, benchEvents)) / benchEvents
}

// benchGroup is a part of the table that can be measured alone.
type benchGroup struct {
	name    string
	once    bool // in the first repetition only: it takes long, and is only reported
	asked   bool // only if --only names it
	measure func(context.Context, *bencher, *benchReport) error
}

func benchGroups() []benchGroup {
	return []benchGroup{
		{"throughput", false, false, into(measureThroughput, func(r *benchReport) **throughputReport { return &r.Throughput })},
		{"telemetry", false, false, into(measureTelemetry, func(r *benchReport) **telemetryReport { return &r.Telemetry })},
		{"latency", false, false, into(measureLatency, func(r *benchReport) **latencyReport { return &r.Latency })},
		{"neighbours", false, false, into(measureNeighbours, func(r *benchReport) **neighboursReport { return &r.Neighbours })},
		{"backlog", false, false, into(measureBacklog, func(r *benchReport) **backlogReport { return &r.Backlog })},
		{"outage", true, false, into(measureOutage, func(r *benchReport) **outageReport { return &r.Outage })},
		{"schedules", true, false, into(measureSchedules, func(r *benchReport) **schedulesReport { return &r.Schedules })},
		{"memory", true, false, into(measureMemory, func(r *benchReport) **memoryReport { return &r.Memory })},
		{"fleet", true, false, into(measureFleet, func(r *benchReport) **fleetReport { return &r.Fleet })},
		{"costs", false, true, into(measureCosts, func(r *benchReport) **costsReport { return &r.Costs })},
	}
}

// into puts what is measured into its place in the report.
func into[T any](measure func(context.Context, *bencher) (T, error), place func(*benchReport) **T) func(context.Context, *bencher, *benchReport) error {
	return func(ctx context.Context, b *bencher, r *benchReport) error {
		part, err := measure(ctx, b)
		*place(r) = &part
		return err
	}
}

func groupNames() []string {
	var names []string
	for _, g := range benchGroups() {
		names = append(names, g.name)
	}
	return names
}

func bench(ctx context.Context, o benchOptions, out, errs io.Writer) error {
	stop, err := startProfile(o.profile)
	if err != nil {
		return err
	}
	defer stop()
	sink, err := startSink(ctx)
	if err != nil {
		return err
	}
	defer sink.Stop()

	progress := func(format string, args ...any) { fmt.Fprintf(errs, format+"\n", args...) }
	var samples []benchReport
	for i := range o.runs {
		progress("run %d of %d", i+1, o.runs)
		r, err := benchRun(ctx, &bencher{benchOptions: o, sink: sink, progress: progress, turn: i}, i == 0)
		if err != nil {
			return err
		}
		samples = append(samples, r)
	}
	report := median(samples)
	report.Runs, report.Events = o.runs, o.events
	report.Machine = fmt.Sprintf("%d cores, %s/%s, %s, median of %d runs", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), o.runs)
	if o.plot != "" {
		if err := os.WriteFile(o.plot, plot(*report.Throughput), 0o644); err != nil {
			return err
		}
	}
	if o.fleet != "" {
		if err := os.WriteFile(o.fleet, plotFleet(*report.Fleet), 0o644); err != nil {
			return err
		}
	}
	if o.json {
		return show.JSON(out, report)
	}
	return report.write(out)
}

// startProfile profiles to a file, if one is named, until stop.
func startProfile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a profile cut short shows itself
	}, nil
}

// benchRun is one repetition.
func benchRun(ctx context.Context, b *bencher, first bool) (benchReport, error) {
	var r benchReport
	for _, g := range benchGroups() {
		if !b.wants(g.name) || g.once && !first || g.asked && len(b.only) == 0 {
			continue
		}
		if err := g.measure(ctx, b, &r); err != nil {
			return r, fmt.Errorf("measure %s: %w", g.name, err)
		}
	}
	return r, nil
}
