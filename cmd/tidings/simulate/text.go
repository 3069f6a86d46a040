package simulate

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
)

// pictureWidth is how many characters a picture of the time has.
const pictureWidth = 64

// Write writes the answer for people.
func (r Report) Write(out io.Writer) error {
	s := r.Scenario
	fmt.Fprintf(out, "%s endpoints of %s tenants; %s events/s × %s = %s deliveries/s of %s bytes\n",
		short(float64(s.Endpoints)), short(float64(s.Tenants)), short(s.Events), short(s.Fanout), short(s.Events*s.Fanout), short(s.Data))
	if r.Measured != "" {
		fmt.Fprintf(out, "costs measured on %s\n", r.Measured)
	}
	fmt.Fprintf(out, "\n%s\n", r.cells())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\n  what bounds a cell\tneeded\tone cell\tcells\twhy")
	for _, b := range r.Bounds {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", b.Name, amount(b.Need, b.Unit), amount(b.Limit, b.Unit), short(b.Cells()), b.Why)
	}
	r.writeCell(w)
	r.writePhases(w)
	if err := w.Flush(); err != nil {
		return err
	}
	r.writeOutage(out)
	r.writePictures(out)
	for _, text := range r.Warnings {
		fmt.Fprintf(out, "\n! %s\n", text)
	}
	_, err := fmt.Fprintf(out, "\nPlayed: %s of a worker's %s endpoints, one by one, for %s; rates and counts are times %s.\n",
		short(float64(r.Sample.Endpoints)), short(float64(r.Sample.Of)), round(s.Before+s.OutageFor+s.After), short(r.Sample.Scale))
	return err
}

func (r Report) cells() string {
	b := r.Bounds[0]
	if r.Cells == 1 {
		return fmt.Sprintf("One cell. The nearest bound is %s: %s of it is used.", b.Name, percent(b.Cells()))
	}
	return fmt.Sprintf("%d cells. What binds first is %s: one cell has %s.", r.Cells, b.Name, amount(b.Limit, b.Unit))
}

func (r Report) writeCell(w io.Writer) {
	c, s := r.Cell, r.Scenario
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(w, "\n  one cell\t")
	row("workers (fanout, dispatcher)", "%d, %s of %s cores each used, %.1f GiB each", c.Workers, short(c.WorkerCores/float64(c.Workers)), short(s.Cores), c.WorkerMemory)
	row("NATS servers", "%d, %s cores each used, %.1f GiB each, %d copies", c.Servers, short(c.ServerCores/float64(c.Servers)), c.ServerMemory, s.Replicas)
	row("API processes", "%d, %s cores for the searchable log", c.APIs, short(c.APICores))
	row("streams", "EVENTS, LOG, DEAD and %d of DELIVERIES; %d partitions", c.Shards, c.Partitions)
	row("attempts", "%s/s, %s under way at once", short(c.Attempts), short(c.UnderWay))
	row("writes", "%s/s to DELIVERIES, %s/s to LOG", short(c.DeliveryWrites), short(c.LogWrites))
	row("disk, one copy", "EVENTS %s, LOG %s, DEAD %s, waiting %s; searchable log %s", bytesOf(c.EventsDisk), bytesOf(c.LogDisk), bytesOf(c.DeadDisk), bytesOf(c.HeldDisk), bytesOf(c.SearchDisk))
	row("the log goes back", "%s in NATS, %s where it is searched", days(c.LogKept), days(s.LogAge))
	row("start of a process", "%s", round(c.Start))
	row("cost, at the prices given", "%s a month, %s for all cells", short(c.Cost), short(r.Cost))
}

func (r Report) writePhases(w io.Writer) {
	fmt.Fprint(w, "\n  one cell, played\t")
	for _, p := range r.Phases {
		fmt.Fprintf(w, "%s\t", p.Name)
	}
	fmt.Fprintln(w)
	row := func(name string, of func(Phase) string) {
		fmt.Fprintf(w, "  %s\t", name)
		for _, p := range r.Phases {
			fmt.Fprintf(w, "%s\t", of(p))
		}
		fmt.Fprintln(w)
	}
	row("delivered per second", func(p Phase) string { return short(p.Deliveries) })
	row("attempts per second", func(p Phase) string { return short(p.Attempts) })
	row("of these failed", func(p Phase) string { return percent(p.Failed) })
	row("workers' cores busy", func(p Phase) string { return percent(p.Busy) })
	row("attempts under way at most", func(p Phase) string { return short(p.UnderWay) })
	row("held at most", func(p Phase) string { return short(p.Held) })
	row("retries scheduled at most", func(p Phase) string { return short(p.Scheduled) })
	row("died", func(p Phase) string { return short(p.Dead) })
	row("oldest", func(p Phase) string { return round(p.Oldest) })
	row("healthy endpoints: oldest", func(p Phase) string { return round(p.Healthy) })
	row("  longest due before its attempt", func(p Phase) string { return round(p.Waited) })
	row("  p50 from event to delivery", func(p Phase) string { return round(p.P50) })
	row("  p99", func(p Phase) string { return round(p.P99) })
}

