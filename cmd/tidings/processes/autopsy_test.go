package processes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// autopsyWait is how long a process may take to write down its goroutines.
	autopsyWait = 10 * time.Second
	// autopsyLines is how many kinds of them are told, the rarest first: what hangs is
	// rare.
	autopsyLines = 25
	ownCode      = "github.com/tidings-dev/tidings/"
)

// autopsy ends a process of a test that has failed, and tells what it said last and
// what each of its goroutines in Tidings' own code was doing.
func (p *process) autopsy() string {
	defer p.kill()
	if p.life.cmd.Process.Signal(syscall.SIGQUIT) == nil {
		select {
		case <-p.life.ended:
		case <-time.After(autopsyWait):
		}
	}
	said, stacks, _ := strings.Cut(p.life.out.String(), "SIGQUIT: quit\n")
	return lastLines(said, lastWords) + doings(stacks)
}

// doings counts goroutines by what they are doing.
func doings(stacks string) string {
	counts := map[string]int{}
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		if what := doing(stack); what != "" {
			counts[what]++
		}
	}
	kinds := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[a] - counts[b]
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	for _, what := range kinds[:min(len(kinds), autopsyLines)] {
		fmt.Fprintf(&b, "%6d %s\n", counts[what], what)
	}
	return b.String()
}

// doing is a goroutine's state and its innermost three calls in Tidings' own code;
// empty if it is in none.
func doing(stack string) string {
	head, calls, _ := strings.Cut(stack, "\n")
	var own []string
	for line := range strings.Lines(calls) {
		if name, ok := strings.CutPrefix(line, ownCode); ok && len(own) < 3 {
			name, _, _ = strings.Cut(name, "(0x")
			name, _, _ = strings.Cut(name, "({")
			own = append(own, strings.TrimSpace(name))
		}
	}
	if len(own) == 0 {
		return ""
	}
	_, state, _ := strings.Cut(head, " [")
	return strings.TrimSuffix(state, "]:") + ": " + strings.Join(own, " < ")
}
