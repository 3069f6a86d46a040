package simulate

import (
	"fmt"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate/capacity"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate/model"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// Report is the answer. Rates and counts are of one cell, but for Bounds' needs and
// Cost.
type Report struct {
	Scenario Scenario         `json:"scenario"`
	Measured string           `json:"measured"` // where the costs were
	Cells    int              `json:"cells"`
	Bounds   []capacity.Bound `json:"bounds"`
	Cell     capacity.Plan    `json:"cell"`
	Cost     float64          `json:"cost_per_month"` // of all cells
	Sample   Sample           `json:"sample"`
	Phases   []Phase          `json:"phases"`
	Outage   *Outage          `json:"outage,omitempty"`
	Warnings []string         `json:"warnings"`
	Series   []Point          `json:"series"`
}

// Phase is a part of the time.
type Phase struct {
	Name       string        `json:"name"`
	Deliveries float64       `json:"deliveries_per_second"`
	Attempts   float64       `json:"attempts_per_second"`
	Failed     float64       `json:"failed"` // share of the attempts
	Busy       float64       `json:"busy"`   // share of the workers' cores
	Oldest     time.Duration `json:"oldest_ns"`
	Healthy    time.Duration `json:"oldest_healthy_ns"` // of endpoints that are not in the outage
	Waited     time.Duration `json:"waited_healthy_ns"` // the longest from due to its attempt
	P50        time.Duration `json:"p50_healthy_ns"`    // from event to delivery
	P99        time.Duration `json:"p99_healthy_ns"`
	Held       float64       `json:"held"`      // at most
	Scheduled  float64       `json:"scheduled"` // at most
	UnderWay   float64       `json:"under_way"` // at most
	Dead       float64       `json:"dead"`
}

// Outage is what it came to.
type Outage struct {
	Endpoints float64 `json:"endpoints"`
	Breakers  float64 `json:"breakers_open"` // at most
	Held      float64 `json:"held"`
	HeldGB    float64 `json:"held_gb"` // one copy
	Scheduled float64 `json:"scheduled"`
	UnderWay  float64 `json:"under_way"`
	// Drained is from its end until no more is held than before it, Settled until all but
	// a hundredth has ended of the deliveries that were on their way beyond those before
	// it, retries that wait included; -1 if that is later than the run.
	Drained time.Duration `json:"drained_ns"`
	Settled time.Duration `json:"settled_ns"`
}

// Point is a moment of the series.
type Point struct {
	At         time.Duration `json:"at_ns"`
	Deliveries float64       `json:"deliveries_per_second"`
	Held       float64       `json:"held"`
	Scheduled  float64       `json:"scheduled"`
	Oldest     time.Duration `json:"oldest_ns"`
	Healthy    time.Duration `json:"oldest_healthy_ns"`
}

// Answer answers a scenario.
func Answer(s Scenario, f calibration.Figures) (Report, error) {
	policy, err := s.policy()
	if err != nil {
		return Report{}, err
	}
	o, load := s.options(), s.load(policy)
	r := Report{Scenario: s, Measured: f.Machine, Cells: capacity.Cells(load, f, o), Bounds: capacity.Bounds(load, f, o), Warnings: []string{}}
	if r.Cells > capacity.MaxCells {
		b := r.Bounds[0]
		return r, usage.Errorf("more than %d cells are no answer: %s needs %s %s, of %s that a cell has; ask for less, or give a cell more", capacity.MaxCells, b.Name, short(b.Need), b.Unit, short(max(0, b.Limit)))
	}
	cell := load.Among(r.Cells)
	plan := capacity.New(cell, f, o)
	r.Sample = s.sampleOf(cell, plan.Workers)
	options, err := s.modelOptions(cell, plan, r.Sample, f)
	if err != nil {
		return r, err
	}
	run, err := model.Play(options)
	if err != nil {
		return r, err
	}
	r.phases(run)
	r.series(run, options.Step)
	if r.Outage != nil {
		cell.Held, cell.HeldEndpoints = r.Outage.Held, min(r.Outage.Breakers, float64(cell.Endpoints))
		cell.Scheduled = max(cell.Scheduled, r.Outage.Scheduled)
		cell.UnderWay = r.Outage.UnderWay
		r.Outage.HeldGB = r.Outage.Held * (s.Data + f.DeliveryBytes) / 1e9
	}
	r.Cell = capacity.New(cell, f, o)
	r.Cost = r.Cell.Cost * float64(r.Cells)
	r.warn(load, f)
	return r, nil
}

// phases are the parts of the run, and the outage.
func (r *Report) phases(run model.Run) {
	s := r.Scenario
	ends := []time.Duration{s.Before, s.Before + s.OutageFor, s.Before + s.OutageFor + s.After}
	var before model.Moment
	begin := time.Duration(0)
	for i, name := range []string{"before", "outage", "recovery"} {
		part := between(run.Moments, begin, ends[i])
		r.Phases = append(r.Phases, r.phase(name, model.Over(part), ends[i]-begin))
		if i == 0 {
			before = model.Over(part)
		}
		begin = ends[i]
	}
	if s.Outage > 0 {
		r.outage(run, before)
	}
}

// between are the moments that end after from, up to until.
func between(moments []model.Moment, from, until time.Duration) (part []model.Moment) {
	for _, m := range moments {
		if m.At > from && m.At <= until {
			part = append(part, m)
		}
	}
	return part
}

func (r *Report) phase(name string, m model.Moment, lasts time.Duration) Phase {
	seconds, scale := lasts.Seconds(), r.Sample.Scale
	p := Phase{
		Name: name, Oldest: m.Oldest, Healthy: m.Healthy, Waited: m.Waited, P50: m.P50, P99: m.P99,
		Deliveries: float64(m.Delivered) / seconds * scale, Attempts: float64(m.Attempts) / seconds * scale,
		Held: float64(m.Held) * scale, Scheduled: float64(m.Scheduled) * scale, UnderWay: float64(m.UnderWay) * scale, Dead: float64(m.Died) * scale,
		Busy: m.CPU.Seconds() / (seconds * r.Scenario.Cores * r.Sample.Share),
	}
	if m.Attempts > 0 {
		p.Failed = float64(m.Failed) / float64(m.Attempts)
	}
	return p
}

func (r *Report) outage(run model.Run, before model.Moment) {
	s, scale := r.Scenario, r.Sample.Scale
	end := s.Before + s.OutageFor
	worst := model.Over(between(run.Moments, s.Before, end+s.After))
	o := &Outage{
		Endpoints: s.Outage * float64(r.Sample.Endpoints) * scale, Breakers: float64(worst.Breakers) * scale,
		Held: float64(worst.Held) * scale, Scheduled: float64(worst.Scheduled) * scale, UnderWay: float64(worst.UnderWay) * scale, Drained: -1, Settled: -1,
	}
	for _, m := range between(run.Moments, end, end+s.After) {
		if o.Drained < 0 && m.Held <= before.Held {
			o.Drained = m.At - end
		}
		if o.Settled < 0 && 100*(m.Backlog-before.Backlog) <= worst.Backlog-before.Backlog {
			o.Settled = m.At - end
		}
	}
	r.Outage = o
}

func (r *Report) series(run model.Run, step time.Duration) {
	scale := r.Sample.Scale
	for _, m := range run.Moments {
		if m.At > r.Scenario.Before+r.Scenario.OutageFor+r.Scenario.After {
			break
		}
		r.Series = append(r.Series, Point{
			At: m.At, Deliveries: float64(m.Delivered) / step.Seconds() * scale, Held: float64(m.Held) * scale,
			Scheduled: float64(m.Scheduled) * scale, Oldest: m.Oldest, Healthy: m.Healthy,
		})
	}
}

// warn tells what more cells do not help.
func (r *Report) warn(load capacity.Load, f calibration.Figures) {
	s := r.Scenario
	hottest := load.Events * load.Fanout * capacity.Hottest(s.Endpoints, s.Skew)
	if takes := float64(s.Window) / load.Latency.Seconds(); hottest > takes {
		r.Warnings = append(r.Warnings, fmt.Sprintf("The busiest endpoint gets %s deliveries/s, and takes %s: %d at once of %s each. Its queue grows; let it take more at once (policy.concurrency), or skew less.",
			short(hottest), short(takes), s.Window, round(load.Latency)))
	}
	if events, takes := load.Events*capacity.Hottest(s.Tenants, s.Skew), 1e6/f.Event; events > takes*s.Busy {
		r.Warnings = append(r.Warnings, fmt.Sprintf("The busiest tenant has %s events/s, and one tenant's events are one partition's, which one process matches in order: about %s/s. Cells do not divide a tenant.", short(events), short(takes*s.Busy)))
	}
	if n := float64(r.Cell.Workers) / float64(r.Cell.Partitions); n > 1 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d workers share %d partitions: more of these (--partitions, before the streams are made).", r.Cell.Workers, r.Cell.Partitions))
	}
	if gib := max(r.Cell.WorkerMemory, r.Cell.ServerMemory); gib > s.Memory {
		r.Warnings = append(r.Warnings, fmt.Sprintf("In the outage a machine needs %.1f GiB of its %.0f.", gib, s.Memory))
	}
	if r.Outage != nil && r.Outage.Settled < 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("Of what the outage delayed more than a hundredth is still on its way %s after it: what failed before its breaker opened waits for its retry.", round(s.After)))
	}
	dead := 0.0
	for _, p := range r.Phases {
		dead += p.Dead
	}
	if dead > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s deliveries die in the time that is played: they have used up their retries, or more waits for an endpoint than may (policy.max_held).", short(dead)))
	}
	if busiest := r.Phases[len(r.Phases)-1].Busy; busiest > 0.95 {
		r.Warnings = append(r.Warnings, "The workers' CPUs are full as they recover.")
	}
}
