package processes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// shell runs commands of a document, each in a shell of its own.
type shell struct {
	t   *testing.T
	dir string
	env []string
	// instead replaces what is another machine's, or another's name, here.
	instead *strings.Replacer
	before  string // of each command
}

// run is the standard output of a command that must work.
func (s *shell) run(command string) string {
	s.t.Helper()
	out, err := s.try(command)
	if err != nil {
		s.t.Fatalf("%s: %v", command, err)
	}
	return out
}

func (s *shell) try(command string) (string, error) {
	cmd := exec.CommandContext(s.t.Context(), "sh", "-c", s.before+"\n"+s.instead.Replace(command))
	cmd.Dir, cmd.Env = s.dir, append([]string{"HOME=" + s.dir}, s.env...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%w\n%s%s", err, out.String(), problems.String())
	}
	return out.String(), nil
}

// need skips where a program is missing that the documents use.
func need(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("there is no %s", name)
		}
	}
}

// TestReadmeQuickStart does what README.md shows first: it runs the pipe on the file
// that is shown, and publishes. So does what config/README.md and deploy/README.md say of
// keys.
func TestReadmeQuickStart(t *testing.T) {
	need(t, "openssl")
	built := build(t, "tidings")
	dir := t.TempDir()
	content, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	file := regexp.MustCompile("(?s)## Quick start\n.*?```yaml\n(.*?)```").FindSubmatch(content)
	if file == nil {
		t.Fatal("README.md shows no tidings.yaml")
	}
	if err := os.WriteFile(filepath.Join(dir, "tidings.yaml"), file[1], 0o600); err != nil {
		t.Fatal(err)
	}
	s := &shell{t: t, dir: dir, env: []string{"PATH=" + filepath.Dir(built["tidings"]) + ":" + os.Getenv("PATH")}, instead: strings.NewReplacer("./bin/tidings", built["tidings"])} //nolint:forbidigo // what the shell needs
	var p *process
	for _, command := range toRun(t, "README.md", "Quick start") {
		switch {
		case strings.HasPrefix(command, "export "):
			name, _, _ := strings.Cut(strings.TrimPrefix(command, "export "), "=")
			s.env = append(s.env, name+"="+strings.TrimSpace(s.run(command+"\nprintf %s \"$"+name+"\"")))
		case strings.HasPrefix(command, "./bin/tidings run "):
			p = newProcess(t, "server", append([]string{built["tidings"]}, strings.Fields(command)[1:]...)...)
			p.dir = dir
			p.env = append(s.env, "TIDINGS_HTTP_ADDR=127.0.0.1:0", "TIDINGS_NATS_LISTEN=127.0.0.1:0")
			p.start()
			line, err := p.life.says("msg=running")
			if err != nil {
				t.Fatal(err)
			}
			s.env = append(s.env, "TIDINGS_NATS_URL="+field(line, "nats"))
		default:
			if out := s.run(command); !strings.HasPrefix(out, "stored: event ") {
				t.Errorf("%s prints %s", command, out)
			}
		}
	}
	if p == nil {
		t.Fatal("README.md does not start it")
	}
	for key, where := range map[string][2]string{
		"secrets.key":      {"config/README.md", "Secrets"},
		"keys/secrets.key": {"deploy/README.md", "Running Tidings on your own NATS"},
	} {
		for _, command := range toRun(t, where[0], where[1]) {
			s.run(command)
		}
		if text, err := os.ReadFile(filepath.Join(dir, key)); err != nil || !strings.HasPrefix(string(text), "tkey_") {
			t.Errorf("%s: %q, %v", where, text, err)
		}
	}
}

// TestReadmeByHTTP makes the calls that the documents show, in their order, on a running
// server. What they name with "…" is what an earlier call has made.
func TestReadmeByHTTP(t *testing.T) {
	need(t, "curl")
	built := build(t, "tidings")
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
	c := &calls{shell: &shell{t: t, dir: t.TempDir(), env: []string{"TOKEN=" + token, "PATH=" + os.Getenv("PATH")}}} //nolint:forbidigo // what the shell needs
	c.made = map[string]string{"localhost:8080": field(line, "http"), "https://billing.example.com/hooks": receiver.URL}
	commands := toRun(t, "config/README.md", "By HTTP")
	c.before = "curl() { command curl --fail-with-body \"$@\"; }\n" + commands[0]
	for _, command := range commands[1:] {
		c.call(command)
	}
	c.deliver()
	for _, command := range append(toRun(t, "README.md", "Finding it again"), toRun(t, "config/README.md", "Erasing an event, or a person")...) {
		c.call(command)
	}
	if c.count < 15 {
		t.Errorf("%d calls: the test misses some", c.count)
	}
}

// calls are those of the documents, one after the other.
type calls struct {
	*shell
	made  map[string]string // what names in the documents stand for
	count int
}

// call makes a call, and remembers what it has made.
func (c *calls) call(command string) {
	c.t.Helper()
	c.count++
	var pairs []string
	for name, is := range c.made {
		pairs = append(pairs, name, is)
	}
	c.instead = strings.NewReplacer(pairs...)
	var out string
	for end := time.Now().Add(waitLimit / 4); ; { // an erasure may have to be asked for again, as the answer says
		var err error
		if out, err = c.try(command); err == nil {
			break
		}
		if !strings.Contains(command, "/erasures") || time.Now().After(end) {
			c.t.Fatalf("%s: %v", command, err)
		}
		<-time.After(untilEvery)
	}
	var answer struct{ ID string }
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		c.t.Fatalf("%s answers %q", command, out)
	}
	if strings.HasPrefix(answer.ID, "ep_") && c.made["ep_…"] == "" {
		c.made["ep_…"] = answer.ID
	}
}

// deliver publishes an event, and waits for its delivery: what is shown next finds it,
// and sends it again.
func (c *calls) deliver() {
	c.t.Helper()
	c.instead = strings.NewReplacer("localhost:8080", c.made["localhost:8080"])
	c.run(`curl -sS -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/cloudevents+json' localhost:8080/v1/tenants/acme/events ` +
		`-d '{"specversion": "1.0", "id": "order-17", "source": "/shop", "type": "order.paid", "data": {}}'`)
	for end := time.Now().Add(waitLimit / 2); ; {
		var page struct{ Items []struct{ ID string } }
		out, err := c.try(`api "localhost:8080/v1/tenants/acme/deliveries?type=order.paid&status=delivered"`)
		if err == nil {
			err = json.Unmarshal([]byte(out), &page)
		}
		if err == nil && len(page.Items) == 1 {
			c.made["dlv_…"] = page.Items[0].ID
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("the event is not delivered: %v, %s", err, out)
		}
		<-time.After(untilEvery)
	}
}
