package simulate

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// Check runs real loads on this machine and holds what was predicted against them.
type Check func(ctx context.Context, o CheckOptions, out, errs io.Writer) error

// CheckOptions are how a [Check] is done.
type CheckOptions struct {
	Seed    uint64              // of the model
	Runs    int                 // of each load; the median counts
	Figures calibration.Figures // by which the model counts
	JSON    bool
}

// asked is what the flags say.
type asked struct {
	scenario                     Scenario
	file, calibrate, output, svg string
	costs, checks                bool
	runs                         int
}

const long = `Say what a load needs: cells, processes, streams, memory, disks, cost; and what
becomes of it in a mass outage and after it: what is held, how old the oldest is,
of the healthy endpoints too, and when all has come.

Nothing is sent. The dispatchers of one process are played in virtual time, by the
product's own windows, breakers and retries, with costs that tidings bench has
measured (--costs lists them). Yours are better:

  tidings bench --only costs --json > costs.json
  tidings simulate --calibrate costs.json

A file of --scenario has the flags' names as its keys; flags win over it. --check
runs small loads really, here and now, and shows what was predicted beside what
came.`

// Command is `tidings simulate`.
func Command(check Check) *cobra.Command {
	var a asked
	c := &cobra.Command{
		Use:   "simulate",
		Short: "Say what a load needs, and how it fares in an outage",
		Long:  long,
		Args:  usage.NoArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			figures, err := a.read(c.Flags())
			switch {
			case err != nil:
				return err
			case a.costs:
				return writeCosts(c.OutOrStdout(), figures, a.output)
			case a.checks:
				o := CheckOptions{Seed: a.scenario.Seed, Runs: a.runs, Figures: figures, JSON: a.output == "json"}
				return check(c.Context(), o, c.OutOrStdout(), c.ErrOrStderr())
			}
			return a.answer(figures, c.OutOrStdout())
		},
	}
	a.scenario.bind(c.Flags())
	c.Flags().StringVar(&a.file, "scenario", "", "read the scenario from a YAML file")
	c.Flags().StringVar(&a.calibrate, "calibrate", "", "take the costs from a report of tidings bench --only costs --json")
	c.Flags().BoolVar(&a.costs, "costs", false, "list the costs, and how each was measured")
	c.Flags().BoolVar(&a.checks, "check", false, "run small loads on this machine for some minutes, and compare")
	c.Flags().IntVar(&a.runs, "runs", 3, "how often --check runs each load; the median counts")
	c.Flags().StringVarP(&a.output, "output", "o", "text", "text or json")
	c.Flags().StringVar(&a.svg, "svg", "", "write a chart of the time to an SVG file")
	return c
}

// read reads the files, and judges all of it.
func (a *asked) read(f *pflag.FlagSet) (calibration.Figures, error) {
	if a.file != "" {
		if err := a.scenario.overlay(a.file, f); err != nil {
			return calibration.Figures{}, err
		}
	}
	switch {
	case a.output != "text" && a.output != "json":
		return calibration.Figures{}, usage.Errorf("--output %q: use text or json", a.output)
	case a.runs < 1:
		return calibration.Figures{}, usage.Errorf("--runs is %d: use at least 1", a.runs)
	}
	if _, err := os.Stat(filepath.Dir(a.svg)); a.svg != "" && err != nil { // the answer takes a while
		return calibration.Figures{}, usage.Errorf("--svg: %w", err)
	}
	if err := a.scenario.validate(); err != nil || a.calibrate == "" {
		return calibration.Embedded(), err
	}
	figures, err := calibration.Read(a.calibrate)
	if err != nil {
		return figures, usage.Errorf("--calibrate: %w", err)
	}
	return figures, nil
}

func (a *asked) answer(f calibration.Figures, out io.Writer) error {
	r, err := Answer(a.scenario, f)
	if err != nil {
		return err
	}
	if a.svg != "" {
		if err := os.WriteFile(a.svg, r.SVG(), 0o644); err != nil { //nolint:gosec // a picture for all
			return err
		}
	}
	if a.output == "json" {
		return show.JSON(out, r)
	}
	return r.Write(out)
}
