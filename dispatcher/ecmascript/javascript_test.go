package ecmascript_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
)

// How many cases are made up. All together take Node about a second.
const (
	texts   = 6000
	numeric = 12000
	raw     = 2000
)

// TestJavaScript compares what is written here with what Node writes: the
// judge of every rule. Its cases are the same on every run.
func TestJavaScript(t *testing.T) {
	g := generator{rand.New(rand.NewPCG(1, 2))}
	var cases []question
	for _, table := range [][]rewriting{values, strs, numbers, properties} {
		for _, c := range table {
			cases = append(cases, question{"text", c.text})
		}
	}
	for range texts {
		cases = append(cases, question{"text", g.text()})
	}
	for range numeric {
		cases = append(cases, question{"text", g.number()})
	}
	for range raw {
		cases = append(cases, question{"string", g.str() + g.bytes()})
	}
	refused := 0
	for i, want := range askNode(t, cases) {
		if got := cases[i].answer(); got != want {
			t.Errorf("%s %q\n  here: %s\n  Node: %s", cases[i].kind, cases[i].text, readable(got), readable(want))
		}
		if want == "error" {
			refused++
		}
	}
	if refused < texts/100 || refused > texts/5 {
		t.Errorf("Node refused %d texts of %d: want some, but not many", refused, texts)
	}
}

// question is one line for testdata/javascript.cjs.
type question struct{ kind, text string }

// answer is what the script should say.
func (q question) answer() string {
	if q.kind == "string" {
		return encoded(ecmascript.AppendString(nil, q.text))
	}
	plain, err := ecmascript.Stringify(nil, []byte(q.text))
	if err != nil {
		return "error"
	}
	canonical, err := ecmascript.Canonicalize(nil, []byte(q.text))
	if err != nil {
		return "error"
	}
	return encoded(plain) + " " + encoded(canonical)
}

func encoded(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func readable(answer string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(answer, " ") {
		if text, err := base64.StdEncoding.DecodeString(part); err == nil && answer != "error" {
			part = fmt.Sprintf("%q", text)
		}
		b.WriteString(part + " ")
	}
	return b.String()
}

// askNode is the script's answers, one for each question.
func askNode(t *testing.T, questions []question) []string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") != "" { //nolint:forbidigo // whether this is CI is no setting of ours
			t.Fatal("CI has no Node.js to compare with: install it there")
		}
		t.Skip("there is no Node.js on this machine to compare with")
	}
	var in, stderr bytes.Buffer
	for _, q := range questions {
		fmt.Fprintf(&in, "%s %s\n", q.kind, encoded([]byte(q.text)))
	}
	cmd := exec.CommandContext(t.Context(), node, "testdata/javascript.cjs")
	cmd.Stdin, cmd.Stderr = &in, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != len(questions) {
		t.Fatalf("Node gave %d answers to %d questions", len(answers), len(questions))
	}
	return answers
}
