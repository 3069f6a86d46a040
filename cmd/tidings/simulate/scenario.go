package simulate

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/cmd/tidings/simulate/capacity"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/schemas"
)

// Kinds of failure in an outage.
const (
	Refuse = "refuse" // 503 at once
	Hang   = "hang"   // no answer until the timeout
)

// Scenario is what is asked. In a file each field is written as its flag.
type Scenario struct {
	Tenants   int           `yaml:"tenants" json:"tenants"`
	Endpoints int           `yaml:"endpoints" json:"endpoints"`
	Events    float64       `yaml:"events" json:"events_per_second"`
	Fanout    float64       `yaml:"fanout" json:"fanout"`
	Data      float64       `yaml:"data" json:"data_bytes"`
	Skew      float64       `yaml:"skew" json:"skew"`
	Failures  float64       `yaml:"failures" json:"failures"`
	P50       time.Duration `yaml:"p50" json:"p50_ns"`
	P99       time.Duration `yaml:"p99" json:"p99_ns"`
	Retry     []string      `yaml:"retry" json:"retry,omitempty"`
	Timeout   time.Duration `yaml:"timeout" json:"timeout_ns"`
	Window    int           `yaml:"concurrency" json:"concurrency"`

	Outage     float64       `yaml:"outage" json:"outage"`
	OutageKind string        `yaml:"outage-kind" json:"outage_kind"`
	Before     time.Duration `yaml:"before" json:"before_ns"`
	OutageFor  time.Duration `yaml:"outage-for" json:"outage_for_ns"`
	After      time.Duration `yaml:"after" json:"after_ns"`

	Replicas   int           `yaml:"replicas" json:"replicas"`
	Partitions int           `yaml:"partitions" json:"partitions"`
	Cores      float64       `yaml:"cores" json:"cores"`
	Memory     float64       `yaml:"memory" json:"memory_gib"`
	Disk       float64       `yaml:"disk" json:"disk_gb"`
	Busy       float64       `yaml:"busy" json:"busy"`
	Start      time.Duration `yaml:"start" json:"start_ns"`
	EventsAge  time.Duration `yaml:"events-max-age" json:"events_max_age_ns"`
	LogAge     time.Duration `yaml:"log-max-age" json:"log_max_age_ns"`
	LogBytes   float64       `yaml:"log-max-bytes" json:"log_max_bytes"`
	DeadAge    time.Duration `yaml:"dead-max-age" json:"dead_max_age_ns"`

	PriceCore   float64 `yaml:"price-core" json:"price_core_hour"`
	PriceMemory float64 `yaml:"price-memory" json:"price_gib_hour"`
	PriceDisk   float64 `yaml:"price-disk" json:"price_gb_month"`
	PriceEgress float64 `yaml:"price-egress" json:"price_gb_egress"`

	Seed   uint64 `yaml:"seed" json:"seed"`
	Detail int    `yaml:"detail" json:"detail"`
}

const day = 24 * time.Hour

