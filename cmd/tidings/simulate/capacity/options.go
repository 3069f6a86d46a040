package capacity

import "time"

// Options are what there is to build with.
type Options struct {
	Replicas   int // of streams and buckets: 1 or 3
	Partitions int // at most 256; no more processes can share the work
	// Cores, Memory (GiB) and Disk (GB) are of one machine; each process and each NATS
	// server has one of its own.
	Cores, Memory, Disk float64
	// Busy is the share of a machine that is to be used.
	Busy float64
	// Start is how long a process may take to start.
	Start time.Duration
	// EventsMaxAge, LogMaxAge and DeadMaxAge are how long streams keep what they have.
	EventsMaxAge, LogMaxAge, DeadMaxAge time.Duration
	// LogMaxBytes bounds the stream LOG besides; 0 does not.
	LogMaxBytes float64
	Prices      Prices
}

// Prices are in any one currency.
type Prices struct {
	CoreHour   float64 `json:"core_hour"`
	MemoryHour float64 `json:"gib_hour"`
	DiskMonth  float64 `json:"gb_month"`
	Egress     float64 `json:"gb_egress"`
}

const (
	// headroom is how much more memory a process needs than what is live.
	headroom = 2
	// dedupWindow and dedupBytes: config/streams.Options.DedupWindow says both.
	dedupWindow = 2 * time.Minute
	dedupBytes  = 150
	// together is for how long records of a tenant share a message of LOG: see
	// config/journal.
	together = 2 * time.Millisecond
	// requestBytes are what a request has beside the data: headers, TLS, TCP.
	requestBytes = 1000

	leastWorkers = 2 // so that one may be replaced
	leastAPIs    = 2

	micro    = 1e-6
	kib      = 1 << 10
	gib      = 1 << 30
	gb       = 1e9
	perMonth = 730 * time.Hour
)
