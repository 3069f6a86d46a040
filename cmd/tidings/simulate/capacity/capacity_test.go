package capacity

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
)

const day = 24 * time.Hour

func figures() calibration.Figures {
	return calibration.Figures{
		Costs: calibration.Costs{
			Event: 50, Delivery: 40, Stored: 50, Retry: 150, Held: 100, Search: 100, Store: 10, Replicated: 20, Writes: 100_000, ReplicatedWrites: 40_000,
			EventBytes: 250, DeliveryBytes: 350, LogBytes: 470, LogEventBytes: 185, SearchBytes: 1000, UnderWay: 30,
			Endpoint: 4, EndpointStart: 30, Process: 40_000, HeldEndpoint: 6, Schedule: 1.5,
		},
	}
}

func options() Options {
	return Options{
		Replicas: 3, Partitions: 32, Cores: 8, Memory: 32, Disk: 8000, Busy: 0.5, Start: time.Minute,
		EventsMaxAge: 7 * day, LogMaxAge: 30 * day, DeadMaxAge: 30 * day, LogMaxBytes: 16 << 30,
		Prices: Prices{CoreHour: 0.03, MemoryHour: 0.004, DiskMonth: 0.08, Egress: 0.05},
	}
}

func load(endpoints int, events float64) Load {
	return Load{Tenants: 1000, Endpoints: endpoints, Events: events, Fanout: 1, Data: 1024, Attempts: 1, Latency: 100 * time.Millisecond}
}

func TestWeight(t *testing.T) {
	for _, skew := range []float64{0, 0.5, 0.8, 1, 1.7} {
		for _, span := range [][2]int{{1, 10}, {1, 100_000}, {900, 1100}, {5000, 70_000}} {
			want := 0.0
			for r := span[0]; r <= span[1]; r++ {
				want += math.Pow(float64(r), -skew)
			}
			if got := Weight(span[0], span[1], skew); math.Abs(got-want) > 1e-6*want {
				t.Errorf("from %d to %d, skew %g: %g, want %g", span[0], span[1], skew, got, want)
			}
		}
	}
	if h := Hottest(1000, 0); math.Abs(h-0.001) > 1e-9 {
		t.Errorf("one of a thousand alike gets %g", h)
	}
}

// Each bound binds what it should, where the arithmetic is plain.
func TestBounds(t *testing.T) {
	for name, tt := range map[string]struct {
		load  Load
		limit float64
	}{
		"registry in memory":         {load(100_000_000, 1), (32*gib*0.5/2 - 40_000*kib) / (4 * kib)},
		"leader of EVENTS":           {func() Load { l := load(10, 1e6); l.Fanout = 1e-3; return l }(), 20_000},
		"searchable log":             {func() Load { l := load(10, 1e4); l.Fanout = 2; return l }(), 5000},
		"disk of EVENTS":             {func() Load { l := load(10, 2e4); l.Data, l.Fanout = 1e6, 0.01; return l }(), 4000},
		"disk of the searchable log": {load(10, 1e5), 4000},
	} {
		o := options()
		switch name { // else another is nearer
		case "searchable log":
			o.LogMaxAge = day
		case "leader of EVENTS":
			o.EventsMaxAge, o.LogMaxAge = time.Hour, time.Hour
		case "registry in memory":
			o.Start = time.Hour
		}
		nearest := Bounds(tt.load, figures(), o)[0]
		if nearest.Name != name || math.Abs(nearest.Limit-tt.limit) > 1e-6*tt.limit {
			t.Errorf("%s of %g binds, want %s of %g", nearest.Name, nearest.Limit, name, tt.limit)
		}
		n := Cells(tt.load, figures(), o)
		if n < 2 || Bounds(tt.load.Among(n), figures(), o)[0].Cells() > 1 || Bounds(tt.load.Among(n-1), figures(), o)[0].Cells() <= 1 {
			t.Errorf("%s: %d cells are not the fewest", name, n)
		}
	}
	if n := Cells(load(1000, 10), figures(), options()); n != 1 {
		t.Errorf("a small load takes %d cells", n)
	}
}

func TestPlan(t *testing.T) {
	p := New(load(10_000, 1000), figures(), options())
	if p.Workers != 2 || p.Stored != 0.5 || p.Servers != 3 || p.Shards != 4 || p.UnderWay != 100 {
		t.Errorf("%+v", p)
	}
	// An event, a delivery, and half of it stored.
	if want := 1000 * (50 + 40 + 0.5*50) * 1e-6; math.Abs(p.WorkerCores-want) > 1e-9 {
		t.Errorf("%g cores, want %g", p.WorkerCores, want)
	}
	if want := 1000 * 1274 * 7 * day.Seconds() / 1e9; math.Abs(p.EventsDisk-want) > 1e-6 {
		t.Errorf("EVENTS has %g GB, want %g", p.EventsDisk, want)
	}
	if logged := 1000.0 * 655; math.Abs(p.LogKept.Seconds()-(16<<30)/logged) > 1 || math.Abs(p.LogDisk-float64(16<<30)/1e9) > 0.01 {
		t.Errorf("LOG goes back %s and has %g GB", p.LogKept, p.LogDisk)
	}
}

func TestAPlanGrows(t *testing.T) {
	p := New(load(10_000, 1000), figures(), options())
	large := New(load(10_000, 100_000), figures(), options())
	if large.Workers <= 2 || large.Shards != 4 || large.Cost <= p.Cost {
		t.Errorf("of a hundred times as much: %+v", large)
	}
	much := load(10_000, 1000)
	much.Attempts = 50 // a retry is two writes
	if m := New(much, figures(), options()); m.Shards != 5 {
		t.Errorf("%g writes/s to %d shards of 20000", m.DeliveryWrites, m.Shards)
	}
	// Slow receivers take memory, and no CPU.
	slow := load(10_000, 1000)
	slow.Latency = 10 * time.Minute
	if s := New(slow, figures(), options()); s.WorkerCores >= 2*p.WorkerCores || s.Workers <= p.Workers {
		t.Errorf("of slow receivers: %+v", s)
	}
}

// What other packages keep to themselves is told again here as it is there.
func TestCopiedRules(t *testing.T) {
	for file, want := range map[string][]string{
		"config/streams/options.go": {"2 minutes by default", "about 150 bytes", "maxPartitions = 256"},
		"config/journal/journal.go": {"pace = 2 * time.Millisecond"},
	} {
		source, err := os.ReadFile("../../../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range want {
			if !strings.Contains(strings.ReplaceAll(string(source), "\n\t// ", " "), text) {
				t.Errorf("%s does not say %q any more: look at options.go here", file, text)
			}
		}
	}
}
