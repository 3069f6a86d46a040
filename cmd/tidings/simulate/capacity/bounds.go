package capacity

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
)

// Bound is what one cell can take of something.
type Bound struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Need  float64 `json:"need"`  // of the whole load
	Limit float64 `json:"limit"` // of one cell
	Why   string  `json:"why"`
	// Lags tells that beyond it something comes later, and no delivery does.
	Lags bool `json:"lags,omitempty"`
}

// Cells is how many cells it asks for, as a share of one; infinitely many if a cell holds
// nothing.
func (b Bound) Cells() float64 {
	if b.Limit <= 0 {
		return math.Inf(1)
	}
	return b.Need / b.Limit
}

// Bounds are all there are, the nearest first.
func Bounds(l Load, f calibration.Figures, o Options) []Bound {
	writes := streamWrites(f, o)
	p := newPlan(l, f, o)
	bounds := []Bound{
		{
			Name: "registry in memory", Unit: "endpoints", Need: float64(l.Endpoints),
			Limit: (o.Memory*gib*o.Busy/headroom - f.Process*kib) / (f.Endpoint * kib),
			Why:   fmt.Sprintf("every process has all endpoints, %.1f KiB each, and %.0f GiB", f.Endpoint, o.Memory),
		},
		{
			Name: "start of a process", Unit: "endpoints", Need: float64(l.Endpoints),
			Limit: o.Start.Seconds() / (f.EndpointStart * micro),
			Why:   fmt.Sprintf("it reads all endpoints, %.0f µs each, and may take %s", f.EndpointStart, o.Start),
		},
		{
			Name: "leader of EVENTS", Unit: "writes/s", Need: l.Events, Limit: writes,
			Why: "a stream has one leader, and all events are in one stream",
		},
		{
			Name: "leader of LOG", Unit: "writes/s", Need: p.LogWrites, Limit: writes,
			Why: "a stream has one leader; records of a tenant within 2 ms share a write",
		},
		{
			Name: "searchable log", Unit: "deliveries/s", Need: l.attempts(), Limit: o.Busy / (f.Search * micro), Lags: true,
			Why: fmt.Sprintf("one process writes the tables, %.0f µs each; deliveries do not wait for it", f.Search),
		},
		{
			Name: "disk of EVENTS", Unit: "GB", Need: p.EventsDisk, Limit: o.Disk * o.Busy,
			Why: fmt.Sprintf("a stream is whole on each of its servers; this one keeps %s", days(o.EventsMaxAge)),
		},
		{
			Name: "disk of LOG", Unit: "GB", Need: p.LogDisk, Limit: o.Disk * o.Busy,
			Why: fmt.Sprintf("a stream is whole on each of its servers; this one goes back %s", rough(p.LogKept)),
		},
		{
			Name: "disk of the searchable log", Unit: "GB", Need: p.SearchDisk, Limit: o.Disk * o.Busy, Lags: true,
			Why: fmt.Sprintf("one database, for %s", days(o.LogMaxAge)),
		},
		{
			Name: "partitions", Unit: "processes", Need: p.wanted, Limit: float64(o.Partitions),
			Why: "a partition is one process's",
		},
	}
	slices.SortStableFunc(bounds, func(a, b Bound) int { return cmp.Compare(b.Cells(), a.Cells()) })
	return bounds
}

// MaxCells is more than anybody has.
const MaxCells = 1_000_000

// Cells is how few cells can hold the load, shared alike: none of its bounds is
// exceeded in any. Those that only lag count too: who looks for a delivery wants to
// find it. Where MaxCells cannot, it is more than that.
func Cells(l Load, f calibration.Figures, o Options) int {
	return 1 + sort.Search(MaxCells, func(more int) bool {
		return Bounds(l.Among(1+more), f, o)[0].Cells() <= 1
	})
}

// streamWrites is how many writes a second one stream is to take.
func streamWrites(f calibration.Figures, o Options) float64 {
	if o.Replicas > 1 {
		return f.ReplicatedWrites * o.Busy
	}
	return f.Writes * o.Busy
}
