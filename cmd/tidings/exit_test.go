package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// exitOf runs a command in this process, with nobody at the server, and returns what
// it exits with and says.
func exitOf(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	root := rootCommand()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetIn(strings.NewReader(""))
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	if err != nil {
		said = err.Error()
	}
	return usage.ExitCode(err), said
}

// nowhere has commands find no server, and no contexts but its own.
func nowhere(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, value := range map[string]string{
		"TIDINGS_CONTEXTS": filepath.Join(dir, "contexts.yaml"), "TIDINGS_SERVER": "http://127.0.0.1:1", "TIDINGS_TENANT": "acme", "TIDINGS_TOKEN": "t",
	} {
		t.Setenv(name, value)
	}
	return dir
}

// TestEveryCommandExitsAlike words every command wrongly, in each way there is.
func TestEveryCommandExitsAlike(t *testing.T) {
	nowhere(t)
	seen := 0
	for _, c := range below(rootCommand()) {
		words := strings.Fields(c.CommandPath())[1:]
		for what, more := range map[string][]string{"an unknown flag": {"--no-such-flag"}, "too many arguments": make([]string, 300)} {
			if c.Name() == "validate" && what != "an unknown flag" { // takes any number of files
				continue
			}
			code, said := exitOf(t, append(words, more...)...)
			if code != usage.ExitUsage || !strings.Contains(said, "--help") {
				t.Errorf("%s with %s exits %d: %q", c.CommandPath(), what, code, said)
			}
			seen++
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if kind := f.Value.Type(); kind != "int" && kind != "duration" && kind != "bool" {
				return
			}
			if code, said := exitOf(t, append(words, "--"+f.Name+"=soon")...); code != usage.ExitUsage {
				t.Errorf("%s --%s=soon exits %d: %q", c.CommandPath(), f.Name, code, said)
			}
			seen++
		})
	}
	if seen < 220 {
		t.Errorf("%d cases: the test misses some", seen)
	}
}

// TestExitCodes is the scheme, by what is typed.
func TestExitCodes(t *testing.T) {
	dir := nowhere(t)
	for name, content := range map[string]string{
		"bad.yaml": "tenants: 1", "good.yaml": "tenants: []", "bad.json": "[", "captured.http": "webhook-id: a\n\n{}", "event.json": `{"type":"a","data":{}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, c := range []struct {
		code    int
		command string
	}{
		{0, ""},
		{0, "help"},
		{0, "help endpoints create"},
		{0, "endpoints"},
		{0, "version"},
		{0, "types room.joined"},
		{0, "config validate good.yaml"},
		{0, "context list"},

		{1, "config validate bad.yaml"},
		{1, "config validate none.yaml"},
		{1, "verify --request captured.http --secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},

		{2, "walk"},
		{2, "help walk"},
		{2, "endpoints walk"},
		{2, "context use nope"},
		{2, "context remove nope"},
		{2, "context show nope"},
		{2, "context add a --server nowhere"},
		{2, "publish"},
		{2, "publish --nats-url nats://127.0.0.1:1 --type a --tenant="},
		{2, "publish --nats-url nats://127.0.0.1:1 --type a --data {"},
		{2, "publish --nats-url nats://127.0.0.1:1 --type a --data @none"},
		{2, "publish bad.json"},
		{2, "publish --nats-url nats://127.0.0.1:1 --type a --server= -o xml"},
		{2, "publish none.json"},
		{2, "explain none.json"},
		{2, "types put bad.json"},
		{2, "restore none.backup"},
		{2, "run --roles dancer"},
		{2, "run --config bad.yaml"},
		{2, "run --log-level loud"},
		{2, "bench --runs 0"},
		{2, "listen --timeout 1h"},
		{2, "verify --at soon"},
		{2, "completion klingon"},
		{2, "endpoints list --output xml"},
		{2, "endpoints update ep_a"},
		{2, "recover"},
		{2, "tenants delete acme"},

		{3, "types nope"},

		{5, "endpoints list"},
		{5, "endpoints get ep_a"},
		{5, "explain event.json"},
		{5, "publish --type a"},
		{5, "publish --nats-url nats://127.0.0.1:1 --type a --server="},
		{5, "backup --nats-url nats://127.0.0.1:1"},
		{5, "listen"},
	} {
		if code, said := exitOf(t, strings.Fields(c.command)...); code != c.code {
			t.Errorf("tidings %s exits %d, want %d: %q", c.command, code, c.code, said)
		}
	}
	t.Setenv("TIDINGS_LIMIT", "many")
	if code, said := exitOf(t, "endpoints", "list"); code != usage.ExitUsage {
		t.Errorf("a variable that is wrong exits %d: %q", code, said)
	}
}
