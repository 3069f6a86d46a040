package bench

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"text/tabwriter"
)

// benchReport is the table. Groups that were not measured are nil.
type benchReport struct {
	Machine    string            `json:"machine,omitempty"`
	Events     int               `json:"events"`
	Runs       int               `json:"runs"`
	Throughput *throughputReport `json:"throughput,omitempty"`
	Telemetry  *telemetryReport  `json:"telemetry,omitempty"`
	Latency    *latencyReport    `json:"latency,omitempty"`
	Neighbours *neighboursReport `json:"neighbours,omitempty"`
	Backlog    *backlogReport    `json:"backlog,omitempty"`
	Outage     *outageReport     `json:"outage,omitempty"`
	Schedules  *schedulesReport  `json:"schedules,omitempty"`
	Memory     *memoryReport     `json:"memory,omitempty"`
	Fleet      *fleetReport      `json:"fleet,omitempty"`
	Costs      *costsReport      `json:"costs,omitempty"`
}

// versus is a figure and what it is held against, of one repetition.
type versus struct {
	Base  float64 `json:"base"`
	Value float64 `json:"value"`
	Ratio float64 `json:"ratio"` // of the value to the base
}

// against compares. A base of nothing gives no ratio.
func against(base, value float64) versus {
	v := versus{Base: base, Value: value}
	if base > 0 {
		v.Ratio = value / base
	}
	return v
}

// count is a number of things that should not be: of several repetitions it is
// the sum.
type count int

// median makes one of several samples: the median of each float64, the sum of
// each count. The rest is as in the first. What is behind a pointer is the median
// of those that have it.
func median[T any](samples []T) T {
	var m T
	values := make([]reflect.Value, len(samples))
	for i := range samples {
		values[i] = reflect.ValueOf(samples[i])
	}
	setMedian(reflect.ValueOf(&m).Elem(), values)
	return m
}

func setMedian(to reflect.Value, samples []reflect.Value) {
	each := func(to reflect.Value, part func(reflect.Value) reflect.Value) {
		parts := make([]reflect.Value, len(samples))
		for i, s := range samples {
			parts[i] = part(s)
		}
		setMedian(to, parts)
	}
	if to.Kind() == reflect.Pointer {
		samples = slices.DeleteFunc(samples, reflect.Value.IsNil)
		if len(samples) == 0 {
			return
		}
		to.Set(reflect.New(to.Type().Elem()))
		each(to.Elem(), reflect.Value.Elem)
		return
	}
	switch first := samples[0]; {
	case to.Kind() == reflect.Struct:
		for i := range to.NumField() {
			each(to.Field(i), func(v reflect.Value) reflect.Value { return v.Field(i) })
		}
	case to.Kind() == reflect.Slice:
		to.Set(reflect.MakeSlice(to.Type(), first.Len(), first.Len()))
		for i := range first.Len() {
			each(to.Index(i), func(v reflect.Value) reflect.Value { return v.Index(i) })
		}
	case to.Kind() == reflect.Float64:
		slices.SortFunc(samples, func(a, b reflect.Value) int { return cmp.Compare(a.Float(), b.Float()) })
		to.Set(samples[len(samples)/2])
	case to.Type() == reflect.TypeFor[count]():
		for _, s := range samples {
			to.SetInt(to.Int() + s.Int())
		}
	default:
		to.Set(first)
	}
}

func (r benchReport) write(out io.Writer) error {
	fmt.Fprintf(out, "median of %d runs (outage, schedules, memory and fleet: one); %d deliveries of 1 KiB in each throughput run\n", r.Runs, r.Events)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	section := func(write func(io.Writer)) {
		fmt.Fprintln(w)
		write(w)
	}
	if r.Throughput != nil {
		section(r.Throughput.write)
	}
	if r.Telemetry != nil {
		section(r.Telemetry.write)
	}
	if r.Latency != nil {
		section(r.Latency.write)
	}
	if r.Neighbours != nil {
		section(r.Neighbours.write)
	}
	if r.Backlog != nil {
		section(r.Backlog.write)
	}
	if r.Outage != nil {
		section(r.Outage.write)
	}
	if r.Schedules != nil {
		section(r.Schedules.write)
	}
	if r.Memory != nil {
		section(r.Memory.write)
	}
	if r.Fleet != nil {
		section(r.Fleet.write)
	}
	if r.Costs != nil {
		section(r.Costs.write)
	}
	return w.Flush()
}

// comparison is a section of the table: figures against their base.
type comparison struct{ title, base, value string }

func (c comparison) head(w io.Writer) {
	fmt.Fprintf(w, "%s\t%s\t%s\tratio\tgoal\t\n", name(c.title), c.base, c.value)
}

func (comparison) row(w io.Writer, title string, v versus, goal string) {
	fmt.Fprintf(w, "%s\t%s\t%s\t%.2f\t%s\t\n", name(title), figure(v.Base), figure(v.Value), v.Ratio, goal)
}

// lone is a row without anything to hold it against.
func (comparison) lone(w io.Writer, title string, v float64) {
	fmt.Fprintf(w, "%s\t\t%s\t\t\t\n", name(title), figure(v))
}

// name fills the first column, which stands on the left.
func name(title string) string { return fmt.Sprintf("%-40s", title) }

// figure has three digits or more, or is a whole number.
func figure(v float64) string {
	digits := 0
	if v == math.Trunc(v) {
		return fmt.Sprintf("%.0f", v)
	}
	for limit := 100.0; math.Abs(v) < limit && digits < 3; limit /= 10 {
		digits++
	}
	return fmt.Sprintf("%.*f", digits, v)
}
