package nodetest_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/nodetest"
)

func TestRun(t *testing.T) {
	got := string(nodetest.Run(t, "testdata/packages.mjs", []byte(`{"b":1.0,"a":"é"}`), "a.b", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
	if want := "hello\n{\"a\":\"é\",\"b\":1}\na.b\nfunction"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStart(t *testing.T) {
	var url string
	t.Run("serves", func(t *testing.T) {
		url = nodetest.Start(t, "testdata/server.mjs", "the-argument")
		response, err := http.Get(url + "/") //nolint:gosec // a process of this test
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // read only
		body, err := io.ReadAll(response.Body)
		if err != nil || !strings.HasSuffix(string(body), " GET the-argument") {
			t.Errorf("got %q, %v", body, err)
		}
	})
	if response, err := http.Get(url + "/"); err == nil { //nolint:gosec // a process of this test
		_ = response.Body.Close()
		t.Error("it still serves after its test")
	}
}

// TestFailures shows each way in which a script cannot be run.
func TestFailures(t *testing.T) {
	run := func(script string) func(testing.TB) {
		return func(tb testing.TB) { nodetest.Run(tb, script, nil) }
	}
	for name, row := range map[string]struct {
		do        func(testing.TB)
		without   bool   // Node
		ci        string // the variable
		want, say string
	}{
		"exits 3":         {run("testdata/fails.mjs"), false, "", "failed", "the reason"},
		"no such script":  {run("testdata/none.mjs"), false, "", "failed", "no such .mjs file"},
		"no Node":         {run("testdata/fails.mjs"), true, "", "skipped", "Node is not installed"},
		"no Node in CI":   {run("testdata/fails.mjs"), true, "true", "failed", "Node is not installed"},
		"serves no port":  {func(tb testing.TB) { nodetest.Start(tb, "testdata/mute.mjs") }, false, "", "failed", `"no port", want a port`},
		"ends without it": {func(tb testing.TB) { nodetest.Start(tb, "testdata/fails.mjs") }, false, "", "failed", `"", want a port`},
	} {
		t.Run(name, func(t *testing.T) {
			if row.without {
				t.Setenv("PATH", "")
			} else {
				nodetest.Run(t, "testdata/beside.mjs", nil) // or skip: there is no Node
			}
			t.Setenv("CI", row.ci)
			got, said := judge(t, row.do)
			if got != row.want || !strings.Contains(said, row.say) {
				t.Errorf("%s with %q, want %s with %q", got, said, row.want, row.say)
			}
		})
	}
}

// TestInstallAtOnce installs into an empty cache from several goroutines, as
// several test binaries would.
func TestInstallAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("fetches packages for some seconds")
	}
	nodetest.Run(t, "testdata/beside.mjs", nil) // or skip: there is no Node
	empty := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", empty)
	if cache, err := os.UserCacheDir(); err != nil || cache != empty {
		t.Skip("the user's cache cannot be moved on this system without npm's own")
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if got, said := judge(t, func(tb testing.TB) { nodetest.Run(tb, "testdata/beside.mjs", nil) }); got != "passed" {
				t.Errorf("%s: %s", got, said)
			}
		})
	}
	wg.Wait()
	entries, err := os.ReadDir(empty + "/tidings-nodetest")
	if err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v; want one folder", entries, err)
	}
}

func TestLockNamesNoHost(t *testing.T) {
	for _, name := range []string{"package.json", "package-lock.json"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), "://") {
			t.Errorf("%s names a host: make it with omit-lockfile-registry-resolved, and leave out who asks for funding", name)
		}
	}
}

// judge runs a test within a test, and tells how it ended and what it said.
func judge(t *testing.T, do func(testing.TB)) (ended, said string) {
	inner := &within{TB: t, ended: "passed"}
	done := make(chan struct{})
	go func() { // ends before judge returns
		defer close(done)
		do(inner)
	}()
	<-done
	return inner.ended, inner.said
}

// within is a test whose end is observed.
type within struct {
	testing.TB
	ended, said string
}

func (w *within) end(how, what string) {
	w.ended, w.said = how, what
	runtime.Goexit()
}
func (w *within) Fatal(args ...any)         { w.end("failed", fmt.Sprint(args...)) }
func (w *within) Fatalf(f string, a ...any) { w.end("failed", fmt.Sprintf(f, a...)) }
func (w *within) Skip(args ...any)          { w.end("skipped", fmt.Sprint(args...)) }
