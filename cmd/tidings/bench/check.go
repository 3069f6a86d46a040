package bench

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate/model"
	"github.com/tidings-dev/tidings/schemas"
)

// checked is a figure that was predicted, and what came.
type checked struct {
	What      string  `json:"what"`
	Unit      string  `json:"unit"`
	Predicted float64 `json:"predicted"`
	Measured  float64 `json:"measured"` // median
	Least     float64 `json:"least"`
	Most      float64 `json:"most"`
	Error     float64 `json:"error"` // of the prediction, as a share of what was measured
}

// checkLoad is a load that the model plays, and the pipe runs.
type checkLoad struct {
	what, unit string
	predict    func(calibration.Figures, uint64) ([]float64, error)
	measure    func(context.Context, *bencher) ([]float64, error)
	names      []string // of what there are several figures of
}

const (
	checkEvents = benchEvents
	checkFor    = 10 * time.Second // how long receivers are kept busy
	checkFan    = 3                // deliveries of an event: neither of the two that are calibrated by
	// checkDown is how long the receivers of the outage refuse what comes: two probes
	// long, the third of which finds them up.
	checkDown      = 45 * time.Second
	checkEndpoints = 200
	checkRate      = 400.0 // events a second to all of them
	checkRetries   = 3
)

func checkLoads() []checkLoad {
	loads := []checkLoad{{what: fmt.Sprintf("CPU of a delivery, 1 → %d", checkFan), unit: "µs", predict: predictFan, measure: measureFan}}
	for _, window := range []int{4, 32} {
		loads = append(loads, latencyLoad(window, 100*time.Millisecond))
	}
	return append(loads,
		checkLoad{
			what: fmt.Sprintf("refused %d times, a second apart", checkRetries+1), predict: predictRefused, measure: measureRefused,
			names: []string{"requests", "until the last, s"}, unit: "",
		},
		checkLoad{
			what: fmt.Sprintf("%d endpoints down for %s", checkEndpoints, checkDown), predict: predictDown, measure: measureDown,
			names: []string{"requests refused", "held at most", "until all has come, s"},
		},
	)
}

// CheckModel runs each load some times, and holds the medians against the model.
func CheckModel(ctx context.Context, o simulate.CheckOptions, out, errs io.Writer) error {
	sink, err := startSink(ctx)
	if err != nil {
		return err
	}
	defer sink.Stop()
	b := &bencher{benchOptions: benchOptions{events: checkEvents, runs: o.Runs}, sink: sink, progress: func(string, ...any) {}}
	var all []checked
	for _, l := range checkLoads() {
		fmt.Fprintf(errs, "%s\n", l.what)
		predicted, err := l.predict(o.Figures, o.Seed)
		if err != nil {
			return err
		}
		runs := make([][]float64, len(predicted))
		for range o.Runs {
			measured, err := l.measure(ctx, b)
			if err != nil {
				return fmt.Errorf("%s: %w", l.what, err)
			}
			for i, v := range measured {
				runs[i] = append(runs[i], v)
			}
		}
		for i := range predicted {
			all = append(all, l.compare(i, predicted[i], runs[i]))
		}
	}
	if o.JSON {
		return show.JSON(out, all)
	}
	return writeChecked(out, all, o.Runs)
}

func (l checkLoad) compare(i int, predicted float64, runs []float64) checked {
	slices.Sort(runs)
	c := checked{What: l.what, Unit: l.unit, Predicted: predicted, Measured: runs[len(runs)/2], Least: runs[0], Most: runs[len(runs)-1]}
	if len(l.names) > 0 {
		c.What += ": " + l.names[i]
	}
	c.Error = (c.Predicted - c.Measured) / cmp.Or(c.Measured, 1)
	return c
}

func writeChecked(out io.Writer, all []checked, runs int) error {
	fmt.Fprintf(out, "median of %d runs\n\n", runs)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tpredicted\tmeasured\tfrom\tto\terror")
	for _, c := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%+.1f %%\n", c.What+word(c.Unit), figure(c.Predicted), figure(c.Measured), figure(c.Least), figure(c.Most), 100*c.Error)
	}
	return w.Flush()
}

func word(unit string) string {
	if unit == "" {
		return ""
	}
	return ", " + unit
}

// predictFan is of costs that were measured at other fan-outs.
func predictFan(f calibration.Figures, _ uint64) ([]float64, error) {
	return []float64{f.Event/checkFan + f.Delivery}, nil
}

func measureFan(ctx context.Context, b *bencher) ([]float64, error) {
	r, err := shape{"1 → 3", 1, checkFan, true}.measureWith(ctx, b.sink, b.events, pipe.Hooks{Unsearched: true})
	return []float64{r.CPU * 1000}, err
}

// latencyLoad has an endpoint get more than its window takes: the rate is the window
// over the latency, once the window has grown.
func latencyLoad(window int, latency time.Duration) checkLoad {
	policy := schemas.Policy{Concurrency: window}
	n := int(2 * checkFor.Seconds() * float64(window) / latency.Seconds())
	return checkLoad{
		what: fmt.Sprintf("an endpoint of %s, %d at once", latency, window), unit: "deliveries/s",
		predict: func(f calibration.Figures, seed uint64) ([]float64, error) {
			r, err := model.Play(model.Options{
				Seed: seed, Cores: 2, Express: true, Costs: modelCosts(f), Arrive: time.Second, Most: checkFor, Step: checkFor,
				Endpoints: []model.Endpoint{{At: slices.Repeat([]time.Duration{0}, n), Policy: policy, Answers: func(model.Request) model.Answer {
					return model.Answer{Status: 204, Took: latency}
				}}},
			})
			if err != nil {
				return nil, err
			}
			return []float64{float64(r.Moments[0].Delivered) / checkFor.Seconds()}, nil
		},
		measure: func(ctx context.Context, b *bencher) ([]float64, error) {
			path := afterPath + latency.String()
			p, err := b.checkPipe(ctx, []benchEndpoint{{url: b.sink.URL + path, policy: policy}})
			if err != nil {
				return nil, err
			}
			defer p.stop() //nolint:errcheck // a temporary folder
			began := time.Now()
			for range n {
				if err := p.publish(ctx, 0, time.Now()); err != nil {
					return nil, err
				}
			}
			if err := waitUntil(ctx, began.Add(checkFor)); err != nil {
				return nil, err
			}
			have, err := b.sink.Count(ctx, path)
			took := time.Since(began)
			// A request is counted as it comes, the model counts its end.
			return []float64{float64(have-window) / took.Seconds()}, err
		},
	}
}

// checkPipe is a pipe with endpoints, and a sink that has had nothing.
func (b *bencher) checkPipe(ctx context.Context, endpoints []benchEndpoint) (*benchPipe, error) {
	p, err := newBenchPipeWith(ctx, pipe.Hooks{Unsearched: true})
	if err != nil {
		return nil, err
	}
	if err = p.register(ctx, endpoints, nil); err == nil {
		err = b.sink.Reset(ctx)
	}
	if err != nil {
		_ = p.stop() // why it is of no use is known
		return nil, err
	}
	return p, nil
}

func waitUntil(ctx context.Context, at time.Time) error {
	select {
	case <-time.After(time.Until(at)):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// modelCosts are what the pipe's one process costs.
func modelCosts(f calibration.Figures) model.Costs {
	micros := func(us float64) time.Duration { return time.Duration(us * float64(time.Microsecond)) }
	return model.Costs{Attempt: micros(f.Delivery), Store: micros(f.Stored), Retry: micros(f.Retry), Hold: micros(f.Held)}
}
