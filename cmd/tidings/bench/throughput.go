package bench

import (
	"context"
	"fmt"
	"io"
)

// throughputReport is how near the pipe comes to the ceiling of the machine.
type throughputReport struct {
	Ceiling float64      `json:"ceiling"` // signed POSTs per second
	Shapes  []benchShape `json:"shapes"`
}

// benchShape is what one shape came to.
type benchShape struct {
	Name       string  `json:"name"`
	Rate       float64 `json:"deliveries_per_second"`
	Ratio      float64 `json:"ratio_to_ceiling"`
	CPU        float64 `json:"cpu_seconds_per_1000"` // of the pipe's process, producer and broker included
	Duplicates count   `json:"duplicates"`
	Lost       count   `json:"lost"`
}

var (
	oneToOne = shape{name: "1 event → 1 endpoint, flood", types: 1, perType: 1}
	tenOnes  = shape{name: "10 endpoints 1 → 1, flood", types: 10, perType: 1}
	hundred  = shape{name: "100 endpoints 1 → 1, flood", types: 100, perType: 1}
)

// throughputShapes are those of the table, with the goals of their ratios; 0 is
// none.
func throughputShapes() []goaled {
	const ten, fanout = 0.65, 0.8
	return []goaled{
		{oneToOne, 0},
		{tenOnes, ten},
		{shape{"10 endpoints 1 → 1, steady", 10, 1, true}, ten},
		{shape{"1 → 10 fan-out, flood", 1, 10, false}, fanout},
		{shape{"1 → 10 fan-out, steady", 1, 10, true}, fanout},
	}
}

type goaled struct {
	shape
	goal float64
}

// goalCPU is that of each shape, in seconds per 1 000 deliveries.
const goalCPU = 0.08

// measureThroughput measures the ceiling, and then each shape on a pipe of its
// own.
func measureThroughput(ctx context.Context, b *bencher) (throughputReport, error) {
	var r throughputReport
	var err error
	if r.Ceiling, err = measureCeiling(ctx, b.sink, b.events); err != nil {
		return r, err
	}
	b.progress("  ceiling: %.0f signed POSTs/s", r.Ceiling)
	for _, s := range throughputShapes() {
		result, err := s.measure(ctx, b.sink, b.events)
		if err != nil {
			return r, fmt.Errorf("%s: %w", s.name, err)
		}
		if s.shape == oneToOne {
			b.live = result.Rate
		}
		result.Ratio = result.Rate / r.Ceiling
		b.progress("  %s: %.0f deliveries/s, ratio %.2f", s.name, result.Rate, result.Ratio)
		r.Shapes = append(r.Shapes, result)
	}
	return r, nil
}

func (r throughputReport) write(w io.Writer) {
	fmt.Fprintf(w, "%s\tper second\tratio\tgoal\tCPU s per 1000\tgoal\tduplicates\tlost\t\n", name("throughput"))
	fmt.Fprintf(w, "%s\t%.0f\t1.00\t\t\t\t\t\t\n", name("ceiling: signed POSTs"), r.Ceiling)
	shapes := throughputShapes()
	for i, s := range r.Shapes {
		goal := ""
		if shapes[i].goal > 0 {
			goal = fmt.Sprintf("≥ %.2f", shapes[i].goal)
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%s\t%.3f\t≤ %.2f\t%d\t%d\t\n", name(s.Name), s.Rate, s.Ratio, goal, s.CPU, goalCPU, s.Duplicates, s.Lost)
	}
}
