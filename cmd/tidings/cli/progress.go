package cli

import (
	"fmt"
	"io"
	"strings"
)

// bar is a line that says how far something is, written over as it goes on. Where
// lines cannot be written over there is none.
type bar struct {
	out  io.Writer
	last string
}

func (a *App) newBar(out io.Writer) *bar {
	if !a.env.Bars {
		out = nil
	}
	return &bar{out: out}
}

const barWidth = 20

// show says that done of total are done; a total of 0 is not known yet.
func (b *bar) show(done, total int, words string) {
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

// end makes room for what comes next.
func (b *bar) end() {
	if b.last != "" {
		fmt.Fprint(b.out, "\r\x1b[K")
		b.last = ""
	}
}
