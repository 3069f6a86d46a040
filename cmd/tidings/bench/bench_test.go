package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas/goldentest"
)

// TestBench measures all there is, once and small. It asks nothing of the times.
func TestBench(t *testing.T) {
	if testing.Short() {
		t.Skip("runs processes for some seconds")
	}
	t.Parallel() // it waits for another process
	dir := t.TempDir()
	program, chart, fleet := filepath.Join(dir, "tidings"), filepath.Join(dir, "chart.svg"), filepath.Join(dir, "fleet.svg")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("build tidings: %v\n%s", err, out)
	}
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), program, "bench", "--events", "200", "--runs", "1", "--json", "--plot", chart, "--plot-fleet", fleet)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	var r benchReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	checkThroughput(t, *r.Throughput)
	for _, s := range r.Telemetry.Shapes {
		if s.Rate <= 0 || s.Ratio <= 0 || s.CPU <= 0 || s.Lost != 0 {
			t.Errorf("it reports %+v", s)
		}
	}
	checkMeasured(t, "latency", 0, r.Latency.P50, r.Latency.P99)
	checkMeasured(t, "neighbours", r.Neighbours.Lost, r.Neighbours.Healthy, r.Neighbours.P99)
	checkMeasured(t, "backlog", r.Backlog.Lost, r.Backlog.Drain, r.Backlog.P99)
	checkMeasured(t, "outage", r.Outage.Lost, r.Outage.Down, r.Outage.Back)
	checkMeasured(t, "schedules", r.Schedules.Lost, r.Schedules.Rate, r.Schedules.Restart)
	checkMeasured(t, "memory", r.Memory.Lost, r.Memory.Heap, r.Memory.Start, r.Memory.Rate)
	for _, s := range r.Fleet.Steps {
		checkMeasured(t, "fleet", r.Fleet.Lost, s.Rate, s.Gap)
	}
	if r.Neighbours.Hung == 0 {
		t.Error("no request hung")
	}
	m := r.Memory
	sizes := []int{r.Events, r.Runs, r.Backlog.Size, r.Outage.Size, r.Schedules.Size, m.Endpoints, m.Active, m.Held}
	if want := []int{200, 1, 333, 120, 66, 200, 100, 100}; !slices.Equal(sizes, want) {
		t.Errorf("the sizes are %d, want %d", sizes, want)
	}
	checkCharts(t, chart, fleet)
}

func checkCharts(t *testing.T, files ...string) {
	t.Helper()
	for _, file := range files {
		if svg, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(svg, []byte("<svg ")) {
			t.Errorf("%s is %q, %v", file, svg, err)
		}
	}
}

// TestBenchCosts measures what simulate counts by, with too few events for the differences.
func TestBenchCosts(t *testing.T) {
	if testing.Short() {
		t.Skip("runs processes for some seconds")
	}
	t.Parallel() // it waits for another process
	program := filepath.Join(t.TempDir(), "tidings")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("build tidings: %v\n%s", err, out)
	}
	var out, errs bytes.Buffer
	c := exec.CommandContext(t.Context(), program, "bench", "--events", "400", "--runs", "1", "--json", "--only", "costs")
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	var r benchReport
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Costs == nil || r.Memory != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, f := range r.Costs.List() {
		if math.IsNaN(f.Value) || f.Value < 0 {
			t.Errorf("%s is %g", f.Name, f.Value)
		}
	}
	costs := r.Costs
	for name, pair := range map[string][2]float64{ // what does not depend on the machine's speed
		"copies cost": {costs.Store, costs.Replicated}, "writes": {0, costs.Writes}, "replicated writes": {0, costs.ReplicatedWrites},
		"a delivery has more than an event": {costs.EventBytes, costs.DeliveryBytes}, "an event has a header": {100, costs.EventBytes},
		"a record": {100, costs.LogBytes}, "an event's record": {50, costs.LogEventBytes}, "a row": {100, costs.SearchBytes},
	} {
		if pair[0] >= pair[1] {
			t.Errorf("%s: %g is not below %g", name, pair[0], pair[1])
		}
	}
}

func checkThroughput(t *testing.T, r throughputReport) {
	t.Helper()
	if r.Ceiling <= 0 || len(r.Shapes) != len(throughputShapes()) {
		t.Errorf("it reports %+v", r)
	}
	for _, s := range r.Shapes {
		if s.Rate <= 0 || s.Ratio <= 0 || s.CPU <= 0 || s.Lost != 0 {
			t.Errorf("it reports %+v", s)
		}
	}
}

