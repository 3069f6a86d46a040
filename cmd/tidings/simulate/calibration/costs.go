package calibration

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"time"
)

// Costs are what the benchmark measures for this, as its group "costs". Times are CPU
// time of all processes that have a part, user and system, in µs; sizes are bytes on a
// disk, of one copy.
type Costs struct {
	Event      float64 `json:"event_us" how:"what an event of ten deliveries costs more than ten of one, so: producer, EVENTS, matching"`
	Delivery   float64 `json:"delivery_us" how:"the rest of a delivery of 1 KiB: sign, POST, judge, settle, log; attempted before it is stored"`
	Stored     float64 `json:"stored_us" how:"the same with each delivery stored first, less that without: as where fanout and dispatcher are apart"`
	Retry      float64 `json:"retry_us" how:"four attempts that are refused, less four deliveries, a quarter of it: scheduled, stored, put back"`
	Held       float64 `json:"held_us" how:"a paused endpoint's backlog, stored and then drained, less the same delivered at once"`
	Search     float64 `json:"search_us" how:"the searchable log of a flood, made anew while nothing else goes on, for each delivery and its event"`
	Store      float64 `json:"store_us" how:"1 KiB to one stream of one server with nobody who reads it, client included"`
	Replicated float64 `json:"replicated_us" how:"the same to a stream with three copies: three servers in one process, all of them and the client"`

	Writes           float64 `json:"stream_writes_per_second" how:"how many of those one stream took each second, one copy"`
	ReplicatedWrites float64 `json:"stream_replicated_writes_per_second" how:"the same, three copies, on this machine's cores together"`

	EventBytes    float64 `json:"event_bytes" how:"EVENTS after them: bytes of a message more than its data"`
	DeliveryBytes float64 `json:"delivery_bytes" how:"a held queue of one endpoint: bytes of a message more than the event's data"`
	LogBytes      float64 `json:"log_bytes" how:"LOG after them: bytes for each delivery of one attempt"`
	LogEventBytes float64 `json:"log_event_bytes" how:"LOG after them: bytes for each event"`
	SearchBytes   float64 `json:"search_bytes" how:"the searchable log's file after a flood, for each delivery and its event"`
	UnderWay      float64 `json:"under_way_kib" how:"heap and stacks while a thousand requests hang, for each; KiB, collected"`
}

// ratio is a figure of the benchmark and its base.
type ratio struct {
	Base  float64 `json:"base"`
	Value float64 `json:"value"`
}

// File is a report of the benchmark, as far as it counts here.
type File struct {
	Machine   string `json:"machine,omitempty"` // where and how it was made, in words
	Costs     *Costs `json:"costs"`
	Schedules *struct {
		Size     int     `json:"schedules"`
		PerRetry float64 `json:"kib_per_schedule"`
	} `json:"schedules"`
	Memory *struct {
		Endpoints int     `json:"endpoints"`
		Heap      ratio   `json:"heap_mib"`
		Start     ratio   `json:"start_seconds"`
		PerHeld   float64 `json:"kib_per_held_endpoint"`
	} `json:"memory"`
}

// fewEndpoints is what the benchmark holds its many endpoints against.
const fewEndpoints = 100

// Figures are all that is counted by.
type Figures struct {
	Costs

	Machine string
	// Of each registered endpoint, in every process, KiB and µs; the benchmark's are of
	// one process that is all roles and the broker.
	Endpoint, EndpointStart float64
	Process                 float64 // KiB of a process with next to no endpoints
	HeldEndpoint            float64 // KiB of an endpoint with a held queue
	Schedule                float64 // KiB of a retry that waits for its time
}

//go:embed costs.json
var embedded []byte

// Embedded are the figures of the file in the binary.
func Embedded() Figures {
	f, err := Parse(embedded)
	if err != nil {
		panic(err) // a test reads it
	}
	return f
}

// Read reads a file that `tidings bench --only costs,memory,schedules --json` made.
func Read(name string) (Figures, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return Figures{}, err
	}
	f, err := Parse(content)
	if err != nil {
		return f, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

const remedy = "make it with tidings bench --only costs,memory,schedules --json"

// Parse reads such a file's content. Its error says which figure is missing, or can
// not be.
func Parse(content []byte) (Figures, error) {
	var f File
	if err := json.Unmarshal(content, &f); err != nil {
		return Figures{}, fmt.Errorf("is no report of the benchmark: %w: %s", err, remedy)
	}
	switch {
	case f.Costs == nil:
		return Figures{}, fmt.Errorf("has no costs: %s", remedy)
	case f.Memory == nil || f.Memory.Endpoints <= fewEndpoints:
		return Figures{}, fmt.Errorf("has no memory: %s", remedy)
	case f.Schedules == nil:
		return Figures{}, fmt.Errorf("has no schedules: %s", remedy)
	}
	const kib = 1 << 10
	more := float64(f.Memory.Endpoints - fewEndpoints)
	figures := Figures{
		Costs: *f.Costs, Machine: f.Machine,
		Endpoint:      (f.Memory.Heap.Value - f.Memory.Heap.Base) * kib / more,
		EndpointStart: (f.Memory.Start.Value - f.Memory.Start.Base) * float64(time.Second.Microseconds()) / more,
		Process:       f.Memory.Heap.Base * kib,
		HeldEndpoint:  f.Memory.PerHeld, Schedule: f.Schedules.PerRetry,
	}
	return figures, figures.validate()
}

// Figure is one of them, for people.
type Figure struct {
	Name  string
	Value float64
	How   string
}

// Measured are those of the benchmark's group "costs".
func (f Figures) Measured() (list []Figure) {
	costs := reflect.ValueOf(f.Costs)
	for i := range costs.NumField() {
		field := costs.Type().Field(i)
		list = append(list, Figure{field.Tag.Get("json"), costs.Field(i).Float(), field.Tag.Get("how")})
	}
	return list
}

// List is all of them, in order.
func (f Figures) List() []Figure {
	return append(f.Measured(),
		Figure{"endpoint_kib", f.Endpoint, "heap of a process with 10 000 endpoints registered, less that with 100, for each; all roles and the broker"},
		Figure{"endpoint_start_us", f.EndpointStart, "start of the same process, for each"},
		Figure{"process_kib", f.Process, "heap and stacks of a process with 100 endpoints; all roles and the broker"},
		Figure{"held_endpoint_kib", f.HeldEndpoint, "heap of an endpoint with one delivery in its held queue"},
		Figure{"schedule_kib", f.Schedule, "heap of a retry that is due in an hour"},
	)
}

// validate wants every figure: what is not above 0 was measured with too few events.
// Differences of nearly equal ones may be.
func (f Figures) validate() error {
	may := []string{"stored_us", "retry_us", "held_us", "search_us", "event_us", "held_endpoint_kib", "schedule_kib"}
	for _, one := range f.List() {
		if one.Value < 0 || one.Value == 0 && !slices.Contains(may, one.Name) {
			return fmt.Errorf("%s is %g: measure with more --events", one.Name, one.Value)
		}
	}
	return nil
}
