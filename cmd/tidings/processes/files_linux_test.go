package processes

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// fewFiles is how many files a dispatcher may have open.
const fewFiles = 128

// TestFewFiles has a dispatcher that may open few files deliver to more receivers than
// that, which keep its connections, beside endpoints that hang and would have several
// times as many requests. No attempt fails for want of a file, and who is well waits for
// nobody.
func TestFewFiles(t *testing.T) {
	t.Parallel() // it waits most of the time
	const hung, well = 20, fewFiles + fewFiles/4
	patient := "{timeout: 5m, retry: [1s]}"
	plan := map[string]planned{}
	for i := range hung {
		plan[fmt.Sprintf("ep_hung_%d", i)] = planned{fleetTypes, patient}
	}
	for i := range well {
		plan[fmt.Sprintf("ep_well_%d", i)] = planned{fleetTypes[:1], patient}
	}
	release := make(chan struct{})
	built, dir := build(t, "tidings", "nats-server"), t.TempDir()
	f := newFleet(t, plan, func(q request) int {
		if strings.HasPrefix(q.endpoint, "ep_hung") {
			<-release
		}
		return http.StatusNoContent
	})
	url := f.server(built, dir)
	f.restart("nats")
	f.add("api", built, "--roles", "api", "--config", f.everyWellAlone(dir), "--nats-url", url).running()
	f.add("fanout", built, "--roles", "fanout", "--nats-url", url).running()
	dispatcher := f.add("dispatcher", built, "--roles", "dispatcher", "--nats-url", url)
	dispatcher.args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, fewFiles)}, dispatcher.args...)
	page := field(dispatcher.running().says("msg=running"), "http")
	f.connect(url)

	enough := make(chan struct{})
	close(enough)
	n, want := f.publish(enough, 100)
	f.wellHaveAll(want)
	close(release)
	f.drained()
	a := f.account(n, want)
	if a.lost > 0 || a.dead > 0 || a.doubled > 0 {
		t.Errorf("%+v", a)
	}
	for _, line := range getMetrics(t, page).lines {
		if strings.HasPrefix(line, "tidings_attempts_total{") && !strings.Contains(line, `tidings_outcome="delivered"`) {
			t.Errorf("not all attempts went well: %s", line)
		}
	}
	if strings.Contains(dispatcher.said(), "too many open files") {
		t.Errorf("it says:\n%s", lastLines(dispatcher.said(), lastWords))
	}
	f.stop()
}

// everyWellAlone is the fleet's tidings.yaml, where each endpoint that is well has a
// receiver of its own.
func (f *fleet) everyWellAlone(dir string) (path string) {
	f.t.Helper()
	path = f.file(dir)
	text, err := os.ReadFile(path)
	if err != nil {
		f.t.Fatal(err)
	}
	content := string(text)
	for id := range f.plan {
		if strings.HasPrefix(id, "ep_well") {
			own := httptest.NewServer(f.receiver)
			f.t.Cleanup(own.Close)
			content = strings.Replace(content, fmt.Sprintf("http://%s/%s\n", f.receiver.addr, id), own.URL+"/"+id+"\n", 1)
		}
	}
	writeFile(f.t, path, content)
	return path
}

// wellHaveAll waits until the endpoints that are well have taken what is wanted of them.
func (f *fleet) wellHaveAll(want map[ledgerKey]bool) {
	f.t.Helper()
	left := 0
	for deadline := time.Now().Add(waitLimit); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		left = 0
		f.receiver.mu.Lock()
		for key := range want {
			if s := f.receiver.seen[key]; strings.HasPrefix(key.endpoint, "ep_well") && (s == nil || s.taken == 0) {
				left++
			}
		}
		f.receiver.mu.Unlock()
		if left == 0 {
			return
		}
	}
	f.t.Fatalf("%d deliveries to endpoints that are well wait after %s:\n%s", left, waitLimit, f.diagnosis())
}
