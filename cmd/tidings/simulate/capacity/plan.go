package capacity

import (
	"fmt"
	"math"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
)

// Plan is one cell.
type Plan struct {
	Partitions int     `json:"partitions"`
	Shards     int     `json:"shards"` // delivery streams
	Workers    int     `json:"workers"`
	wanted     float64 // of these, if one were enough
	APIs       int     `json:"apis"`
	Servers    int     `json:"nats_servers"`

	Deliveries float64 `json:"deliveries_per_second"`
	Attempts   float64 `json:"attempts_per_second"`
	UnderWay   float64 `json:"attempts_under_way"` // rate × latency: Little's law
	Stored     float64 `json:"share_stored_first"`

	WorkerCores float64 `json:"worker_cores"` // used, of all
	ServerCores float64 `json:"server_cores"`
	APICores    float64 `json:"api_cores"`

	WorkerMemory float64       `json:"worker_gib"` // of one, with room for the collector
	ServerMemory float64       `json:"server_gib"`
	Start        time.Duration `json:"start_ns"`

	LogWrites      float64 `json:"log_writes_per_second"`
	DeliveryWrites float64 `json:"delivery_writes_per_second"`

	EventsDisk float64 `json:"events_gb"` // one copy
	LogDisk    float64 `json:"log_gb"`
	// LogKept is how far back LOG goes: its bound in bytes may come before that in time.
	LogKept time.Duration `json:"log_kept_ns"`

	DeadDisk   float64 `json:"dead_gb"`
	HeldDisk   float64 `json:"held_gb"`
	SearchDisk float64 `json:"search_gb"` // of the database
	Disk       float64 `json:"disk_gb"`   // all copies, and the database

	Egress float64 `json:"egress_gb_per_month"`
	Cost   float64 `json:"cost_per_month"`
}

// New is what one cell needs for a load.
func New(l Load, f calibration.Figures, o Options) Plan {
	p := newPlan(l, f, o)
	p.price(o)
	return p
}

func newPlan(l Load, f calibration.Figures, o Options) Plan {
	p := Plan{Partitions: o.Partitions, Deliveries: l.deliveries(), Attempts: l.attempts(), APIs: leastAPIs}
	p.UnderWay = l.attempts() * l.Latency.Seconds()
	p.share(l, f, o)
	p.count(l, f, o)
	p.disks(l, f, o)
	p.memory(l, f, o)
	return p
}

// share finds how many workers there are. What they store first depends on it: an event
// and its delivery are one process's with the chance of one in so many.
func (p *Plan) share(l Load, f calibration.Figures, o Options) {
	p.Workers = leastWorkers
	for range 10 { // it settles in two or three rounds
		p.Stored = 1 - 1/float64(p.Workers)
		p.WorkerCores = micro * (l.Events*f.Event + l.attempts()*f.Delivery + l.deliveries()*p.Stored*f.Stored + l.retries()*f.Retry)
		memory := p.UnderWay * f.UnderWay * kib * headroom / (o.Memory * gib * o.Busy)
		p.wanted = max(p.WorkerCores/(o.Cores*o.Busy), memory)
		p.Workers = max(leastWorkers, int(math.Ceil(p.wanted)))
	}
}

// count finds the writes, and so the streams and servers.
func (p *Plan) count(l Load, f calibration.Figures, o Options) {
	records := (l.Events + l.attempts()) / float64(p.Workers)
	tenants := float64(max(1, l.Tenants))
	apart := tenants * -math.Expm1(records*together.Seconds()*math.Log1p(-1/(tenants+1e-9)))
	p.LogWrites = min(l.Events+l.attempts(), float64(p.Workers)*max(apart, 1)/together.Seconds())
	p.DeliveryWrites = l.deliveries()*p.Stored + 2*l.retries() // a retry is stored, and put back by a write
	p.Shards = min(max(min(4, o.Partitions), int(math.Ceil(p.DeliveryWrites/streamWrites(f, o)))), o.Partitions)

	write := f.Store
	if o.Replicas > 1 {
		write = f.Replicated
	}
	p.ServerCores = micro * write * (l.Events + p.LogWrites + p.DeliveryWrites)
	p.APICores = micro * f.Search * l.attempts()
	p.Servers = max(o.Replicas, int(math.Ceil(p.ServerCores/(o.Cores*o.Busy))))
}

func (p *Plan) disks(l Load, f calibration.Figures, o Options) {
	p.EventsDisk = l.Events * (l.Data + f.EventBytes) * o.EventsMaxAge.Seconds() / gb
	p.LogKept = o.LogMaxAge
	logged := l.Events*f.LogEventBytes + l.attempts()*f.LogBytes // each second
	if bound := o.LogMaxBytes / logged; bound > 0 && bound < o.LogMaxAge.Seconds() {
		p.LogKept = time.Duration(bound * float64(time.Second))
	}
	p.LogDisk = logged * p.LogKept.Seconds() / gb
	p.DeadDisk = l.deliveries() * l.Dead * (l.Data + f.DeliveryBytes) * o.DeadMaxAge.Seconds() / gb
	p.HeldDisk = (l.Held + l.Scheduled) * (l.Data + f.DeliveryBytes) / gb
	p.SearchDisk = l.attempts() * f.SearchBytes * o.LogMaxAge.Seconds() / gb
	p.Disk = float64(o.Replicas)*(p.EventsDisk+p.LogDisk+p.DeadDisk+p.HeldDisk) + p.SearchDisk
	perServer := (p.Disk - p.SearchDisk) / (o.Disk * o.Busy)
	p.Servers = max(p.Servers, int(math.Ceil(perServer)))
	p.Egress = l.attempts() * (l.Data + requestBytes) * perMonth.Seconds() / gb
}

func (p *Plan) memory(l Load, f calibration.Figures, o Options) {
	workers, servers := float64(p.Workers), float64(p.Servers)/float64(o.Replicas)
	live := f.Process + float64(l.Endpoints)*f.Endpoint + (l.HeldEndpoints*f.HeldEndpoint+max(p.UnderWay, l.UnderWay)*f.UnderWay)/workers
	p.WorkerMemory = headroom * live * kib / gib
	remembered := (l.Events + p.DeliveryWrites + p.LogWrites) * dedupWindow.Seconds() * dedupBytes / kib
	live = f.Process + float64(l.Endpoints)*f.Endpoint + (remembered+l.Scheduled*f.Schedule)/servers
	p.ServerMemory = headroom * live * kib / gib
	p.Start = time.Duration(float64(l.Endpoints) * f.EndpointStart * float64(time.Microsecond))
}

// price counts machines by what they are, not by what is used of them.
func (p *Plan) price(o Options) {
	machines := float64(p.Workers + p.APIs + p.Servers)
	hours := perMonth.Hours()
	p.Cost = machines*o.Cores*hours*o.Prices.CoreHour + machines*o.Memory*hours*o.Prices.MemoryHour +
		p.Disk/o.Busy*o.Prices.DiskMonth + p.Egress*o.Prices.Egress
}

// rough is a time of two parts at most.
func rough(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%.0f hours", d.Hours())
	}
	return d.Round(time.Minute).String()
}

// days is a time in days, or as it is.
func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}
