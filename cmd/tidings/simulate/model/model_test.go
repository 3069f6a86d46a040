package model

import (
	"go/constant"
	"go/token"
	"go/types"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
)

// always answers the same.
func always(status int, took time.Duration) Receiver {
	return func(Request) Answer { return Answer{Status: status, Took: took} }
}

// at are n deliveries that come at once.
func at(n int, when time.Duration) []time.Duration { return slices.Repeat([]time.Duration{when}, n) }

// quiet are options in which nothing costs anything.
func quiet(endpoints ...Endpoint) Options {
	return Options{Endpoints: endpoints, Cores: 2, Arrive: time.Minute, Most: 30 * 24 * time.Hour, Step: time.Hour}
}

func play(t *testing.T, o Options) Run {
	t.Helper()
	r, err := Play(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Little's law: what is under way is the rate times how long it takes. An endpoint that
// is offered more than its window takes gets just that.
func TestAWindowBoundsTheRate(t *testing.T) {
	for window, want := range map[int]float64{1: 10, 8: 80, 32: 320} {
		r := play(t, Options{
			Endpoints: []Endpoint{{PerSecond: 1000, Policy: schemas.Policy{Concurrency: window}, Answers: always(204, 100*time.Millisecond)}},
			Cores:     2, Arrive: time.Minute, Most: time.Minute, Step: time.Minute,
		})
		m := r.Moments[0]
		if rate := float64(m.Delivered) / 60; math.Abs(rate-want) > 0.02*want {
			t.Errorf("a window of %d: %.1f deliveries/s, want %.0f", window, rate, want)
		}
		if m.UnderWay != window {
			t.Errorf("%d attempts are under way, want %d", m.UnderWay, window)
		}
	}
}

// The CPUs bound the rate where nothing else does.
func TestTheCPUsBoundTheRate(t *testing.T) {
	endpoints := slices.Repeat([]Endpoint{{PerSecond: 100, Answers: always(204, time.Millisecond)}}, 100)
	o := Options{Endpoints: endpoints, Cores: 2, Costs: Costs{Attempt: time.Millisecond}, Arrive: time.Minute, Most: time.Minute, Step: time.Minute}
	m := play(t, o).Moments[0]
	if rate := float64(m.Delivered) / 60; math.Abs(rate-2000) > 40 {
		t.Errorf("%.0f deliveries/s on two cores of 1 ms each, want 2000", rate)
	}
	if share := m.CPU.Seconds() / 120; share < 0.99 {
		t.Errorf("the CPUs were busy %.2f of the time", share)
	}
}

// The rounds that dispatcher/breaker_test.go has of the real dispatcher.
func TestABreakersTimetable(t *testing.T) {
	var began []time.Duration
	receiver := func(q Request) Answer {
		ahead := 0
		for _, b := range began {
			if q.At-b < time.Second {
				ahead++
			}
		}
		began = append(began, q.At)
		a := Answer{Status: 204, Took: time.Second + time.Duration(ahead)*time.Millisecond}
		if q.At >= 3*time.Second && q.At < 603*time.Second {
			a.Status = 500
		}
		return a
	}
	r := play(t, quiet(Endpoint{At: at(600, 0), Policy: schemas.Policy{Concurrency: 32}, Answers: receiver}))
	var sizes []int
	for i, b := range began {
		if i == 0 || b-began[i-1] > 500*time.Millisecond {
			sizes = append(sizes, 0)
		}
		sizes[len(sizes)-1]++
	}
	want := []int{8, 16, 32, 32, 1, 1, 1, 1, 1, 1, 2, 4, 8, 16, 17, 18}
	if len(sizes) < len(want) || !slices.Equal(sizes[:len(want)], want) {
		t.Errorf("rounds of %v, want %v …", sizes, want)
	}
	if len(began) != 600+37 || r.Ends[schemas.ReasonOK] != 600 || r.Open != 0 {
		t.Errorf("%d requests, %v, %d open; want 637 and 600 ok", len(began), r.Ends, r.Open)
	}
}

// A delivery is retried as the product's schedule says, and then dies.
func TestTheScheduleIsTheProducts(t *testing.T) {
	var began []time.Duration
	r := play(t, quiet(Endpoint{At: at(1, 0), Answers: func(q Request) Answer {
		began = append(began, q.At)
		return Answer{Status: 404}
	}}))
	want := retry.Standard()
	if len(began) != len(want)+1 || r.Ends[schemas.ReasonExhausted] != 1 || r.Open != 0 {
		t.Fatalf("%d attempts, %v; want %d and a death", len(began), r.Ends, len(want)+1)
	}
	for i, delay := range want {
		if waited := began[i+1] - began[i]; (waited - delay).Abs() > delay/10+time.Millisecond {
			t.Errorf("attempt %d came %s after the one before, want %s", i+2, waited, delay)
		}
	}
}

// One that hangs has its window and nothing more; another is not delayed by it.
func TestATroubledEndpointDelaysNobody(t *testing.T) {
	o := quiet(
		Endpoint{PerSecond: 10, Troubled: true, Answers: always(0, 0), Policy: schemas.Policy{MaxHeld: 100}},
		Endpoint{PerSecond: 10, Answers: always(204, 20*time.Millisecond)},
	)
	o.Most, o.Step = 2*time.Minute, time.Second
	o.Costs.Attempt = time.Millisecond
	r := play(t, o)
	all := Over(r.Moments)
	if all.Waited > 100*time.Millisecond || all.P99 > 100*time.Millisecond || all.Healthy > 200*time.Millisecond {
		t.Errorf("the healthy one waited %s, p99 %s, oldest %s", all.Waited, all.P99, all.Healthy)
	}
	if r.Ends[schemas.ReasonQueueFull] == 0 || all.Held > 100 || all.Oldest < time.Minute {
		t.Errorf("%v, %d held, oldest %s: want a full queue of 100", r.Ends, all.Held, all.Oldest)
	}
}

// What goes express is not stored first, nor costs it that; what is slow or comes again is.
func TestExpressIsNotStored(t *testing.T) {
	for took, want := range map[time.Duration]int{10 * time.Millisecond: 0, 2 * time.Second: 9} {
		o := quiet(Endpoint{At: []time.Duration{0, 1e10, 2e10, 3e10, 4e10, 5e10, 6e10, 7e10, 8e10, 9e10}, Answers: always(204, took)})
		o.Express, o.Costs = true, Costs{Attempt: time.Millisecond, Store: time.Second}
		m := Over(play(t, o).Moments)
		if m.Stored != want || m.CPU != 10*time.Millisecond+time.Duration(want)*time.Second {
			t.Errorf("of ten deliveries of %s %d are stored first, CPU %s; want %d", took, m.Stored, m.CPU, want)
		}
	}
}

func TestTheSameSeedIsTheSameRun(t *testing.T) {
	o := quiet(slices.Repeat([]Endpoint{{PerSecond: 2, Answers: func(q Request) Answer {
		if q.Random.Float64() < 0.1 {
			return Answer{Status: 500, Took: time.Second}
		}
		return Answer{Status: 204, Took: time.Duration(q.Random.ExpFloat64() * float64(time.Second))}
	}}}, 20)...)
	one, again := play(t, o), play(t, o)
	if d := cmp.Diff(one.Moments, again.Moments, cmp.AllowUnexported(Moment{}, ages{})); d != "" || one.Ended != again.Ended {
		t.Error(d)
	}
	o.Seed++
	if other := play(t, o); other.Ended == one.Ended {
		t.Error("another seed is the same run")
	}
}

// One that gets a delivery in ten thousand years has none come.
func TestARateMayBeTiny(t *testing.T) {
	r := play(t, quiet(Endpoint{PerSecond: 1e-12, Answers: always(204, 0)}, Endpoint{PerSecond: 1, Answers: always(204, 0)}))
	if n := Over(r.Moments).Came; n < 30 || n > 100 {
		t.Errorf("%d came in a minute, want about 60", n)
	}
}

func TestPlayRefuses(t *testing.T) {
	good := quiet(Endpoint{PerSecond: 1, Answers: always(204, 0)})
	for want, spoil := range map[string]func(*Options){
		"no endpoints":  func(o *Options) { o.Endpoints = nil },
		"cores":         func(o *Options) { o.Cores = 0 },
		"come for":      func(o *Options) { o.Most = time.Second },
		"steps":         func(o *Options) { o.Step = 0 },
		"a receiver":    func(o *Options) { o.Endpoints = []Endpoint{{PerSecond: 1}} },
		"endpoint 0: u": func(o *Options) { o.Endpoints = []Endpoint{{PerSecond: -1, Answers: always(204, 0)}} },
	} {
		o := good
		spoil(&o)
		if _, err := Play(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// The rules that are told again here are those of the dispatcher.
func TestCopiedRules(t *testing.T) {
	for name, rule := range map[string]struct {
		file string
		here int64
	}{
		"maxWait":     {"lane.go", int64(maxWait)},
		"slowPace":    {"lane.go", int64(slowPace)},
		"watchEvery":  {"lane.go", int64(watchEvery)},
		"freshPerCPU": {"gate.go", freshPerCPU},
		"freshTime":   {"gate.go", int64(freshTime)},
		"expressTime": {"express.go", int64(expressTime)},
		"expressPace": {"express.go", int64(expressPace)},
		"maxTaken":    {"lane.go", MaxTaken},
	} {
		source, err := os.ReadFile("../../../../dispatcher/" + rule.file)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?m)^\s*(?:const )?` + name + `\s+= (.+)$`).FindSubmatch(source)
		if m == nil {
			t.Errorf("dispatcher/%s has no %s", rule.file, name)
			continue
		}
		words := strings.NewReplacer("time.Second", "1_000_000_000", "time.Millisecond", "1_000_000",
			"maxWait", "1_000_000_000", "expressTime", "250_000_000").Replace(string(m[1]))
		v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, words)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if there, ok := constant.Int64Val(constant.ToInt(v.Value)); !ok || there != rule.here {
			t.Errorf("%s is %d here and %s in dispatcher/%s", name, rule.here, v.Value, rule.file)
		}
	}
}
