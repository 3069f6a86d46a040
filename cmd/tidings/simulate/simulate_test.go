package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/schemas/goldentest"
)

// golden holds got to a file.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("elsewhere a product and a sum may be rounded once, and so another delivery comes first")
	}
	goldentest.Check(t, file, got)
}

// figures are round ones.
func figures() calibration.Figures {
	return calibration.Figures{
		Costs: calibration.Costs{
			Event: 50, Delivery: 40, Stored: 50, Retry: 150, Held: 100, Search: 100, Store: 10, Replicated: 20, Writes: 100_000, ReplicatedWrites: 40_000,
			EventBytes: 250, DeliveryBytes: 350, LogBytes: 470, LogEventBytes: 185, SearchBytes: 1000, UnderWay: 30,
			Endpoint: 4, EndpointStart: 30, Process: 40_000, HeldEndpoint: 6, Schedule: 1.5,
		},
		Machine: "paper",
	}
}

// small is a scenario that is played at once.
func small() Scenario {
	s := Default()
	s.Endpoints, s.Tenants, s.Events, s.Detail = 1000, 10, 200, 20_000
	s.Before, s.OutageFor, s.After = 5*time.Minute, 10*time.Minute, 45*time.Minute
	return s
}

func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c := usage.Group(&cobra.Command{Use: "tidings", SilenceErrors: true, SilenceUsage: true}, Command(func(_ context.Context, o CheckOptions, out, _ io.Writer) error {
		_, err := out.Write([]byte("checked"))
		if o.Runs != 2 {
			return errors.New("not two runs")
		}
		return err
	}))
	usage.Hold(c)
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(io.Discard)
	c.SetArgs(append([]string{"simulate"}, args...))
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestTheTable(t *testing.T) {
	r, err := Answer(small(), figures())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/small.txt", out.Bytes())
	golden(t, "testdata/small.svg", r.SVG())
	if err := xml.Unmarshal(r.SVG(), new(struct{})); err != nil {
		t.Errorf("the chart is no XML: %v", err)
	}
}

// What the outage does is what it does in the product: breakers open, what is due is
// held, healthy endpoints notice nothing, and all comes in the end.
func TestAnOutage(t *testing.T) {
	s := small()
	s.Failures = 0
	r, err := Answer(s, figures())
	if err != nil {
		t.Fatal(err)
	}
	before, outage, after := r.Phases[0], r.Phases[1], r.Phases[2]
	if before.Held != 0 || before.Failed != 0 || outage.Held == 0 || outage.Failed == 0 || after.Failed > outage.Failed {
		t.Errorf("%+v", r.Phases)
	}
	if outage.Healthy > 10*time.Second || outage.Waited > time.Second || outage.Oldest < 9*time.Minute {
		t.Errorf("the healthy wait %s, their oldest is %s old and that of all %s", outage.Waited, outage.Healthy, outage.Oldest)
	}
	r.checkOutage(t)
	came := 0.0
	for i, p := range r.Phases {
		came += p.Deliveries * []time.Duration{s.Before, s.OutageFor, s.After}[i].Seconds()
	}
	if want := s.Events * (s.Before + s.OutageFor + s.After).Seconds(); came < 0.97*want || came > 1.03*want {
		t.Errorf("%.0f delivered of %.0f", came, want)
	}
}

func (r Report) checkOutage(t *testing.T) {
	t.Helper()
	o := r.Outage
	if o.Breakers == 0 || o.Endpoints != 200 || o.Drained <= 0 || o.Drained > 7*time.Minute || o.Settled <= 0 || o.Settled > 40*time.Minute {
		t.Errorf("%+v", *o)
	}
}

// A sample says the same as the whole.
func TestASampleIsLikeTheWhole(t *testing.T) {
	s := small()
	s.Endpoints, s.Events, s.Skew = 4000, 400, 0
	s.Detail = 10_000_000
	whole, err := Answer(s, figures())
	if err != nil {
		t.Fatal(err)
	}
	s.Detail = 200_000
	part, err := Answer(s, figures())
	if err != nil {
		t.Fatal(err)
	}
	if whole.Sample.Share != 1 || part.Sample.Share > 0.5 {
		t.Fatalf("shares of %g and %g", whole.Sample.Share, part.Sample.Share)
	}
	near := func(what string, a, b float64) {
		if a < 0.9*b || a > 1.1*b {
			t.Errorf("%s: %g of a sample, %g of the whole", what, a, b)
		}
	}
	// The oldest is one delivery: it is what that one had.
	if a, b := part.Phases[1].Oldest, whole.Phases[1].Oldest; a < b/2 || a > 2*b {
		t.Errorf("oldest: %s of a sample, %s of the whole", a, b)
	}
	near("held", part.Outage.Held, whole.Outage.Held)
	near("scheduled", part.Outage.Scheduled, whole.Outage.Scheduled)
	near("breakers", part.Outage.Breakers, whole.Outage.Breakers)
	near("busy", part.Phases[1].Busy, whole.Phases[1].Busy)
	near("attempts", part.Phases[1].Attempts, whole.Phases[1].Attempts)
}

