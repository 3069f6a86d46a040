package bench

import (
	"bytes"
	"fmt"
	"html"
)

// Sizes of the chart, in pixels.
const (
	plotWidth = 760
	plotLeft  = 230 // where bars begin
	plotBar   = 380 // length of the ratio 1
	plotTop   = 48
	plotRow   = 34
	plotThick = 20
)

// plot draws the ratios to the ceiling as an SVG. Its colours are readable on
// light and dark pages. A goal is a line across the bar.
func plot(r throughputReport) []byte {
	var b bytes.Buffer
	height := plotTop + (len(r.Shapes)+1)*plotRow + 30
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" fill="#7d8590">`+"\n", plotWidth, height)
	fmt.Fprintf(&b, `<text x="16" y="26" font-size="15">Deliveries per second, as a share of raw signed POSTs</text>`+"\n")
	row := func(i int, name, colour string, ratio, rate, goal float64) {
		y := plotTop + i*plotRow
		text := y + plotThick*3/4
		length := ratio * plotBar
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", plotLeft-10, text, html.EscapeString(name))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" rx="2" fill="%s"/>`+"\n", plotLeft, y, length, plotThick, colour)
		beyond := max(length, goal*plotBar)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%.2f · %.0f/s</text>`+"\n", plotLeft+beyond+8, text, ratio, rate)
		if goal > 0 {
			x := plotLeft + goal*plotBar
			fmt.Fprintf(&b, `<path d="M%.1f %dv%d" stroke="#c4713b" stroke-width="2"/>`+"\n", x, y-3, plotThick+6)
		}
	}
	row(0, "ceiling: signed POSTs", "#8b949e", 1, r.Ceiling, 0)
	shapes := throughputShapes()
	for i, s := range r.Shapes {
		row(i+1, s.Name, "#4b87b8", s.Ratio, s.Rate, shapes[i].goal)
	}
	fmt.Fprintf(&b, `<path d="M%d %dv%d" stroke="#c4713b" stroke-width="2"/>`+"\n", plotLeft, height-24, 14)
	fmt.Fprintf(&b, `<text x="%d" y="%d" font-size="12">goal</text>`+"\n</svg>\n", plotLeft+8, height-12)
	return b.Bytes()
}
