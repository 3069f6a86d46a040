package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// needExamples are the commands whose flags alone do not tell how they are used.
var needExamples = []string{"create", "recover", "erase", "publish", "trigger", "backup", "restore", "explain", "add", "put", "rebuild"}

// askFirst are the commands that remove, or that cannot be undone.
var askFirst = []string{"delete", "remove", "revoke", "erase", "recover", "restore", "resume", "rotate", "rebuild"}

// TestCommandsAreDescribed wants of every command that its help is of use.
func TestCommandsAreDescribed(t *testing.T) {
	all := below(rootCommand())
	if len(all) < 60 {
		t.Errorf("%d commands: the test misses some", len(all))
	}
	for _, c := range all {
		path := c.CommandPath()
		if c.Short == "" || strings.HasSuffix(c.Short, ".") || strings.ContainsRune(c.Short, '\n') {
			t.Errorf("%s: its short text is %q: want one line without a full stop", path, c.Short)
		}
		described := func(f *pflag.Flag) {
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s --%s: its usage is %q", path, f.Name, f.Usage)
			}
		}
		c.LocalNonPersistentFlags().VisitAll(described)
		c.PersistentFlags().VisitAll(described)
		if undone := slices.Contains(askFirst, c.Name()); undone && c.Flag("yes") == nil {
			t.Errorf("%s cannot be undone, and does not ask", path)
		}
		if slices.Contains(needExamples, c.Name()) && c.Example == "" {
			t.Errorf("%s has no example", path)
		}
	}
}

// below are a command and all below it.
func below(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, b := range c.Commands() {
		all = append(all, below(b)...)
	}
	return all
}

// TestExamplesAreWorded has cobra read the examples: their commands and flags exist.
func TestExamplesAreWorded(t *testing.T) {
	read := 0
	for _, c := range below(rootCommand()) {
		for line := range strings.Lines(strings.ReplaceAll(c.Example, "\\\n", " ")) {
			read++
			_, command, ours := strings.Cut(line, "tidings ")
			words := strings.Fields(strings.NewReplacer("'", "", `"`, "").Replace(command))
			if shell := slices.IndexFunc(words, func(w string) bool { return strings.ContainsAny(w, "<>|") }); shell >= 0 {
				words = words[:shell]
			}
			found, rest, err := rootCommand().Find(words)
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err != nil || !ours || found.CommandPath() != c.CommandPath() {
				t.Errorf("%s: the example %q is of %s: %v", c.CommandPath(), line, found.CommandPath(), err)
			}
		}
	}
	if read < 15 {
		t.Errorf("%d examples: the test misses some", read)
	}
}

// TestFlagsOfWordsAreCompleted wants that a shell offers the words of a flag that takes
// no others.
func TestFlagsOfWordsAreCompleted(t *testing.T) {
	nowhere(t)
	for command, want := range map[string]string{
		"endpoints create --dialect":    "cloudevents",
		"endpoints update x --dialect":  "relaybox",
		"subscriptions check --dialect": "roam",
		"listen --dialect":              "roq",
		"verify --dialect":              "oneroute",
		"deliveries list --status":      "retrying",
		"tenants create x --validation": "quarantine",
		"publish --validation":          "warn",
		"run --roles":                   "fanout",
		"recover --which":               "missing",
		"tokens create --scope":         "personal",
		"endpoints list --output":       "id",
		"help end":                      "endpoints",
	} {
		root := rootCommand()
		var out strings.Builder
		root.SetOut(&out)
		args := append([]string{"__complete"}, strings.Fields(command)...)
		if !strings.HasPrefix(command, "help") {
			args = append(args, "")
		}
		root.SetArgs(args)
		if err := root.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), want+"\n") && !strings.Contains(out.String(), want+"\t") {
			t.Errorf("%s: %v, offers %q", command, err, out.String())
		}
	}
	for _, c := range below(rootCommand()) {
		if f := c.Flag("dialect"); f != nil {
			if _, ok := c.GetFlagCompletionFunc("dialect"); !ok {
				t.Errorf("%s --dialect is not completed", c.CommandPath())
			}
		}
	}
}

// TestHelpSaysWhatIsTrue wants that the broker of another is not called embedded.
func TestHelpSaysWhatIsTrue(t *testing.T) {
	for _, c := range below(rootCommand()) {
		if f := c.Flag("nats-url"); f != nil && strings.Contains(f.Usage, "embedded") != (f.DefValue == "") {
			t.Errorf("%s --nats-url %q: %s", c.CommandPath(), f.DefValue, f.Usage)
		}
	}
	if f := runCommand().Flag("http-addr"); !strings.Contains(f.Usage, "API") || !strings.Contains(f.Usage, "console") {
		t.Errorf("--http-addr: %s", f.Usage)
	}
}
