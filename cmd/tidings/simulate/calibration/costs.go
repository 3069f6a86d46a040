package calibration

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
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

	Endpoint      float64 `json:"endpoint_kib" how:"heap and stacks of a process with 10 000 endpoints registered, less that with 100, for each; all roles and the broker"`
	EndpointStart float64 `json:"endpoint_start_us" how:"start of the same process, for each; time, not CPU"`
	Process       float64 `json:"process_kib" how:"heap and stacks of a process with 100 endpoints; all roles and the broker"`
	HeldEndpoint  float64 `json:"held_endpoint_kib" how:"heap of an endpoint with one delivery in its held queue"`
	Schedule      float64 `json:"schedule_kib" how:"heap of a retry that is due in an hour"`
}

// File is a report of the benchmark, as far as it counts here.
type File struct {
	Machine string `json:"machine"` // where and how it was made, in words
	Costs   *Costs `json:"costs"`
}

// Figures are all that is counted by.
type Figures struct {
	Costs

	Machine string
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

// Read reads a file that `tidings bench --only costs --json` made.
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

const remedy = "make it with tidings bench --only costs --json"

// Parse reads such a file's content. Its error says which figure is missing, or can
// not be.
func Parse(content []byte) (Figures, error) {
	var f File
	if err := json.Unmarshal(content, &f); err != nil {
		return Figures{}, fmt.Errorf("is no report of the benchmark: %w: %s", err, remedy)
	}
	if f.Costs == nil {
		return Figures{}, fmt.Errorf("has no costs: %s", remedy)
	}
	figures := Figures{Costs: *f.Costs, Machine: f.Machine}
	return figures, figures.validate()
}

// Figure is one of them, for people.
type Figure struct {
	Name  string
	Value float64
	How   string
}

// List is all of them, in order.
func (c Costs) List() (list []Figure) {
	costs := reflect.ValueOf(c)
	for i := range costs.NumField() {
		field := costs.Type().Field(i)
		list = append(list, Figure{field.Tag.Get("json"), costs.Field(i).Float(), field.Tag.Get("how")})
	}
	return list
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
