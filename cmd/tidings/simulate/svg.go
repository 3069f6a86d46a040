package simulate

import (
	"bytes"
	"fmt"
	"time"
)

// Sizes of the chart, in pixels.
const (
	svgWidth  = 760
	svgLeft   = 96 // where the curves begin
	svgRight  = 16
	svgTop    = 44
	svgPanel  = 96 // height of a curve
	svgGap    = 34
	svgBottom = 40
)

// panel is one curve, or two on one scale.
type panel struct {
	title, most string
	curves      []curve
}

type curve struct {
	colour, name string
	values       []float64
}

// SVG draws the time: what is delivered, what waits, and how old the oldest is. Its
// colours are readable on light and dark pages, as those of the benchmark's chart.
func (r Report) SVG() []byte {
	const blue, orange = "#4b87b8", "#c4713b"
	p := r.pictures()
	panels := []panel{
		{"delivered per second", p[0].most, []curve{{blue, "", p[0].values}}},
		{"deliveries held", p[1].most, []curve{{blue, "", p[1].values}}},
		{"age of the oldest", p[2].most, []curve{{blue, "all", p[2].values}, {orange, "healthy endpoints", p[3].values}}},
	}
	height := svgTop + len(panels)*(svgPanel+svgGap) + svgBottom
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" fill="#7d8590">`+"\n", svgWidth, height)
	of := ""
	if r.Cells > 1 {
		of = fmt.Sprintf(", one of %d cells", r.Cells)
	}
	fmt.Fprintf(&b, `<text x="16" y="24" font-size="15">%s endpoints, %s deliveries/s%s: %s of the endpoints fail for %s</text>`+"\n",
		short(float64(r.Scenario.Endpoints)), short(r.Scenario.Events*r.Scenario.Fanout), of, percent(r.Scenario.Outage), round(r.Scenario.OutageFor))
	all := r.Scenario.Before + r.Scenario.OutageFor + r.Scenario.After
	x := func(d time.Duration) float64 { return svgLeft + (svgWidth-svgLeft-svgRight)*d.Seconds()/all.Seconds() }
	from, until := x(r.Scenario.Before), x(r.Scenario.Before+r.Scenario.OutageFor)
	fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="#7d8590" fill-opacity="0.12"/>`+"\n", from, svgTop, until-from, height-svgTop-svgBottom-svgGap/2)
	for i, one := range panels {
		r.draw(&b, one, svgTop+i*(svgPanel+svgGap), x)
	}
	axis := height - svgBottom + 8
	for _, at := range []time.Duration{0, r.Scenario.Before, r.Scenario.Before + r.Scenario.OutageFor, all} {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", min(x(at), svgWidth-2*svgRight), axis, round(at))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// draw draws a panel whose top is at y.
func (r Report) draw(b *bytes.Buffer, p panel, y int, x func(time.Duration) float64) {
	bottom := float64(y + svgGap/2 + svgPanel)
	most := 0.0
	for _, c := range p.curves {
		for _, v := range c.values {
			most = max(most, v)
		}
	}
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", svgLeft, y+svgGap/2-5, p.title)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", svgLeft-8, y+svgGap/2+10, p.most)
	fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#7d8590" stroke-opacity="0.5"/>`+"\n", svgLeft, bottom, svgWidth-svgRight)
	for i, c := range p.curves {
		fmt.Fprintf(b, `<path fill="none" stroke="%s" stroke-width="1.5" d="M`, c.colour)
		for n, v := range c.values {
			height := 0.0
			if most > 0 {
				height = v / most * svgPanel
			}
			fmt.Fprintf(b, "%.1f %.1f ", x(r.Series[n].At), bottom-height)
		}
		b.WriteString(`"/>` + "\n")
		if c.name != "" {
			fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="%s">%s</text>`+"\n", svgWidth-svgRight, y+svgGap/2-5-14*(len(p.curves)-1-i), c.colour, c.name)
		}
	}
}
