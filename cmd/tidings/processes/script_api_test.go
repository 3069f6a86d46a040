package processes

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// apiCommands are for scripts of commands that call the API:
//
//	receiver NAME            starts a receiver that answers 204; $NAME_url is its address
//	answers NAME STATUS      has it answer that from now on
//	exits CODE COMMAND…      wants COMMAND to exit with CODE, and a sentence on the standard error unless that is 0
//	until PATTERN COMMAND…   runs COMMAND until its standard output matches
//	keep VAR                 puts the standard output, one line, into a variable
func apiCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"receiver": scriptReceiver, "answers": scriptAnswers, "exits": scriptExits, "until": scriptUntil, "keep": scriptKeep,
	}
}

func scriptReceiver(s *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		s.Fatalf("usage: receiver NAME")
	}
	status := &atomic.Int32{}
	status.Store(http.StatusNoContent)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	s.Value("t").(testing.TB).Cleanup(server.Close)
	s.Value("receivers").(map[string]*atomic.Int32)[args[0]] = status
	s.Setenv(args[0]+"_url", server.URL+"/hooks")
}

func scriptAnswers(s *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		s.Fatalf("usage: answers NAME STATUS")
	}
	status, err := strconv.Atoi(args[1])
	s.Check(err)
	s.Value("receivers").(map[string]*atomic.Int32)[args[0]].Store(int32(status)) //nolint:gosec // of a script
}

func scriptExits(s *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		s.Fatalf("usage: exits CODE COMMAND…")
	}
	code, err := strconv.Atoi(args[0])
	s.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := s.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		s.Check(err)
	}
	if got != code {
		s.Fatalf("exits %d, want %d: %s", got, code, s.ReadFile("stderr"))
	}
	if said := s.ReadFile("stderr"); code != 0 && !strings.HasPrefix(said, "tidings: ") {
		s.Fatalf("says %q, want what is wrong", said)
	}
}

// untilEvery is how often a script asks again.
const untilEvery = 100 * time.Millisecond

func scriptUntil(s *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		s.Fatalf("usage: until PATTERN COMMAND…")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	s.Check(err)
	for end := time.Now().Add(waitLimit / 2); ; {
		err := s.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(s.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			s.Fatalf("it never said %s, last: %v\n%s%s", args[0], err, s.ReadFile("stdout"), s.ReadFile("stderr"))
		}
		<-time.After(untilEvery)
	}
}

func scriptKeep(s *testscript.TestScript, neg bool, args []string) {
	line := strings.TrimSuffix(s.ReadFile("stdout"), "\n")
	if neg || len(args) != 1 || line == "" || strings.Contains(line, "\n") {
		s.Fatalf("usage: keep VAR, after a command that printed one line, not %q", line)
	}
	s.Setenv(args[0], line)
}
