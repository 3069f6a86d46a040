package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/call"
	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

// TestWhatCannotBeUndoneAsks runs each such command with nobody there, with somebody
// who says no, who says yes, and with --yes.
func TestWhatCannotBeUndoneAsks(t *testing.T) {
	serve := func(call, _ string) (int, string) {
		if strings.HasPrefix(call, "GET") {
			return 200, `{"items":[{"id":"a"},{"id":"b"}]}`
		}
		return 200, `{"id":"x","state":"done","found":1,"removed":{}}`
	}
	for command, want := range map[string]struct{ question, call string }{
		"endpoints delete ep_a": {
			"Delete the endpoint ep_a of the tenant acme? Of its deliveries, 2 waiting and 2 retrying will be given up. Its subscriptions (2) go with it. There is no way back. [y/N] ",
			"DELETE /v1/tenants/acme/endpoints/ep_a",
		},
		"endpoints resume ep_a --from now":                  {"Give up all that waits for the endpoint ep_a? ", "POST /v1/tenants/acme/endpoints/ep_a/resume"},
		"endpoints resume ep_a --from 2026-01-31T12:00:00Z": {"Give up what was accepted before 2026-01-31T12:00:00Z for", "POST /v1/tenants/acme/endpoints/ep_a/resume"},
		"endpoints rotate ep_a --overlap 0s":                {"End the old secrets of the endpoint ep_a at once?", "POST /v1/tenants/acme/endpoints/ep_a/rotate"},
		"subscriptions delete sub_a":                        {"Delete the subscription sub_a of the tenant acme?", "DELETE /v1/tenants/acme/subscriptions/sub_a"},
		"tenants delete acme":                               {"Delete the tenant acme with its endpoints,", "DELETE /v1/tenants/acme"},
		"tokens revoke tok_a":                               {"End the token tok_a?", "POST /v1/tokens/tok_a/revoke"},
		"tokens delete tok_a":                               {"End the token tok_a?", "DELETE /v1/tokens/tok_a"},
		"erase --subject s":                                 {"Remove all events of the subject s of the tenant acme for good?", "POST /v1/tenants/acme/erasures"},
	} {
		t.Run(command, func(t *testing.T) {
			for _, c := range []struct {
				name, answer string
				asks, yes    bool
				code         int
			}{
				{"nobody is there", "y\n", false, false, usage.ExitUsage},
				{"no", "n\n", true, false, usage.ExitFailed},
				{"nothing", "", true, false, usage.ExitFailed},
				{"yes", "y\n", true, false, 0},
				{"yes, said before", "", false, true, 0},
			} {
				term := newTerminal(serve)
				term.env.Asks, term.input = c.asks, strings.NewReader(c.answer)
				args := append(strings.Fields(command), "--tenant", "acme")
				if c.yes {
					args = append(args, "--yes")
				}
				_, told, err := term.run(t.Context(), args...)
				if usage.ExitCode(err) != c.code {
					t.Errorf("%s: %v", c.name, err)
				}
				if strings.Contains(told, want.question) != (c.asks && !c.yes) {
					t.Errorf("%s: asked %q", c.name, told)
				}
				if slices.Contains(term.calls, want.call) != (c.code == 0) {
					t.Errorf("%s: called %q", c.name, term.calls)
				}
				if c.code == usage.ExitUsage && (len(term.calls) > 0 || !strings.Contains(err.Error(), "add --yes")) {
					t.Errorf("%s: %v after %q", c.name, err, term.calls)
				}
			}
		})
	}
	for _, command := range []string{"endpoints resume ep_a", "endpoints rotate ep_a", "endpoints rotate ep_a --overlap 1h"} { // which lose nothing
		if _, told, err := newTerminal(serve).run(t.Context(), append(strings.Fields(command), "--tenant", "acme")...); err != nil || strings.Contains(told, "[y/N]") {
			t.Errorf("%s: %v, %q", command, err, told)
		}
	}
}

// TestForgettingATokenAsks removes contexts.
func TestForgettingATokenAsks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "contexts.yaml")
	content := "contexts:\n  with: {server: \"http://a\", token: t}\n  without: {server: \"http://a\"}\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	term := newTerminal(nil)
	remove := func(name string, more ...string) error {
		_, _, err := term.run(t.Context(), append([]string{"context", "remove", name, "--contexts", file}, more...)...)
		return err
	}
	if err := remove("with"); usage.ExitCode(err) != usage.ExitUsage {
		t.Errorf("nobody is there: %v", err)
	}
	if err := remove("without"); err != nil {
		t.Errorf("there is no token to lose: %v", err)
	}
	term.env = call.Environment{Asks: true}
	term.input = strings.NewReader("n\n")
	if err := remove("with"); usage.ExitCode(err) != usage.ExitFailed {
		t.Errorf("no: %v", err)
	}
	if err := remove("with", "--yes"); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadFile(file); err != nil || strings.Contains(string(left), "with") {
		t.Errorf("left: %s, %v", left, err)
	}
}