func checkMeasured(t *testing.T, group string, lost count, figures ...versus) {
	t.Helper()
	for _, f := range figures {
		if f.Base <= 0 || f.Value <= 0 || f.Ratio <= 0 || lost != 0 {
			t.Errorf("%s: it reports %+v, %d lost", group, f, lost)
		}
	}
}

func TestBenchRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"--only speed":                     `--only "speed": use some of throughput, telemetry, latency, neighbours, backlog, outage, schedules, memory, fleet, costs`,
		"--events 7":                       "use at least 100 events",
		"--runs 0":                         "use at least 100 events and 1 run",
		"--only latency --plot plot.svg":   "--plot shows the throughput",
		"--only memory --plot-fleet f.svg": "--plot-fleet shows the fleet",
	} {
		c := Command()
		c.SetArgs(strings.Fields(line))
		if err := c.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

// benchSample is a report of all groups, with every figure times n.
func benchSample(n float64) benchReport {
	v := func(base, value float64) versus { return against(base*n, value*n) }
	r := benchReport{
		Events: 30000, Runs: 3,
		Throughput: &throughputReport{Ceiling: 20000 * n},
		Telemetry:  &telemetryReport{},
		Latency:    &latencyReport{PerSecond: 200, P50: v(0.25, 0.5), P99: v(1, 3.5)},
		Neighbours: &neighboursReport{PerSecond: 3000, Healthy: v(2700, 2680), P99: v(5, 5.5), Hung: 160},
		Backlog:    &backlogReport{Size: 50000, Drain: v(6000, 5500), P99: v(2, 2.5)},
		Outage:     &outageReport{Endpoints: 1000, Size: 20000, Down: v(2, 3), Back: v(2, 4), Seconds: 7.5 * n},
		Schedules:  &schedulesReport{Size: 10000, Rate: v(6000, 5900), Restart: v(0.15, 0.2), PerRetry: 1.25 * n},
		Memory: &memoryReport{
			Endpoints: 10000, Active: 100, Held: 1000, RSS: v(100, 150), Heap: v(40, 80), Start: v(0.2, 0.4), Rate: v(5000, 4900), PerHeld: 6.5 * n,
		},
		Fleet: &fleetReport{Endpoints: 32, Requests: 48, Slot: 1, Slots: []float64{100, 900, 950, 2100, 3700, 3650, 2400, 1800, 1850}, Steps: []fleetStep{
			{Dispatchers: 1, Began: 0, Rate: v(900, 900), Gap: v(80, 80)},
			{Dispatchers: 4, Began: 3, Rate: v(3600, 3500), Gap: v(80, 200)},
			{Dispatchers: 2, Began: 6, Rate: v(1800, 1810), Gap: v(80, 300)},
		}},
		Costs: &costsReport{calibration.Costs{Event: 45 * n, Delivery: 38 * n, Writes: 100_000 * n}},
	}
	for i, s := range throughputShapes() {
		share := float64(2*i+3) / 10
		r.Throughput.Shapes = append(r.Throughput.Shapes, benchShape{Name: s.name, Rate: r.Throughput.Ceiling * share, Ratio: share, CPU: 0.1, Duplicates: 1})
	}
	for i, v := range variants() {
		share := 1 - float64(i)/20
		r.Telemetry.Shapes = append(r.Telemetry.Shapes, benchShape{Name: v.name, Rate: 10000 * n * share, Ratio: share, CPU: 0.1})
	}
	return r
}

func TestBenchTable(t *testing.T) {
	var out bytes.Buffer
	if err := benchSample(1).write(&out); err != nil {
		t.Fatal(err)
	}
	goldentest.Check(t, "testdata/bench.table", out.Bytes())
}

func TestBenchPlot(t *testing.T) {
	goldentest.Check(t, "testdata/bench.svg", plot(*benchSample(1).Throughput))
}

func TestBenchPlotFleet(t *testing.T) {
	goldentest.Check(t, "testdata/fleet.svg", plotFleet(*benchSample(1).Fleet))
}

// TestFleetSteps sums up arrivals of two endpoints.
func TestFleetSteps(t *testing.T) {
	var r fleetReport
	every := func(ms ...int) (at []time.Duration) {
		for _, m := range ms {
			at = append(at, time.Duration(m)*time.Millisecond)
		}
		return at
	}
	r.Steps = append(r.Steps, r.step(1, map[string][]time.Duration{"/0": every(900, 1000, 1500, 2000, 2500), "/1": every(1200, 2200)}, 0, 3*time.Second))
	r.Steps = append(r.Steps, r.step(2, map[string][]time.Duration{"/0": every(700, 1000, 1500, 2000, 2500), "/1": every(1100, 1200, 1900, 2800)}, 3*time.Second, 3*time.Second))
	want := []fleetStep{
		{Dispatchers: 1, Rate: against(3, 3), Gap: against(1000, 1000)},
		{Dispatchers: 2, Began: 3, Rate: against(6, 4), Gap: against(1000, 1100)},
	}
	if !slices.Equal(r.Steps, want) {
		t.Errorf("got %+v, want %+v", r.Steps, want)
	}
}

func TestBenchMedian(t *testing.T) {
	samples := []benchReport{benchSample(3), benchSample(1), benchSample(2)}
	samples[1].Memory, samples[2].Memory = nil, nil // measured once
	for i := range samples {
		samples[i].Backlog = nil // not measured
	}
	m := median(samples)
	want := benchSample(2)
	if *m.Latency != *want.Latency || *m.Neighbours != *want.Neighbours || *m.Schedules != *want.Schedules {
		t.Errorf("got %+v %+v %+v", m.Latency, m.Neighbours, m.Schedules)
	}
	if m.Backlog != nil || *m.Memory != *benchSample(3).Memory {
		t.Errorf("got %+v %+v", m.Backlog, m.Memory)
	}
	for i, s := range m.Throughput.Shapes {
		w := want.Throughput.Shapes[i]
		if w.Duplicates = 3; s != w {
			t.Errorf("got %+v, want %+v", s, w)
		}
	}
}

// What is sent late because the sender was busy counts from when it was due.
func TestBenchPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var times []time.Duration
		sent, err := paced(t.Context(), 100, 5, func(n int, at time.Time) error {
			times = append(times, at.Sub(began))
			if n == 1 {
				<-time.After(25 * time.Millisecond)
			}
			return nil
		})
		const ms = time.Millisecond
		if want := []time.Duration{0, 10 * ms, 20 * ms, 30 * ms, 40 * ms}; err != nil || sent != 5 || !slices.Equal(times, want) {
			t.Errorf("sent %d at %s, %v; want %s", sent, times, err, want)
		}
		if took := time.Since(began); took != 40*ms {
			t.Errorf("it took %s", took)
		}
		ctx, stop := context.WithCancelCause(t.Context())
		sent, err = paced(ctx, 100, 5, func(n int, _ time.Time) error {
			if n == 2 {
				stop(errDone)
			}
			return nil
		})
		if sent != 3 || err != errDone { //nolint:errorlint // as it is
			t.Errorf("stopped after %d, %v", sent, err)
		}
	})
}

