package processes

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/seal"
)

// waitLimit is when a test gives up. What it waits for may take long on a busy
// machine, so it waits for the thing itself.
const waitLimit = 5 * time.Minute

// lastWords is how many lines a process's last words have.
const lastWords = 8

// programs are the binaries of a test, by name.
type programs map[string]string

// sources are what go build makes the programs of: tidings, as it is and with
// its fault points, and the NATS server of the module graph.
var sources = map[string][]string{
	"tidings":        {".."},
	"tidings-faults": {"-tags", "faults", ".."},
	"nats-server":    {"github.com/nats-io/nats-server/v2"},
}

// build builds the programs with these names.
func build(t *testing.T, names ...string) programs {
	t.Helper()
	if testing.Short() {
		t.Skip("runs processes for some seconds")
	}
	built, dir := programs{}, t.TempDir()
	for _, name := range names {
		built[name] = filepath.Join(dir, name)
		if out, err := exec.CommandContext(t.Context(), "go", append([]string{"build", "-o", built[name]}, sources[name]...)...).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
	return built
}

// process is a program that the test starts, ends and starts again. It never
// outlives the test.
type process struct {
	t    testing.TB
	name string
	args []string // the program first
	dir  string   // where it runs; the test's own if empty
	env  []string // beside the test's own

	life *life   // the newest; nil before the first
	past []*life // those before it
}

// said is all that the process has printed, in all its lives.
func (p *process) said() string {
	var b strings.Builder
	for _, l := range append(p.past, p.life) {
		b.WriteString(l.out.String())
	}
	return b.String()
}

// life is one run of a process.
type life struct {
	cmd   *exec.Cmd
	out   output        // standard output and standard error
	ended chan struct{} // closed once the process is gone
	code  int           // its exit code, -1 if a signal ended it; set before ended closes
}

// processKey seals the secrets of all processes of all tests.
var processKey = sync.OnceValue(seal.NewKey)

func newProcess(t testing.TB, name string, args ...string) *process {
	p := &process{t: t, name: name, args: args, env: []string{"TIDINGS_SECRETS_KEY=" + processKey()}}
	t.Cleanup(func() {
		switch {
		case p.life == nil:
		case t.Failed():
			t.Logf("the last words of %s:\n%s", p.name, p.autopsy())
		default:
			p.kill()
		}
	})
	return p
}

// start runs the program, with the same arguments each time.
func (p *process) start() {
	p.t.Helper()
	l := &life{ended: make(chan struct{})}
	l.cmd = exec.Command(p.args[0], p.args[1:]...)
	l.cmd.Dir, l.cmd.Env = p.dir, append(l.cmd.Environ(), p.env...)
	l.cmd.Stdout, l.cmd.Stderr = &l.out, &l.out
	endWithTest(l.cmd)
	if err := l.cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	if p.life != nil {
		p.past = append(p.past, p.life)
	}
	p.life = l
	go func() { // ends with the process, which kill ends and waits for
		_ = l.cmd.Wait()
		l.code = l.cmd.ProcessState.ExitCode()
		close(l.ended)
	}()
}

// running starts the program and waits until it says that it works.
func (p *process) running() *process {
	p.t.Helper()
	p.start()
	p.says("msg=running")
	return p
}

// kill ends the process as a crash does: it does not get to say a word.
func (p *process) kill() {
	_ = p.life.cmd.Process.Kill()
	<-p.life.ended
}

// signal asks the process to end.
func (p *process) signal() {
	p.t.Helper()
	if err := p.life.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatalf("end %s: %v", p.name, err)
	}
}

// terminate asks the process to end, and waits until it has.
func (p *process) terminate() (exitCode int) {
	p.t.Helper()
	p.signal()
	select {
	case <-p.life.ended:
		return p.life.code
	case <-time.After(waitLimit):
		p.t.Fatalf("%s still runs after %s", p.name, waitLimit)
		return 0
	}
}

// says waits for a line that contains text in what this life of the process
// has printed, and returns it.
func (p *process) says(text string) (line string) {
	p.t.Helper()
	line, err := p.life.says(text)
	if err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	return line
}

func (l *life) says(text string) (line string, err error) {
	deadline := time.After(waitLimit)
	for {
		news := l.out.News()
		for line := range strings.Lines(l.out.String()) {
			if strings.Contains(line, text) && strings.HasSuffix(line, "\n") {
				return line, nil
			}
		}
		select {
		case <-news:
		case <-l.ended:
			if !strings.Contains(l.out.String(), text) {
				return "", fmt.Errorf("exit code %d before it said %q:\n%s", l.code, text, lastLines(l.out.String(), 15))
			}
		case <-deadline:
			return "", fmt.Errorf("it has not said %q in %s", text, waitLimit)
		}
	}
}

// field is the value of name in a line of a text log.
func field(line, name string) string {
	_, rest, _ := strings.Cut(line, " "+name+"=")
	value, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	return strings.Trim(value, `"`)
}

func lastLines(text string, n int) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// output collects what a process prints.
type output struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
	news chan struct{} // closed at the next write; nil if nobody waits
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.news != nil {
		close(o.news)
		o.news = nil
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// News is closed when something is printed after this call.
func (o *output) News() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.news == nil {
		o.news = make(chan struct{})
	}
	return o.news
}