func TestTheCommand(t *testing.T) {
	dir := t.TempDir()
	file, svg := filepath.Join(dir, "scenario.yaml"), filepath.Join(dir, "chart.svg")
	if err := os.WriteFile(file, []byte("endpoints: 500\nevents: 5\noutage: 0\nretry: [1s, 2s]\nbefore: 2m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := command(t, "--scenario", file, "--events", "7", "-o", "json", "--svg", svg)
	if err != nil {
		t.Fatal(err)
	}
	var r Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if s := r.Scenario; s.Endpoints != 500 || s.Events != 7 || len(s.Retry) != 2 || s.Before != 2*time.Minute || r.Outage != nil || r.Cells != 1 {
		t.Errorf("%+v, outage %+v", s, r.Outage)
	}
	if again, err := command(t, "--scenario", file, "--events", "7", "-o", "json"); err != nil || again != out {
		t.Errorf("%v: the same is not the same", err)
	}
	if chart, err := os.ReadFile(svg); err != nil || !bytes.HasPrefix(chart, []byte("<svg ")) {
		t.Errorf("the chart is %q, %v", chart, err)
	}
}

func TestTheOtherAnswers(t *testing.T) {
	if out, err := command(t, "--costs"); err != nil || !strings.Contains(out, "delivery_us") || !strings.Contains(out, "sign, POST") {
		t.Errorf("%v, %s", err, out)
	}
	if out, err := command(t, "--check", "--runs", "2"); err != nil || out != "checked" {
		t.Errorf("%v, %s", err, out)
	}
}

func TestTheCommandRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(file, []byte("endpoints: 5\nevets: 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.yaml")
	if err := os.WriteFile(empty, []byte("# nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"--events -1":              "--events is -1: use 0.001 to 10000000000",
		"--endpoints 0":            "--endpoints is 0: use 1 to",
		"--endpoints 3 --fanout 4": "--fanout is 4: use 0.001 to 3",
		"--failures 1":             "--failures is 1: use 0 to 0.9",
		"--outage 1.5":             "--outage is 1.5",
		"--outage-kind explode":    `--outage-kind "explode": use refuse or hang`,
		"--replicas 2":             "--replicas is 2: use 1 or 3",
		"--p50 2s --p99 1s":        "--p99 is 1s: use 2s to",
		"--timeout 1h":             "--timeout is 1h0m0s: use 1ms to 5m0s",
		"--retry 5":                `--retry "5": time: missing unit`,
		"--retry 1s,-3s":           `--retry "-3s": use more than 0 and at most 168h0m0s`,
		"--busy NaN":               "--busy is NaN",
		"--output xml":             `--output "xml": use text or json`,
		"--scenario nothing.yaml":  "--scenario: open nothing.yaml",
		"--scenario " + file:       `unknown field "evets"`,
		"--calibrate nothing.json": "--calibrate: open nothing.json",
		"--calibrate " + file:      "is no report of the benchmark",
		"--runs 0":                 "--runs is 0",
		"surplus":                  "there is 1 argument, want none",
		"--partitions 300":         "--partitions is 300: use 1 to 256",
		"--events many":            "invalid argument",
		"--svg nowhere/a.svg":      "--svg: stat nowhere",
		"--scenario " + empty:      "is empty",
		"--events 1e10 --disk 1 --cores 0.1 --endpoints 1000000": "more than 1000000 cells are no answer",
		"--log-max-bytes -1": "--log-max-bytes is -1",
		"--before 1s":        "--before is 1s: use 1m0s to 24h0m0s",
		"--concurrency 2000": "--concurrency is 2000: use 1 to 1000",
		"--detail 3":         "--detail is 3",
		"--price-core -1":    "--price-core is -1",
	} {
		_, err := command(t, strings.Fields(line)...)
		if err == nil || !strings.Contains(err.Error(), want) || usage.ExitCode(err) != usage.ExitUsage {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

// Defaults that the product has are the same here.
func TestDefaultsAreTheProducts(t *testing.T) {
	s := Default()
	var product config.Settings
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	product.Bind(f)
	if r := product.Streams; s.Partitions != r.Partitions || s.EventsAge != r.EventsMaxAge || s.LogAge != r.LogMaxAge || s.DeadAge != r.DeadMaxAge || s.LogBytes != float64(r.LogMaxBytes) {
		t.Errorf("%+v here, %+v there", s, r)
	}
	if s.Window != flow.DefaultMax || s.Timeout != dialect.Timeout {
		t.Errorf("%d at once for %s", s.Window, s.Timeout)
	}
}

func TestSparkline(t *testing.T) {
	for want, values := range map[string][]float64{
		"    ": {0, 0, 0, 0}, "▁▂▄█": {0.1, 2, 4, 8}, " █": {0, 0, 1, 0.5}, "▄▄██": {1, 2}, "  ": nil,
	} {
		if got := Sparkline(values, utf8.RuneCountInString(want)); got != want {
			t.Errorf("%v: %q, want %q", values, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for want, got := range map[string]string{
		"0": short(0), "1.50": short(1.5), "12.3": short(12.34), "999": short(999), "1.00 k": short(999.9), "1.23 M": short(1.234e6),
		"0.0012": short(0.00123), "250 µs": strings.ReplaceAll(round(250*time.Microsecond), "µs", " µs"), "1.5s": round(1499 * time.Millisecond),
		"5m": round(5 * time.Minute), "1h": round(time.Hour), "1h30m": round(90 * time.Minute), "2m5s": round(125*time.Second + time.Millisecond),
		"0s": round(0), "20 %": percent(0.2), "1.50 TB": bytesOf(1500), "20 MB": bytesOf(0.02), "under 1 MB": bytesOf(1e-9), "7 days": days(7 * day),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
