package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tidings-dev/tidings/config/console"
)

// waitLimit is when a test gives up. What it waits for may take long on a busy
// machine, so it waits for the thing itself.
const waitLimit = 3 * time.Minute

// adminToken is preset, so that the tests need not read it off the log.
const adminToken = "tidings_browser_tests_admin_token"

// screens is where pictures are kept; empty for nowhere.
var screens = flag.String("screens", "", "folder for a picture of each page; empty keeps none")

// shared is what all tests use.
var shared struct {
	base    string          // of Tidings
	browser context.Context //nolint:containedctx // chromedp's handle of a browser is one
}

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Fprintln(os.Stderr, "skipped: runs a browser for a minute")
		return
	}
	code, err := around(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code) //nolint:forbidigo // a test's main
}

// around starts Tidings and the browser, and ends both.
func around(run func() int) (code int, err error) {
	// So that go test runs anew when a page has changed: it does not see what the binary is
	// built of, and the linker would leave out what is not used.
	_ = console.Handler(console.Options{})
	found, err := chromium()
	if err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "tidings-browser-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	stop, err := startTidings(dir)
	if err != nil {
		return 1, err
	}
	defer stop()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(found), chromedp.WindowSize(1360, 900), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.UserDataDir(filepath.Join(dir, "profile")))
	if os.Geteuid() == 0 { // Chromium's sandbox refuses root, as whom CI runs
		options = append(options, chromedp.NoSandbox)
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	defer cancel()
	browser, end := chromedp.NewContext(allocator)
	defer end()
	if err := chromedp.Do(browser); err != nil {
		return 1, fmt.Errorf("start %s: %w", found, err)
	}
	shared.browser = browser
	return run(), nil
}

// chromium is the browser's program. CI installs it.
func chromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return "", errors.New("the console's tests need Chromium, and there is neither chromium nor google-chrome in PATH: install it (apt-get install chromium), or leave them out by -short")
}

// startTidings builds the binary and runs it with all roles.
func startTidings(dir string) (stop func(), err error) {
	binary := filepath.Join(dir, "tidings")
	if out, err := exec.Command("go", "build", "-o", binary, "..").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build tidings: %w\n%s", err, out)
	}
	run := exec.Command(binary, "run", "--data-dir", filepath.Join(dir, "data"), "--http-addr", "127.0.0.1:0",
		"--nats-listen", "", "--egress-allow", "127.0.0.0/8", "--egress-http", "--egress-ports", "1-65535", "--partitions", "4", "--shards", "1", "--api-rate", "1000/s", "--api-burst", "2000")
	run.Env = append(run.Environ(), "TIDINGS_ADMIN_TOKEN="+adminToken)
	log, err := run.StderrPipe()
	if err != nil {
		return nil, err
	}
	endWithTests(run)
	if err := run.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = run.Process.Kill()
		_ = run.Wait()
	}
	var said bytes.Buffer
	lines := bufio.NewScanner(io.TeeReader(log, &said))
	for lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), " http="); ok && strings.Contains(lines.Text(), "msg=running") {
			addr, _, _ := strings.Cut(rest, " ")
			shared.base = "http://" + addr
			go io.Copy(io.Discard, log) //nolint:errcheck // ends with the process
			return stop, nil
		}
	}
	stop()
	return nil, fmt.Errorf("tidings did not start:\n%s", said.String())
}

// receiver takes deliveries, and answers as it is told.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex // guards what follows
	answer http.HandlerFunc
	bodies []string
	header []http.Header
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		answer := r.answer
		r.bodies, r.header = append(r.bodies, string(body)), append(r.header, q.Header.Clone())
		r.mu.Unlock()
		if answer != nil {
			answer(w, q)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(r.Close)
	return r
}

// says has the receiver answer so from now on; nil takes everything.
func (r *receiver) says(answer http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// call makes a request of the API as the administrator, and wants it to succeed.
func call(t *testing.T, method, path string, body any) map[string]any {
	t.Helper()
	kind := "application/json"
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, "/events") {
		kind = "application/cloudevents+json"
	}
	q, err := http.NewRequestWithContext(t.Context(), method, shared.base+path, bytes.NewReader(encoded))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+adminToken)
	q.Header.Set("Content-Type", kind)
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close() //nolint:errcheck // it is read
	content, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s %v", method, path, answer.StatusCode, content, err)
	}
	read := fields{}
	_ = json.Unmarshal(content, &read) // some answers are empty
	return read
}

// tenant makes a tenant of the test's own.
func tenant(t *testing.T, id string) string {
	t.Helper()
	call(t, "POST", "/v1/tenants", fields{"id": id, "name": strings.ToUpper(id[:1]) + id[1:], "validation": "warn"})
	return id
}

// fields are those of a document of the API.
type fields = map[string]any

// endpoint makes an endpoint that gets events of some types, or of all.
func endpoint(t *testing.T, tenant string, e fields, types ...string) string {
	t.Helper()
	if types == nil {
		types = []string{"*"}
	}
	made := call(t, "POST", "/v1/tenants/"+tenant+"/endpoints", e)
	call(t, "POST", "/v1/tenants/"+tenant+"/subscriptions", fields{"endpoint": made["id"], "types": types})
	return made["id"].(string)
}

// publish publishes an event.
func publish(t *testing.T, tenant, id, eventType string, data any) {
	t.Helper()
	call(t, "POST", "/v1/tenants/"+tenant+"/events", fields{"specversion": "1.0", "id": id, "source": "/tests", "type": eventType, "data": data})
}

// until asks the API until what it says is right.
func until(t *testing.T, path string, right func(map[string]any) bool) map[string]any {
	t.Helper()
	deadline, tick := time.After(waitLimit), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for {
		got := call(t, "GET", path, nil)
		if right(got) {
			return got
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("GET %s: after %s it still says %v", path, waitLimit, got)
		}
	}
}

// deliveries waits until so many are as the query asks.
func deliveries(t *testing.T, tenant, query string, n int) []any {
	t.Helper()
	got := until(t, "/v1/tenants/"+tenant+"/deliveries?"+query, func(page map[string]any) bool { return len(page["items"].([]any)) >= n })
	return got["items"].([]any)
}
