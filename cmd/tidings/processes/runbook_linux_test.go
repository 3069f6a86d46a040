package processes

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the transcripts of the runbooks anew")

// runbookFolder has the runbooks, and in testdata how each went.
const runbookFolder = "../../../deploy/runbooks"

// bookStep is a command of a runbook.
type bookStep struct {
	section string
	command string
	again   bool   // until it says what is shown, or works if nothing is
	want    string // what it says, in which "…" stands for anything; empty if that is not shown
}

// bookLimit is how long a command is repeated: by then all that a runbook waits for has
// come, on a busy machine too.
const bookLimit = 3 * time.Minute

// untilMark is the comment of commands that are to be given again and again.
const untilMark = "# until "

// bookSteps are the commands that a runbook shows, in its order.
func bookSteps(t *testing.T, name string) (steps []bookStep) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(runbookFolder, name+".md"))
	if err != nil {
		t.Fatal(err)
	}
	section, inside := "", false
	for line := range strings.Lines(strings.ReplaceAll(string(content), "\\\n", "")) {
		command, is := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			inside = strings.HasPrefix(line, "```console")
		case !inside && strings.HasPrefix(line, "#"):
			section = strings.TrimSpace(strings.TrimLeft(line, "#"))
		case inside && is:
			command, _, again := strings.Cut(command, untilMark)
			steps = append(steps, bookStep{section: section, command: strings.TrimSpace(command), again: again})
		case inside && len(steps) == 0:
			t.Fatalf("%s.md shows %q before any command", name, line)
		case inside:
			steps[len(steps)-1].want += line
		}
	}
	return steps
}

// runbook is one that is being followed: its commands run as it shows them, on a host.
type runbook struct {
	*host
	name       string
	steps      []bookStep
	done       int
	transcript strings.Builder
}

// open begins a runbook.
func (h *host) open(name string) *runbook {
	h.t.Helper()
	need(h.t, "curl", "awk", "sed", "grep")
	return &runbook{host: h, name: name, steps: bookSteps(h.t, name)}
}

// follow does what the next section says.
func (b *runbook) follow(section string) {
	b.t.Helper()
	if b.done >= len(b.steps) || b.steps[b.done].section != section {
		b.t.Fatalf("%s.md does not go on with %q: step %d of %+v", b.name, section, b.done, b.steps)
	}
	fmt.Fprintf(&b.transcript, "## %s\n\n", section)
	for b.done < len(b.steps) && b.steps[b.done].section == section {
		b.step(b.steps[b.done])
		b.done++
	}
}

// step runs one command. It may fail only if the runbook shows what it says then.
func (b *runbook) step(s bookStep) {
	b.t.Helper()
	shown := regexp.MustCompile(`.*`)
	if s.want != "" {
		shown = regexp.MustCompile(pattern(s.want))
	}
	began := time.Now()
	for {
		said, err := b.run(s.command)
		said = b.normal(said)
		fits := shown.MatchString(said) && (err == nil || s.want != "")
		if fits || !s.again || time.Since(began) > bookLimit {
			fmt.Fprintf(&b.transcript, "$ %s\n%s\n", s.command, said)
			if took := time.Since(began); took > time.Second {
				b.t.Logf("%s, %s: %s: $ %s", b.name, s.section, took.Round(100*time.Millisecond), s.command)
			}
			if !fits {
				b.t.Fatalf("%s.md, %s, after %s:\n$ %s\n%s(%v)\nthe runbook says\n%s", b.name, s.section, time.Since(began).Round(time.Second), s.command, said, err, s.want)
			}
			return
		}
		<-time.After(untilEvery)
	}
}

// until waits until a command, which is no part of the runbook, says something.
func (h *host) until(command, says string) {
	h.t.Helper()
	for began := time.Now(); ; <-time.After(untilEvery) {
		said, err := h.run(command)
		if strings.Contains(said, says) {
			return
		}
		if time.Since(began) > bookLimit {
			h.t.Fatalf("%s has not said %q within %s, but %s (%v)", command, says, bookLimit, said, err)
		}
	}
}

