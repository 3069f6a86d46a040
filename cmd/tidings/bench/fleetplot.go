package bench

import (
	"bytes"
	"fmt"
	"slices"
)

// Sizes of the chart of a fleet, in pixels.
const (
	fleetWidth  = 760
	fleetLeft   = 64
	fleetTop    = 56
	fleetPlot   = 220 // height of what is plotted
	fleetMargin = 16
)

// plotFleet draws the deliveries per second over time as an SVG, and what they would be
// if each dispatcher made as many as one alone. Its colours are readable on light and
// dark pages.
func plotFleet(r fleetReport) []byte {
	var b bytes.Buffer
	whole := float64(len(r.Slots)) * r.Slot
	if len(r.Steps) == 0 || whole == 0 {
		return nil
	}
	most := slices.Max(r.Slots) / r.Slot
	for _, s := range r.Steps {
		most = max(most, s.Rate.Base)
	}
	x := func(seconds float64) float64 {
		return fleetLeft + seconds/whole*(fleetWidth-fleetLeft-fleetMargin)
	}
	y := func(rate float64) float64 { return fleetTop + fleetPlot*(1-rate/most) }
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" fill="#7d8590">`+"\n", fleetWidth, fleetTop+fleetPlot+90)
	fmt.Fprintf(&b, `<text x="16" y="26" font-size="15">Deliveries per second while dispatchers come and go; receivers take 50 ms</text>`+"\n")
	for i, s := range r.Steps {
		end := whole
		if i+1 < len(r.Steps) {
			end = r.Steps[i+1].Began
		}
		fmt.Fprintf(&b, `<path d="M%.1f %.1fH%.1f" stroke="#c4713b" stroke-width="2"/>`+"\n", x(s.Began), y(s.Rate.Base), x(end))
		fmt.Fprintf(&b, `<path d="M%.1f %dv%d" stroke="#7d8590" stroke-dasharray="3 4"/>`+"\n", x(s.Began), fleetTop, fleetPlot)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%s</text>`+"\n", x(s.Began)+4, fleetTop+fleetPlot+18, dispatchersOf(s.Dispatchers))
		for j, line := range []string{
			fmt.Sprintf("%.0f/s, %.2f of linear", s.Rate.Value, s.Rate.Ratio),
			fmt.Sprintf("longest gap of an endpoint %.0f ms", s.Gap.Value),
		} {
			fmt.Fprintf(&b, `<text x="%.1f" y="%d" font-size="12">%s</text>`+"\n", x(s.Began)+4, fleetTop+fleetPlot+36+16*j, line)
		}
	}
	fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%.0f</text><text x="%d" y="%d" text-anchor="end">0</text>`+"\n", fleetLeft-8, y(most)+5, most, fleetLeft-8, fleetTop+fleetPlot+5)
	b.WriteString(`<path fill="none" stroke="#4b87b8" stroke-width="2" d="`)
	for i, n := range r.Slots {
		fmt.Fprintf(&b, "%c%.1f %.1f", "ML"[min(i, 1)], x((float64(i)+0.5)*r.Slot), y(n/r.Slot))
	}
	b.WriteString(`"/>` + "\n")
	fmt.Fprintf(&b, `<path d="M16 %dh24" stroke="#c4713b" stroke-width="2"/><text x="46" y="%d" font-size="12">as many times what one delivers</text>`+"\n</svg>\n", fleetTop+fleetPlot+74, fleetTop+fleetPlot+78)
	return b.Bytes()
}

func dispatchersOf(n int) string {
	if n == 1 {
		return "1 dispatcher"
	}
	return fmt.Sprintf("%d dispatchers", n)
}