func (r Report) writeOutage(out io.Writer) {
	if o := r.Outage; o != nil {
		fmt.Fprintf(out, "\nOutage of %s: %s of the endpoints %s. %s breakers open, %s deliveries held (%s) and %s scheduled at most.\nAfter it: nothing more is held after %s, and all but a hundredth of what it delayed has ended after %s.\n",
			round(r.Scenario.OutageFor), percent(r.Scenario.Outage), r.Scenario.OutageKind, short(o.Breakers), short(o.Held), bytesOf(o.HeldGB), short(o.Scheduled),
			later(o.Drained, r.Scenario.After), later(o.Settled, r.Scenario.After))
	}
}

func later(d, most time.Duration) string {
	if d < 0 {
		return "more than " + round(most)
	}
	return round(d)
}

// writePictures shows the series, from 0 to the greatest, and where the outage is.
func (r Report) writePictures(out io.Writer) {
	fmt.Fprintln(out)
	for _, p := range r.pictures() {
		fmt.Fprintf(out, "  %-24s %s  up to %s\n", p.name, Sparkline(p.values, pictureWidth), p.most)
	}
	all := r.Scenario.Before + r.Scenario.OutageFor + r.Scenario.After
	from := int(float64(pictureWidth) * r.Scenario.Before.Seconds() / all.Seconds())
	long := max(1, int(float64(pictureWidth)*r.Scenario.OutageFor.Seconds()/all.Seconds()))
	fmt.Fprintf(out, "  %-24s %s%s outage\n", "", strings.Repeat(" ", from), strings.Repeat("─", long))
}

// picture is one series.
type picture struct {
	name, most string
	values     []float64
}

func (r Report) pictures() []picture {
	of := func(name string, value func(Point) float64, word func(float64) string) picture {
		p := picture{name: name}
		most := 0.0
		for _, at := range r.Series {
			p.values = append(p.values, value(at))
			most = max(most, value(at))
		}
		p.most = word(most)
		return p
	}
	age := func(v float64) string { return round(time.Duration(v * float64(time.Second))) }
	return []picture{
		of("delivered per second", func(p Point) float64 { return p.Deliveries }, short),
		of("held", func(p Point) float64 { return p.Held }, short),
		of("oldest", func(p Point) float64 { return p.Oldest.Seconds() }, age),
		of("oldest, healthy", func(p Point) float64 { return p.Healthy.Seconds() }, age),
	}
}

// Sparkline is a picture of values from 0 to the greatest, one character high. Each
// character is the greatest of its part.
func Sparkline(values []float64, width int) string {
	const bars = " ▁▂▃▄▅▆▇█"
	steps := []rune(bars)
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	var b strings.Builder
	for i := range width {
		from, until := i*len(values)/width, max((i+1)*len(values)/width, i*len(values)/width+1)
		here := 0.0
		for _, v := range values[min(from, len(values)):min(until, len(values))] {
			here = max(here, v)
		}
		level := 0
		if here > 0 {
			level = max(1, int(math.Round(here/most*float64(len(steps)-1))))
		}
		b.WriteRune(steps[level])
	}
	return b.String()
}

// short is a number of three digits, with a word for thousands.
func short(v float64) string {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return "?"
	}
	for _, unit := range []struct {
		of   float64
		name string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if math.Abs(v) >= unit.of*0.9995 {
			return digits(v/unit.of) + unit.name
		}
	}
	return digits(v)
}

func digits(v float64) string {
	switch {
	case v == math.Trunc(v) || math.Abs(v) >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case math.Abs(v) >= 9.995:
		return fmt.Sprintf("%.1f", v)
	case math.Abs(v) >= 0.01:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

// days is a time in days, or as it is.
func days(d time.Duration) string {
	if d < 2*day {
		return round(d)
	}
	return digits(d.Hours()/24) + " days"
}

// amount is so much of something.
func amount(v float64, unit string) string {
	if unit == "GB" {
		return bytesOf(v)
	}
	return short(v) + " " + unit
}

func percent(share float64) string { return digits(share*100) + " %" }

// bytesOf is a size of so many GB.
func bytesOf(gb float64) string {
	if gb < 0.001 {
		return "under 1 MB"
	}
	if gb < 1 {
		return digits(gb*1000) + " MB"
	}
	if gb < 1000 {
		return digits(gb) + " GB"
	}
	return digits(gb/1000) + " TB"
}

// round is a time of two or three digits.
func round(d time.Duration) string {
	unit := time.Microsecond
	for _, u := range []time.Duration{time.Second, 100 * time.Millisecond, 10 * time.Millisecond, time.Millisecond} {
		if d >= 100*u {
			unit = u
			break
		}
	}
	text := d.Round(unit).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-len(zero)+1]
		}
	}
	return text
}
