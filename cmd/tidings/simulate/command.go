package simulate

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

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

// Command is `tidings simulate`.
func Command(check Check) *cobra.Command {
	var (
		s                             Scenario
		file, calibrated, output, svg string
		costs, checks                 bool
		runs                          int
	)
	c := &cobra.Command{
		Use:   "simulate",
		Short: "Say what a load needs, and how it fares in an outage",
		Long: `Say what a load needs: cells, processes, streams, memory, disks, cost; and what
becomes of it in a mass outage and after it: what is held, how old the oldest is,
of the healthy endpoints too, and when all has come.

Nothing is sent. The dispatchers of one process are played in virtual time, by the
product's own windows, breakers and retries, with costs that tidings bench has
measured (--costs lists them). Yours are better:

  tidings bench --only costs --json > costs.json
  tidings simulate --calibrate costs.json

A file of --scenario has the flags' names as its keys; flags win over it. --check
runs small loads really, here and now, and shows what was predicted beside what
came.`,
		Args: usage.NoArguments(),
		RunE: func(c *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return usage.Errorf("--output %q: use text or json", output)
			}
			if file != "" {
				if err := s.overlay(file, c.Flags()); err != nil {
					return err
				}
			}
			if runs < 1 {
				return usage.Errorf("--runs is %d: use at least 1", runs)
			}
			if err := s.validate(); err != nil {
				return err
			}
			figures := calibration.Embedded()
			if calibrated != "" {
				var err error
				if figures, err = calibration.Read(calibrated); err != nil {
					return usage.Errorf("--calibrate: %w", err)
				}
			}
			switch {
			case costs:
				return writeCosts(c.OutOrStdout(), figures, output)
			case checks:
				return check(c.Context(), CheckOptions{Seed: s.Seed, Runs: runs, Figures: figures, JSON: output == "json"}, c.OutOrStdout(), c.ErrOrStderr())
			}
			return answer(s, figures, output, svg, c.OutOrStdout())
		},
	}
	s.bind(c.Flags())
	c.Flags().StringVar(&file, "scenario", "", "read the scenario from a YAML file")
	c.Flags().StringVar(&calibrated, "calibrate", "", "take the costs from a report of tidings bench --only costs --json")
	c.Flags().BoolVar(&costs, "costs", false, "list the costs, and how each was measured")
	c.Flags().BoolVar(&checks, "check", false, "run small loads on this machine, and compare")
	c.Flags().IntVar(&runs, "runs", 3, "how often --check runs each load; the median counts")
	c.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	c.Flags().StringVar(&svg, "svg", "", "write a chart of the time to an SVG file")
	return c
}

func answer(s Scenario, f calibration.Figures, output, svg string, out io.Writer) error {
	r, err := Answer(s, f)
	if err != nil {
		return err
	}
	if svg != "" {
		if err := os.WriteFile(svg, r.SVG(), 0o644); err != nil { //nolint:gosec // a picture for all
			return err
		}
	}
	if output == "json" {
		return show.JSON(out, r)
	}
	return r.Write(out)
}
