package processes

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeCommandLine runs what README.md shows under "Command line", in its order,
// on a running server. Lines below a command are what it prints, in which "…" stands
// for anything, and a line of it for any lines.
func TestReadmeCommandLine(t *testing.T) {
	built := build(t, "tidings")
	content, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := consoleOf(t, string(content), "Command line")
	if len(shown) < 10 {
		t.Fatalf("README.md shows %d commands: the test misses them", len(shown))
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(receiver.Close)
	const token = "four-and-twenty-blackbirds"
	p := newProcess(t, "server", built["tidings"], "run", "--data-dir", t.TempDir(), "--http-addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0",
		"--partitions", "4", "--shards", "2", "--egress-allow", "127.0.0.0/8")
	p.env = append(p.env, "TIDINGS_ADMIN_TOKEN="+token)
	p.start()
	line, err := p.life.says("msg=running")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	event := `{"specversion":"1.0","id":"%s","source":"/me","type":"room.joined","data":{"roomId":"lobby"}}` + "\n"
	for name, content := range map[string]string{
		"admin.token": token + "\n", "event.json": fmt.Sprintf(event, "a"), "events.ndjson": fmt.Sprintf(event, "a") + fmt.Sprintf(event, "b"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said := runShown(t, shown, dir, map[string]string{
		"PATH": filepath.Dir(built["tidings"]) + string(os.PathListSeparator) + os.Getenv("PATH"), //nolint:forbidigo // what the shell needs
		"URL":  receiver.URL, "TIDINGS_CONTEXTS": filepath.Join(dir, "contexts.yaml"),
		"server": "http://" + field(line, "http"), "nats": field(line, "nats"),
	})
	for i, s := range shown {
		if s.want != "" && !regexp.MustCompile(pattern(s.want)).MatchString(said[i]) {
			t.Errorf("%s\nprints\n%s\nREADME.md says\n%s", s.command, said[i], s.want)
		}
	}
}

// example is a command as it is shown, and what it prints; empty if that is not shown.
type example struct{ command, want string }

// consoleOf are the examples in the blocks of one section.
func consoleOf(t *testing.T, text, section string) (shown []example) {
	t.Helper()
	_, text, ok := strings.Cut(text, "\n## "+section+"\n")
	if !ok {
		t.Fatalf("README.md has no section %q", section)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	for _, block := range regexp.MustCompile("(?s)```(console|sh)\n(.*?)```").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[2]) {
			command, is := strings.CutPrefix(line, "$ ")
			switch {
			case is || block[1] == "sh":
				shown = append(shown, example{command: strings.TrimSpace(command)})
			case len(shown) == 0:
				t.Fatalf("README.md shows %q before any command", line)
			default:
				shown[len(shown)-1].want += line
			}
		}
	}
	return shown
}

// runShown runs the commands in one shell, and returns what each has printed.
func runShown(t *testing.T, shown []example, dir string, env map[string]string) (said []string) {
	t.Helper()
	const mark = "=====next====="
	script := "set -e\n"
	for _, s := range shown {
		command := s.command
		switch { // README's defaults are other processes' here
		case strings.HasPrefix(command, "tidings context add"):
			command = `TIDINGS_SERVER="$server" ` + command
		case strings.HasPrefix(command, "tidings backup"), strings.HasPrefix(command, "tidings restore"):
			command = `TIDINGS_NATS_URL="$nats" ` + command
		}
		script += command + "\necho " + mark + "\n"
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	said = strings.Split(out.String(), mark+"\n")
	if err != nil {
		t.Fatalf("%s: %v\n%s", shown[min(len(said), len(shown))-1].command, err, problems.String())
	}
	return said
}

// pattern is a regular expression for what is shown; spaces stand for any number.
func pattern(want string) string {
	var b strings.Builder
	b.WriteString(`(?s)^`)
	for line := range strings.Lines(want) {
		line = strings.TrimSuffix(line, "\n")
		if line == "…" {
			b.WriteString(`.*?`)
			continue
		}
		words := strings.Fields(line)
		for i, w := range words {
			words[i] = strings.ReplaceAll(regexp.QuoteMeta(w), "…", `[^\n]*?`)
		}
		b.WriteString(strings.Join(words, ` *`) + `\n`)
	}
	return b.String() + `$`
}
