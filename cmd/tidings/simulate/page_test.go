package simulate

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/cmd/tidings/simulate/calibration"
	"github.com/tidings-dev/tidings/cmd/tidings/simulate/capacity"
)

// deploy is the folder of the capacity page.
const deploy = "../../../deploy"

// sizes are those of the page, by their files of scenarios.
func sizes() []string { return []string{"10k", "1m", "100m"} }

// scenarioOf is a size's.
func scenarioOf(t *testing.T, size string) Scenario {
	t.Helper()
	s := Default()
	if err := s.overlay(filepath.Join(deploy, "capacity", size+".yaml"), pflag.NewFlagSet("", pflag.ContinueOnError)); err != nil {
		t.Fatal(err)
	}
	if err := s.validate(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCapacityPage makes the parts of deploy/capacity.md that are counted, and its
// charts. -update writes them.
func TestCapacityPage(t *testing.T) {
	var reports []Report
	for _, size := range sizes() {
		r, err := Answer(scenarioOf(t, size), calibration.Embedded())
		if err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join(deploy, "capacity", size+".svg"), r.SVG())
		reports = append(reports, r)
	}
	page := filepath.Join(deploy, "capacity.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := command(t, strings.Fields("--scenario "+filepath.Join(deploy, "capacity/10k.yaml"))...)
	if err != nil {
		t.Fatal(err)
	}
	for name, part := range map[string]string{
		"sizes":     sizesTable(reports),
		"bounds":    boundsTable(reports[1]),
		"retention": retentionTable(t),
		"costs":     costsTable(),
		"output":    "```console\n$ tidings simulate --scenario deploy/capacity/10k.yaml\n" + trimmed(shown) + "```\n",
	} {
		place := regexp.MustCompile(`(?s)(<!-- counted: ` + name + ` -->\n).*?(<!-- end -->)`)
		if !place.Match(text) {
			t.Errorf("the page has no place for %s", name)
		}
		text = place.ReplaceAllFunc(text, func(old []byte) []byte {
			m := place.FindSubmatch(old)
			return slices.Concat(m[1], []byte("\n"+part+"\n"), m[2])
		})
	}
	golden(t, page, text)
	if bytes.Contains(text, []byte("NaN")) || bytes.Contains(text, []byte("Inf")) {
		t.Error("the page has figures that are none")
	}
}

// trimmed has no spaces at the ends of lines.
func trimmed(text string) string { return regexp.MustCompile(`(?m) +$`).ReplaceAllString(text, "") }

func table(b *strings.Builder, rows ...[]string) {
	for i, row := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			fmt.Fprintf(b, "|%s\n", strings.Repeat("---|", len(row)))
		}
	}
}

// sizesTable has a column for each report.
func sizesTable(reports []Report) string {
	rows := [][]string{{""}}
	row := func(name string, of func(Report) string) {
		line := []string{name}
		for _, r := range reports {
			line = append(line, of(r))
		}
		rows = append(rows, line)
	}
	for _, r := range reports {
		rows[0] = append(rows[0], short(float64(r.Scenario.Endpoints))+" endpoints")
	}
	row("tenants; events/s × fan-out", func(r Report) string {
		return short(float64(r.Scenario.Tenants)) + "; " + short(r.Scenario.Events) + " × " + short(r.Scenario.Fanout)
	})
	row("**cells**", func(r Report) string { return fmt.Sprintf("**%d**", r.Cells) })
	row("nearest bound", func(r Report) string { return r.Bounds[0].Name + ", " + short(r.Bounds[0].Cells()) + " cells" })
	row("the next", func(r Report) string { return r.Bounds[1].Name + ", " + short(r.Bounds[1].Cells()) })
	row("workers · NATS servers · APIs of a cell", func(r Report) string {
		return fmt.Sprintf("%d · %d · %d", r.Cell.Workers, r.Cell.Servers, r.Cell.APIs)
	})
	row("partitions · delivery streams", func(r Report) string { return fmt.Sprintf("%d · %d", r.Cell.Partitions, r.Cell.Shards) })
	row("cores used by workers · servers · search", func(r Report) string {
		return short(r.Cell.WorkerCores) + " · " + short(r.Cell.ServerCores) + " · " + short(r.Cell.APICores)
	})
	row("attempts/s · under way", func(r Report) string { return short(r.Cell.Attempts) + " · " + short(r.Cell.UnderWay) })
	row("memory of a worker · of a server", func(r Report) string {
		return fmt.Sprintf("%.1f · %.1f GiB", r.Cell.WorkerMemory, r.Cell.ServerMemory)
	})
	row("start of a process", func(r Report) string { return round(r.Cell.Start) })
	row("disks of a cell, all copies", func(r Report) string { return bytesOf(r.Cell.Disk) })
	row("cost of a month, all cells, example prices", func(r Report) string { return short(r.Cost) })
	for i, phase := range []string{"before", "in the outage", "recovery"} {
		row("oldest of the healthy endpoints, "+phase, func(r Report) string { return round(r.Phases[i].Healthy) })
	}
	row("longest that a healthy one's delivery was due", func(r Report) string { return round(max(r.Phases[1].Waited, r.Phases[2].Waited)) })
	row("oldest of all, in the outage · recovery", func(r Report) string { return round(r.Phases[1].Oldest) + " · " + round(r.Phases[2].Oldest) })
	row("held in a cell at most", func(r Report) string { return short(r.Outage.Held) + ", " + bytesOf(r.Outage.HeldGB) })
	row("nothing more held after", func(r Report) string { return later(r.Outage.Drained, r.Scenario.After) })
	row("all but a hundredth of what was delayed has ended after", func(r Report) string { return later(r.Outage.Settled, r.Scenario.After) })
	var b strings.Builder
	table(&b, rows...)
	return b.String()
}

// boundsTable is what one cell holds.
func boundsTable(r Report) string {
	rows := [][]string{{"bound", "one cell holds", "why"}}
	for _, bound := range r.Bounds {
		rows = append(rows, []string{bound.Name, amount(bound.Limit, bound.Unit), bound.Why})
	}
	var b strings.Builder
	table(&b, rows...)
	return b.String()
}

// retentionTable is how many cells there are, by how long the log is searched.
func retentionTable(t *testing.T) string {
	ages := []time.Duration{30 * day, 7 * day, day}
	rows := [][]string{{"the log is searched for"}}
	for _, age := range ages {
		rows[0] = append(rows[0], days(age))
	}
	for _, size := range sizes() {
		s := scenarioOf(t, size)
		line := []string{short(float64(s.Endpoints)) + " endpoints"}
		for _, age := range ages {
			s.LogAge = age
			policy, err := s.policy()
			if err != nil {
				t.Fatal(err)
			}
			load, o := s.load(policy), s.options()
			n := capacity.Cells(load, calibration.Embedded(), o)
			line = append(line, fmt.Sprintf("%d: %s", n, capacity.Bounds(load, calibration.Embedded(), o)[0].Name))
		}
		rows = append(rows, line)
	}
	var b strings.Builder
	table(&b, rows...)
	return b.String()
}

func costsTable() string {
	f := calibration.Embedded()
	rows := [][]string{{"figure", "", "how it is measured"}}
	for _, one := range f.List() {
		rows = append(rows, []string{"`" + one.Name + "`", digits(one.Value), one.How})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "On %s:\n\n", f.Machine)
	table(&b, rows...)
	return b.String()
}