// A sink counts each path apart, and a request that hangs ends with its sender.
func TestBenchSink(t *testing.T) {
	server := httptest.NewServer((&sink{paths: map[string]*tally{}}).handler())
	defer server.Close()
	s := &sinkProcess{URL: server.URL}
	for _, id := range []string{"a", "b", "a"} {
		if err := postTo(t.Context(), server.URL+"/one", id); err != nil {
			t.Fatal(err)
		}
	}
	hanging, giveUp := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- postTo(hanging, server.URL+hangPath, "c") }()
	if n, err := s.Await(t.Context(), hangPath, 1); n != 1 || err != nil {
		t.Fatalf("%d requests hang, %v", n, err)
	}
	giveUp()
	if err := <-ended; err == nil {
		t.Error("a request that hangs was answered")
	}
	for path, want := range map[string]sinkStats{"/one": {Received: 3, Unique: 2}, hangPath: {Received: 1, Unique: 1}, "/": {}} {
		got, err := s.Stats(t.Context(), path)
		if err != nil || got.Received != want.Received || got.Unique != want.Unique || (got.P99 > 0) != (want.Unique > 0) {
			t.Errorf("%s: %+v, %v; want %+v", path, got, err, want)
		}
	}
	if err := s.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Count(t.Context(), "/one"); n != 0 || err != nil {
		t.Errorf("after a reset it counts %d, %v", n, err)
	}
}

func postTo(ctx context.Context, url, id string) error {
	body := `{"type":"t","timestamp":"` + time.Now().UTC().Format(time.RFC3339Nano) + `","data":{}}`
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header[signing.HeaderID] = []string{id}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