// bind makes the flags, whose defaults are those of the scenario.
func (s *Scenario) bind(f *pflag.FlagSet) {
	f.IntVar(&s.Tenants, "tenants", 1000, "tenants")
	f.IntVar(&s.Endpoints, "endpoints", 10_000, "endpoints registered")
	f.Float64Var(&s.Events, "events", 100, "events a second")
	f.Float64Var(&s.Fanout, "fanout", 1, "endpoints that an event goes to, on average")
	f.Float64Var(&s.Data, "data", 1024, "bytes of an event's data")
	f.Float64Var(&s.Skew, "skew", 0.8, "how unlike endpoints and tenants are: number r gets a share as 1/r^skew; 0 is all alike")
	f.Float64Var(&s.Failures, "failures", 0.01, "share of the attempts that fail at any time, with 500")
	f.DurationVar(&s.P50, "p50", 100*time.Millisecond, "how long half of the receivers' answers take")
	f.DurationVar(&s.P99, "p99", time.Second, "how long all but a hundredth of them take; between, they are log-normal")
	f.StringSliceVar(&s.Retry, "retry", nil, "delays before the attempts after the first (default: Standard Webhooks')")
	f.DurationVar(&s.Timeout, "timeout", 15*time.Second, "how long an attempt may take")
	f.IntVar(&s.Window, "concurrency", 32, "attempts that an endpoint may have under way")

	f.Float64Var(&s.Outage, "outage", 0.2, "share of the endpoints that fail in the mass outage; 0 is none")
	f.StringVar(&s.OutageKind, "outage-kind", Refuse, "how they fail: refuse (503 at once) or hang (no answer)")
	f.DurationVar(&s.Before, "before", 10*time.Minute, "how long all is well before the outage")
	f.DurationVar(&s.OutageFor, "outage-for", 30*time.Minute, "how long the outage lasts")
	f.DurationVar(&s.After, "after", time.Hour, "how long events go on after it")

	f.IntVar(&s.Replicas, "replicas", 3, "copies of all streams: 1, or 3")
	f.IntVar(&s.Partitions, "partitions", 32, "lanes in which the work is shared: no more processes than these have work; at most 256")
	f.Float64Var(&s.Cores, "cores", 8, "cores of a machine; each process and each NATS server has one of its own")
	f.Float64Var(&s.Memory, "memory", 32, "GiB of a machine")
	f.Float64Var(&s.Disk, "disk", 8000, "GB of a machine's disk")
	f.Float64Var(&s.Busy, "busy", 0.6, "share of a machine that may be used: the rest is for peaks, and for one that dies")
	f.DurationVar(&s.Start, "start", time.Minute, "how long a process may take to start")
	f.DurationVar(&s.EventsAge, "events-max-age", 7*day, "how long events are kept")
	f.DurationVar(&s.LogAge, "log-max-age", 30*day, "how long the delivery log is kept")
	f.Float64Var(&s.LogBytes, "log-max-bytes", 16<<30, "how much of it is kept in NATS at most; 0 for no bound")
	f.DurationVar(&s.DeadAge, "dead-max-age", 30*day, "how long dead letters are kept")

	f.Float64Var(&s.PriceCore, "price-core", 0.03, "an example: price of a core for an hour")
	f.Float64Var(&s.PriceMemory, "price-memory", 0.004, "an example: of a GiB of memory for an hour")
	f.Float64Var(&s.PriceDisk, "price-disk", 0.08, "an example: of a GB of disk for a month")
	f.Float64Var(&s.PriceEgress, "price-egress", 0.05, "an example: of a GB to the receivers")

	f.Uint64Var(&s.Seed, "seed", 1, "of all chance: the same gives the same")
	f.IntVar(&s.Detail, "detail", 500_000, "deliveries that are played one by one; the rest is scaled up from them")
}

// Default is the scenario of no flags.
func Default() Scenario {
	var s Scenario
	s.bind(pflag.NewFlagSet("", pflag.ContinueOnError))
	return s
}

// overlay reads a scenario file over s, and then sets again what flags were given: they
// win.
func (s *Scenario) overlay(file string, f *pflag.FlagSet) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return usage.Errorf("--scenario: %w", err)
	}
	given := map[string]string{}
	f.Visit(func(flag *pflag.Flag) {
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			given[flag.Name] = strings.Join(list.GetSlice(), ",")
		} else {
			given[flag.Name] = flag.Value.String()
		}
	})
	decoder := yaml.NewDecoder(bytes.NewReader(content), yaml.Strict())
	switch err := decoder.Decode(s); {
	case errors.Is(err, io.EOF):
		return usage.Errorf("--scenario %s is empty: give it what differs from the flags' defaults, like \"events: 500\"", file)
	case err != nil:
		return usage.Errorf("--scenario %s: %s", file, yaml.FormatError(err, false, true))
	}
	for name, value := range given {
		flag := f.Lookup(name)
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			err = list.Replace(strings.FieldsFunc(value, func(r rune) bool { return r == ',' }))
		} else {
			err = f.Set(name, value)
		}
		if err != nil {
			return usage.Errorf("--%s: %w", name, err)
		}
	}
	return nil
}

// number is a field and what it may be.
type number struct {
	name        string
	value       float64
	least, most float64
}

