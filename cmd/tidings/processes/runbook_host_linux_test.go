package processes

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// host is what an operator sits at: programs in a folder, units of systemd with files
// of settings, and a shell. Of these only systemd is a stand-in.
type host struct {
	t     *testing.T
	dir   string   // of the operator
	bin   string   // /usr/local/bin
	etc   string   // /etc
	env   []string // of the operator's shell
	names []string // pairs: what the runbooks say, and what it is here
	only  []string // likewise, which outputs do not show

	here, shown *strings.Replacer // of names, and back

	mu    sync.Mutex // guards the units' lives
	units map[string]*unit
}

// unit is one of systemd.
type unit struct {
	*process
	settings string // the file of its environment
	wanted   bool   // it is to run: systemd starts it again if it ends
	restarts int    // how often it did
}

// restartAfter is RestartSec of the units.
const restartAfter = 500 * time.Millisecond

// newHost has the programs that were built.
func newHost(t *testing.T, built programs) *host {
	t.Helper()
	h := &host{t: t, dir: t.TempDir(), bin: t.TempDir(), etc: t.TempDir(), units: map[string]*unit{}}
	for name, path := range built {
		if err := os.Link(path, filepath.Join(h.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	control := httptest.NewServer(http.HandlerFunc(h.control))
	t.Cleanup(control.Close)
	for _, name := range []string{"systemctl", "journalctl"} {
		h.program(name, fmt.Sprintf(`#!/bin/sh
for a; do set -- "$@" --data-urlencode "arg=$a"; shift; done
exec curl -sS --fail-with-body -G "$@" --data-urlencode "of=$UNIT_OF" %s/%s
`, control.URL, name))
	}
	for _, dir := range []string{"tidings", "nats"} {
		if err := os.Mkdir(filepath.Join(h.etc, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	h.stands("/usr/local/bin/", h.bin+"/")
	h.stands("/etc/tidings/", h.etc+"/tidings/")
	h.stands("/etc/nats/", h.etc+"/nats/")
	return h
}

// program writes one of the operator's.
func (h *host) program(name, content string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.bin, name), []byte(content), 0o700); err != nil { //nolint:gosec // to be run
		h.t.Fatal(err)
	}
}

// stands has what the runbooks call so be something else here.
func (h *host) stands(shown, is string) {
	h.names = append(h.names, shown, is)
	back := slices.Clone(h.names)
	for i := 0; i < len(back); i += 2 {
		back[i], back[i+1] = back[i+1], back[i]
	}
	h.here, h.shown = strings.NewReplacer(append(slices.Clone(h.only), h.names...)...), strings.NewReplacer(back...)
}

// means is like stands, for what is no name of that thing alone.
func (h *host) means(shown, is string) {
	h.only = append(h.only, shown, is)
	h.here = strings.NewReplacer(append(slices.Clone(h.only), h.names...)...)
}

// address is a free one that the runbooks call so.
func (h *host) address(shown string) string {
	h.t.Helper()
	is := freeAddress(h.t)
	h.stands(shown, is)
	return is
}

// unit makes one, which does not run yet, with a file of settings.
func (h *host) unit(name string, settings []string, args ...string) *unit {
	h.t.Helper()
	u := &unit{process: newProcess(h.t, name, args...)}
	u.env = nil
	h.t.Cleanup(func() { // before that of the process, which ends it
		h.mu.Lock()
		defer h.mu.Unlock()
		u.wanted = false
	})
	if settings != nil {
		u.settings = filepath.Join(h.etc, "tidings", strings.TrimPrefix(name, "tidings@")+".env")
		writeFile(h.t, u.settings, strings.Join(settings, "\n")+"\n")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.units[name] = u
	return u
}

// up starts a unit. Its start does not wait until it works.
func (h *host) up(u *unit) {
	h.t.Helper()
	if u.settings != "" {
		text, err := os.ReadFile(u.settings)
		if err != nil {
			h.t.Fatal(err)
		}
		u.env = regexp.MustCompile(`(?m)^[A-Z_]+=.*$`).FindAllString(string(text), -1)
	}
	u.wanted = true
	u.start()
	go h.watch(u, u.life) // ends with the life, or soon after
}

// watch starts a unit again that has ended by itself.
func (h *host) watch(u *unit, l *life) {
	<-l.ended
	<-time.After(restartAfter)
	h.mu.Lock()
	defer h.mu.Unlock()
	if u.wanted && u.life == l {
		u.restarts++
		h.up(u)
	}
}

// ready starts a unit that plays roles, and waits until it says that it works.
func (h *host) ready(u *unit) {
	h.t.Helper()
	h.mu.Lock()
	h.up(u)
	h.mu.Unlock()
	u.says("msg=running")
}

// control is systemctl and journalctl, as far as the runbooks use them.
func (h *host) control(w http.ResponseWriter, r *http.Request) {
	var flags, words []string
	args := r.URL.Query()["arg"]
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case slices.Contains([]string{"-s", "-P", "-u", "-o", "-g", "-n"}, a) && i+1 < len(args):
			flags = append(flags, a, args[i+1])
			i++
		case strings.HasPrefix(a, "-"):
			flags = append(flags, a, "")
		default:
			words = append(words, a)
		}
	}
	flag := func(name string) string {
		if i := slices.Index(flags, name); i >= 0 {
			return flags[i+1]
		}
		return ""
	}
	verb := ""
	if r.URL.Path == "/journalctl" {
		verb, words = "journal", []string{flag("-u")}
	} else if len(words) > 1 {
		verb, words = words[0], words[1:]
	}
	for _, name := range words {
		h.mu.Lock()
		u := h.units[r.URL.Query().Get("of")+strings.TrimSuffix(name, ".service")]
		said, err := "", fmt.Errorf("unit %s could not be found", name)
		if u != nil {
			said, err = h.order(u, verb, flag)
		}
		h.mu.Unlock()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = fmt.Fprint(w, said)
	}
}

// runs reports whether a unit lives.
func (u *unit) runs() bool {
	if u.life == nil {
		return false
	}
	select {
	case <-u.life.ended:
		return false
	default:
		return true
	}
}

// end asks a unit to end, for good, and waits until it has.
func (u *unit) end() error {
	u.wanted = false
	if !u.runs() {
		return nil
	}
	_ = u.life.cmd.Process.Signal(syscall.SIGTERM) // it may just end
	select {
	case <-u.life.ended:
		return nil
	case <-time.After(waitLimit):
		return fmt.Errorf("%s does not end", u.name)
	}
}

// order does with a unit what it is told. Whoever calls it has the lock.
func (h *host) order(u *unit, verb string, flag func(string) string) (said string, err error) {
	switch verb {
	case "start":
		if !u.runs() {
			h.up(u)
		}
	case "stop":
		err = u.end()
	case "restart":
		if err = u.end(); err == nil {
			h.up(u)
		}
	case "kill":
		signals := map[string]syscall.Signal{"SIGKILL": syscall.SIGKILL, "SIGQUIT": syscall.SIGQUIT, "SIGHUP": syscall.SIGHUP}
		err = u.life.cmd.Process.Signal(signals[flag("-s")])
	case "show":
		property := map[string]string{"MainPID": strconv.Itoa(u.life.cmd.Process.Pid), "NRestarts": strconv.Itoa(u.restarts)}
		said = property[flag("-P")] + "\n"
	case "journal":
		said = u.journal(flag("-g"), flag("-n"))
	default:
		err = fmt.Errorf("systemctl %s is not stood in for", verb)
	}
	return said, err
}

// journal is what a unit has said that matches, the last lines of it.
func (u *unit) journal(match, last string) string {
	wanted := regexp.MustCompile(match)
	var lines []string
	for line := range strings.Lines(u.said()) {
		if wanted.MatchString(line) {
			lines = append(lines, line)
		}
	}
	if n, err := strconv.Atoi(last); err == nil {
		lines = lines[max(0, len(lines)-n):]
	}
	return strings.Join(lines, "")
}
