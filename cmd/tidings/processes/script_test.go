package processes

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestCommandLine runs the scripts of testdata: what an operator types, and
// what the program answers. Beside testscript's own commands they have:
//
//	start NAME [VAR=value…] [flags…]  runs tidings run until it works; then $NAME_http and $NAME_nats are its addresses
//	get NAME PATH                     asks its HTTP server; status and body become the standard output
//	stop NAME                         sends SIGTERM, and wants exit code 0
//	refused CODE SENTENCE COMMAND…    wants tidings COMMAND to exit with CODE and one sentence that contains SENTENCE
func TestCommandLine(t *testing.T) {
	p := scriptParams(t)
	p.Dir = "testdata"
	testscript.Run(t, p)
}

// scriptParams are what scripts have. Those that call the API have more: see
// apiCommands.
func scriptParams(t *testing.T) testscript.Params {
	t.Helper()
	built := build(t, "tidings")
	commands := apiCommands()
	maps.Copy(commands, map[string]func(*testscript.TestScript, bool, []string){
		"start":   scriptStart(built["tidings"]),
		"get":     scriptGet,
		"stop":    scriptStop,
		"refused": scriptRefused,
	})
	return testscript.Params{
		Deadline: time.Now().Add(waitLimit),
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(built["tidings"])+string(os.PathListSeparator)+e.Getenv("PATH"))
			e.Setenv("TIDINGS_CONTEXTS", filepath.Join(e.WorkDir, "settings", "contexts.yaml"))
			e.Values["running"] = map[string]*process{}
			e.Values["receivers"] = map[string]*atomic.Int32{}
			e.Values["t"] = e.T()
			return nil
		},
		Cmds: commands,
	}
}

func scriptProcess(s *testscript.TestScript, name string) *process {
	p := s.Value("running").(map[string]*process)[name]
	if p == nil {
		s.Fatalf("%s was not started", name)
	}
	return p
}

func scriptStart(program string) func(*testscript.TestScript, bool, []string) {
	return func(s *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) == 0 {
			s.Fatalf("usage: start NAME [VAR=value…] [flags…]")
		}
		name, args := args[0], args[1:]
		p := newProcess(s.Value("t").(testing.TB), name, program, "run")
		p.dir, p.env = s.Getenv("WORK"), nil // a script says what keys there are
		for _, a := range args {
			if strings.HasPrefix(a, "TIDINGS_") {
				p.env = append(p.env, a)
			} else {
				p.args = append(p.args, a)
			}
		}
		p.start()
		line, err := p.life.says("msg=running")
		s.Check(err)
		s.Value("running").(map[string]*process)[name] = p
		s.Setenv(name+"_http", field(line, "http"))
		s.Setenv(name+"_nats", strings.TrimPrefix(field(line, "nats"), "nats://"))
	}
}

func scriptGet(s *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		s.Fatalf("usage: get NAME PATH")
	}
	address := s.Getenv(args[0] + "_http")
	response, err := http.Get("http://" + address + args[1]) //nolint:gosec // a process of this test
	s.Check(err)
	defer response.Body.Close() //nolint:errcheck // read only
	_, err = io.WriteString(s.Stdout(), response.Status+"\n")
	s.Check(err)
	_, err = io.Copy(s.Stdout(), response.Body)
	s.Check(err)
}

func scriptStop(s *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		s.Fatalf("usage: stop NAME")
	}
	if code := scriptProcess(s, args[0]).terminate(); code != 0 {
		s.Fatalf("%s exits %d", args[0], code)
	}
}

func scriptRefused(s *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		s.Fatalf("usage: refused CODE SENTENCE COMMAND…")
	}
	code, err := strconv.Atoi(args[0])
	s.Check(err)
	args = args[1:]
	var exit *exec.ExitError
	if err := s.Exec("tidings", args[1:]...); !errors.As(err, &exit) || exit.ExitCode() != code {
		s.Fatalf("ended with %v, want exit code %d", err, code)
	}
	if out := s.ReadFile("stdout"); out != "" {
		s.Fatalf("standard output is not empty: %s", out)
	}
	var said []string
	for line := range strings.Lines(s.ReadFile("stderr")) {
		if !strings.HasPrefix(line, "time=") { // the log
			said = append(said, line)
		}
	}
	if len(said) != 1 || !strings.HasPrefix(said[0], "tidings: ") || !strings.Contains(said[0], args[0]) {
		s.Fatalf("said %q, want one sentence with %q", said, args[0])
	}
}