func (s *Scenario) numbers() []number {
	const many, long = 1e10, 3e9 // a century of seconds
	seconds := func(d time.Duration) float64 { return d.Seconds() }
	return []number{
		{"tenants", float64(s.Tenants), 1, many},
		{"endpoints", float64(s.Endpoints), 1, many},
		{"events", s.Events, 0.001, many},
		{"fanout", s.Fanout, 0.001, float64(s.Endpoints)},
		{"data", s.Data, 0, schemas.MaxEventSize},
		{"skew", s.Skew, 0, 3},
		{"failures", s.Failures, 0, 0.9},
		{"concurrency", float64(s.Window), 1, schemas.MaxConcurrency},
		{"outage", s.Outage, 0, 0.99},
		{"replicas", float64(s.Replicas), 1, 3},
		{"partitions", float64(s.Partitions), 1, 256},
		{"cores", s.Cores, 0.1, 1024},
		{"memory", s.Memory, 1, 65536},
		{"disk", s.Disk, 1, many},
		{"busy", s.Busy, 0.01, 1},
		{"log-max-bytes", s.LogBytes, 0, 1e18},
		{"detail", float64(s.Detail), 1000, 50_000_000},
		{"price-core", s.PriceCore, 0, many},
		{"price-memory", s.PriceMemory, 0, many},
		{"price-disk", s.PriceDisk, 0, many},
		{"price-egress", s.PriceEgress, 0, many},
		{"timeout (in seconds)", seconds(s.Timeout), 0.001, seconds(schemas.MaxTimeout)},
		{"p50 (in seconds)", seconds(s.P50), 0, seconds(s.Timeout)},
		{"p99 (in seconds)", seconds(s.P99), seconds(s.P50), long},
		{"before (in seconds)", seconds(s.Before), 60, seconds(day)},
		{"outage-for (in seconds)", seconds(s.OutageFor), 1, seconds(7 * day)},
		{"after (in seconds)", seconds(s.After), 1, seconds(7 * day)},
		{"start (in seconds)", seconds(s.Start), 1, seconds(day)},
		{"events-max-age (in seconds)", seconds(s.EventsAge), 120, long},
		{"log-max-age (in seconds)", seconds(s.LogAge), 1, long},
		{"dead-max-age (in seconds)", seconds(s.DeadAge), 1, long},
	}
}

func (s *Scenario) validate() error {
	for _, n := range s.numbers() {
		if math.IsNaN(n.value) || n.value < n.least || n.value > n.most {
			name, unit, _ := strings.Cut(n.name, " ")
			return usage.Errorf("--%s is %s: use %s to %s", name, plain(n.value, unit), plain(n.least, unit), plain(n.most, unit))
		}
	}
	if s.Replicas == 2 {
		return usage.Errorf("--replicas is 2: use 1 or 3")
	}
	if s.OutageKind != Refuse && s.OutageKind != Hang {
		return usage.Errorf("--outage-kind %q: use %s or %s", s.OutageKind, Refuse, Hang)
	}
	_, err := s.policy()
	return err
}

// plain is a number as one would write it, with its unit.
func plain(v float64, unit string) string {
	if unit != "" {
		return time.Duration(v * float64(time.Second)).String()
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// policy is that of every endpoint.
func (s *Scenario) policy() (schemas.Policy, error) {
	p := schemas.Policy{Timeout: schemas.Duration(s.Timeout), Concurrency: s.Window}
	for _, text := range s.Retry {
		d, err := time.ParseDuration(text)
		if err == nil && (d <= 0 || d > schemas.MaxRetryDelay) {
			err = errors.New("use more than 0 and at most " + schemas.MaxRetryDelay.String())
		}
		if err != nil {
			return p, usage.Errorf("--retry %q: %w", text, err)
		}
		p.Retry = append(p.Retry, schemas.Duration(d))
	}
	return p, nil
}

// options are the scenario's, for package capacity.
func (s *Scenario) options() capacity.Options {
	return capacity.Options{
		Replicas: s.Replicas, Partitions: s.Partitions, Cores: s.Cores, Memory: s.Memory, Disk: s.Disk, Busy: s.Busy, Start: s.Start,
		EventsMaxAge: s.EventsAge, LogMaxAge: s.LogAge, LogMaxBytes: s.LogBytes, DeadMaxAge: s.DeadAge,
		Prices: capacity.Prices{CoreHour: s.PriceCore, MemoryHour: s.PriceMemory, DiskMonth: s.PriceDisk, Egress: s.PriceEgress},
	}
}
