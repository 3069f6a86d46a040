package cli_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func TestContextsFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "below", "contexts.yaml")
	term := newTerminal(func(string, string) (int, string) { return 200, `{"token":"tok_a","scope":"admin","items":[]}` })
	run := func(args ...string) (string, string, error) {
		return term.run(t.Context(), append(args, "--contexts", file)...)
	}
	const token = "tidings_hunter2"
	term.input = strings.NewReader(token + "\n")
	if _, _, err := run("context", "add", "a", "--server", "http://a", "--token", "-"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if content, _ := os.ReadFile(file); !bytes.Contains(content, []byte(token)) {
		t.Errorf("the file is %s", content)
	}
	for _, args := range [][]string{{"context", "list"}, {"context", "show"}, {"context", "list", "-o", "json"}, {"context", "show", "a", "-o", "json"}, {"context", "use", "a"}} {
		out, told, err := run(args...)
		if err != nil || strings.Contains(out+told, token) {
			t.Errorf("%v: %v, %s%s", args, err, out, told)
		}
	}
	// A file of another form is told, and neither shown nor changed.
	broken := "current: a\ncontexts:\n  a: {server: http://a, token: " + token + ", colour: red}\n"
	if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = run("context", "add", "b", "--server", "http://b")
	if err == nil || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v", err)
	}
	if content, _ := os.ReadFile(file); string(content) != broken {
		t.Errorf("it was changed: %s", content)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "below", ".*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestOthersCanReadContexts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "contexts.yaml")
	if err := os.WriteFile(file, []byte("contexts: {}\n"), 0o644); err != nil { //nolint:gosec // what is warned of
		t.Fatal(err)
	}
	term := newTerminal(nil)
	if _, told, err := term.run(t.Context(), "context", "list", "--contexts", file); err != nil || !strings.Contains(told, "chmod 600") {
		t.Errorf("%v, %q", err, told)
	}
}

// TestTokenOfAContext wants that a token goes to the server that it was added with.
func TestTokenOfAContext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "contexts.yaml")
	term := newTerminal(nil)
	if _, _, err := term.run(t.Context(), "context", "add", "a", "--server", "http://a", "--token", "hunter2", "--no-check", "--contexts", file); err != nil {
		t.Fatal(err)
	}
	for server, want := range map[string]string{"": "Bearer hunter2", "http://a/": "Bearer hunter2", "http://b": "", "http://a.b": "", "https://a": ""} {
		got := "none"
		term.env.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("Authorization")
			return nil, errors.New("nobody there")
		})
		args := []string{"tenants", "list", "--contexts", file}
		if server != "" {
			args = append(args, "--server", server)
		}
		if _, _, err := term.run(t.Context(), args...); usage.ExitCode(err) != 5 || got != want {
			t.Errorf("%s gets %q, want %q (%v)", server, got, want, err)
		}
	}
}

// TestAContextIsTried adds contexts of servers that know the token, do not, and are
// not there.
func TestAContextIsTried(t *testing.T) {
	serve := func(status int, body string) server {
		return func(call, _ string) (int, string) {
			if call == "GET /v1/tenants/nobody" {
				return 404, `{"title":"x","status":404,"detail":"tenant nobody does not exist","code":"not_found"}`
			}
			return status, body
		}
	}
	const unknown = `{"title":"x","status":401,"detail":"x","code":"unauthenticated"}`
	for _, c := range []struct {
		name  string
		serve server
		args  []string
		code  int
		says  string
	}{
		{"an administrator", serve(200, `{"token":"tok_a","name":"ops","scope":"admin"}`), []string{"--token", "t"}, 0, "Kept a, the current one: token tok_a (ops), admin at http://a\n"},
		{"a tenant's", serve(200, `{"token":"tok_a","scope":"publish","tenant":"acme","expires":"2027-01-01T00:00:00Z"}`), []string{"--token", "t", "--tenant", "acme"}, 0, "token tok_a, publish of the tenant acme, until 2027-01-01T00:00:00Z at http://a\n"},
		{"another tenant's", serve(200, `{"token":"tok_a","scope":"publish","tenant":"acme"}`), []string{"--token", "t", "--tenant", "bolt"}, 2, "the token is of the tenant acme, and --tenant says bolt"},
		{"no such tenant", serve(200, `{"token":"tok_a","scope":"admin"}`), []string{"--token", "t", "--tenant", "nobody"}, 3, "does not exist"},
		{"a wrong token", serve(401, unknown), []string{"--token", "t"}, 4, `the context "a" is not kept: `},
		{"no token", serve(401, unknown), nil, 0, "nobody, without a token"},
		{"no Tidings", serve(200, "<html>"), []string{"--token", "t"}, 5, "--no-check keeps it all the same"},
		{"not tried", serve(500, ""), []string{"--token", "t", "--no-check"}, 0, "Kept a, the current one: not tried at http://a\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "contexts.yaml")
			_, told, err := newTerminal(c.serve).run(t.Context(), append([]string{"context", "add", "a", "--server", "http://a", "--contexts", file}, c.args...)...)
			if err != nil {
				told += err.Error()
			}
			if usage.ExitCode(err) != c.code || !strings.Contains(told, c.says) {
				t.Errorf("exits %d, want %d: %q, want %q", usage.ExitCode(err), c.code, told, c.says)
			}
			if _, err := os.Stat(file); (err == nil) != (c.code == 0) {
				t.Errorf("kept: %t", err == nil)
			}
		})
	}
}
