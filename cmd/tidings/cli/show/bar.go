package show

import (
	"fmt"
	"io"
	"strings"
)

// Bar is a line that says how far something is, written over as it goes on. Where
// lines cannot be written over there is none.
type Bar struct {
	out  io.Writer
	last string
}

// NewBar is a bar on a terminal; with nil nothing is shown.
func NewBar(out io.Writer) *Bar { return &Bar{out: out} }

const barWidth = 20

// Show says that done of total are done; a total of 0 is not known yet.
func (b *Bar) Show(done, total int, words string) {
	if b.out == nil {
		return
	}
	line := fmt.Sprintf("%d %s", done, words)
	if total > 0 {
		done = min(done, total)
		full := done * barWidth / total
		line = fmt.Sprintf("[%s%s] %3d%%  %d of %d %s", strings.Repeat("█", full), strings.Repeat("·", barWidth-full), done*100/total, done, total, words)
	}
	if line != b.last {
		fmt.Fprint(b.out, "\r\x1b[K"+line)
		b.last = line
	}
}

// End makes room for what comes next.
func (b *Bar) End() {
	if b.last != "" {
		fmt.Fprint(b.out, "\r\x1b[K")
		b.last = ""
	}
}
