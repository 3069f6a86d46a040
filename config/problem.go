package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with a static file.
type Problem struct {
	File string `json:"file"`
	// Line and Column count from 1; 0 is unknown.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
	// Field is like "tenants[0].endpoints[1].policy.timeout"; empty if it is about
	// the file as a whole, or the file is no YAML.
	Field string `json:"field,omitempty"`
	// Problem is what is wrong, and what to do. It shows no secret.
	Problem string `json:"problem"`
}

// String is "tidings.yaml:14:9: tenants[0].name: …", which editors follow.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File + ":")
	if p.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", p.Line, p.Column)
	}
	if p.Field != "" {
		b.WriteString(" " + p.Field + ":")
	}
	return b.String() + " " + p.Problem
}

// MaxProblems bounds what is told of one file.
const MaxProblems = 20

// Mistakes are all that is wrong with one file, in the order of its lines.
type Mistakes struct {
	Problems []Problem // the first [MaxProblems]
	More     int       // how many were left out
}

// Error is one line for a single problem, and else a heading and a line for
// each.
func (m *Mistakes) Error() string {
	if len(m.Problems) == 1 && m.More == 0 {
		return m.Problems[0].String()
	}
	return fmt.Sprintf("%s has %d problems:\n%s", m.Problems[0].File, len(m.Problems)+m.More, strings.Join(m.Lines(), "\n"))
}

// Lines are the problems as text, and a last line for those left out.
func (m *Mistakes) Lines() []string {
	var lines []string
	for _, p := range m.Problems {
		lines = append(lines, p.String())
	}
	if m.More > 0 {
		lines = append(lines, "… and "+strconv.Itoa(m.More)+" more")
	}
	return lines
}

// mistakesOf sorts problems, of which there is at least one. More were left out
// before.
func mistakesOf(problems []Problem, more int) *Mistakes {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Problem, b.Problem))
	})
	told := min(len(problems), MaxProblems)
	return &Mistakes{Problems: problems[:told:told], More: len(problems) - told + more}
}