// run is what a command prints, in the shell of an operator of the host.
func (h *host) run(command string) (said string, err error) {
	ctx, cancel := context.WithTimeout(h.t.Context(), waitLimit)
	defer cancel()
	state := filepath.Join(h.dir, "variables")
	script := fmt.Sprintf("[ -f %[1]s ] && . %[1]s\nset -a\n%[2]s\nkept=$?\nset +a\nexport -p > %[1]s\nexit $kept\n", state, h.here.Replace(command))
	cmd := exec.CommandContext(ctx, "sh", "-c", script)
	cmd.Dir = h.dir
	cmd.Env = append([]string{"HOME=" + h.dir, "LC_ALL=C", "PATH=" + h.bin + ":" + os.Getenv("PATH")}, h.env...) //nolint:forbidigo // what the shell needs
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// normals put what differs each time into what does not.
var normals = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z?`), "<time>"},
	{regexp.MustCompile(`(dlv|ep|rpl|tok|sub)_[A-Za-z0-9]{8,}\b`), "${1}_<id>"},
	{regexp.MustCompile(`\b(whsec_|tidings_|tkey_)[A-Za-z0-9+/=_-]{30,}`), "$1<secret>"},
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "<id>"},
	{regexp.MustCompile(`"error":"[^"]*"`), `"error":"<why>"`},
	{regexp.MustCompile(`(cannot store any more): .*? \(`), "$1: <why> ("},
	{regexp.MustCompile(`--cursor \S+`), "--cursor <cursor>"},
	{regexp.MustCompile(`[{,]otel_scope_[a-z_]+="[^"]*"`), ""},
	{regexp.MustCompile(`(?m)^(tidings_[a-z_]+)(?:,([^}\n]*)|\{([^}\n]*))?\}? ([0-9.e+-]+)$`), "$1{$2$3} $4"},
	{regexp.MustCompile(`(tidings_[a-z_]+)\{\} `), "$1 "},
	{regexp.MustCompile(`[ \t]*\t[ \t]*|  +`), "  "},
	{regexp.MustCompile(`(?m)^ +`), ""},
}

// normal is output as it is each time.
func (b *runbook) normal(said string) string {
	if said = b.shown.Replace(said); said != "" {
		said = strings.TrimSuffix(said, "\n") + "\n"
	}
	for _, n := range normals {
		said = n.what.ReplaceAllString(said, n.by)
	}
	return said
}

// inexact is what a transcript says of numbers that differ each time.
var inexact = regexp.MustCompile(`\b\d+(\.\d+)?(e[+-]?\d+)?(ms|µs|ns|s|m|h|[KMGT]i?B?)?\b`)

// close wants all of the runbook done, and compares how it went. Numbers are in the
// transcript, so that it can be read, and are not compared.
func (b *runbook) close() {
	b.t.Helper()
	if b.done != len(b.steps) {
		b.t.Errorf("%s.md: %q was not done", b.name, b.steps[b.done].section)
	}
	path := filepath.Join(runbookFolder, "testdata", b.name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b.transcript.String()), 0o600); err != nil {
			b.t.Fatal(err)
		}
		return
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	got, want := roughly(b.transcript.String()), roughly(string(kept))
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			b.t.Errorf("%s.md went otherwise than %s has it (go test -update), from line %d on: it went\n%s\nand was\n%s", b.name, path, i+1,
				strings.Join(got[min(i, len(got)):min(i+10, len(got))], "\n"), strings.Join(want[min(i, len(want)):min(i+10, len(want))], "\n"))
			return
		}
	}
}

// roughly are the lines of a transcript without its numbers, and the spaces that align
// them. Lines that then are the same count once: what a process that died had in hand is
// tried, and told, again.
func roughly(transcript string) []string {
	transcript = regexp.MustCompile(` +`).ReplaceAllString(inexact.ReplaceAllString(transcript, "<n>"), " ")
	return slices.Compact(strings.Split(transcript, "\n"))
}
