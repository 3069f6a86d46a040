package pipe

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/goldentest"
)

// storedIn is the data directory that a fleet of a format has left, in the middle of
// its work. It is made once, by the first program that writes the format, and never
// again.
func storedIn(format int) string {
	return filepath.Join("testdata", "stored", fmt.Sprintf("%d.tar.gz", format))
}

const (
	oldToken = "a-token-that-was-made-long-ago"
	bigSize  = 20 << 10
)

// oldEvents are those that each endpoint is to get, of whatever format.
var oldEvents = []string{"e1", "e2", "big", "e3"}

// TestFormats goes on with what each format has stored: what waits is delivered, what
// died is sent again, what was logged is found, and secrets open.
func TestFormats(t *testing.T) {
	newest := storedIn(streams.Format)
	if _, err := os.Stat(newest); goldentest.Update() && errors.Is(err, fs.ErrNotExist) {
		synctest.Test(t, func(t *testing.T) { leave(t, newest) })
	}
	for format := 1; format <= streams.Format; format++ {
		t.Run(fmt.Sprint(format), func(t *testing.T) {
			dir := t.TempDir()
			unpack(t, storedIn(format), dir)
			synctest.Test(t, func(t *testing.T) { goOn(t, dir) })
		})
	}
}

// leave has a fleet do some of everything, and keeps what it has stored then.
func leave(t *testing.T, archive string) {
	streamstest.DropTimers(t)
	p := newPipe(t)
	p.settings = ageless(t.TempDir())
	p.start()
	t.Cleanup(p.stop)
	if err := p.registry.PutTenant(t.Context(), schemas.Tenant{ID: testTenant}); err != nil {
		t.Fatal(err)
	}
	p.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
		return dispatchertest.Status(cmp.Or(map[string]int{"/ep_waits": 503, "/ep_ordered": 503, "/ep_dead": 400}[q.Path], 204))
	})
	later := schemas.Policy{Retry: []schemas.Duration{schemas.Duration(2 * time.Hour)}}
	ordered := later
	ordered.Order = schemas.OrderFIFO
	for id, policy := range map[schemas.EndpointID]schemas.Policy{
		"ep_plain": {}, "ep_waits": later, "ep_ordered": ordered, "ep_dead": {Retry: []schemas.Duration{}}, "ep_paused": {},
	} {
		p.endpoint(id, policy, "order.*")
	}
	p.change("ep_paused", func(e *schemas.Endpoint) { e.Paused = true })
	p.pulled("ep_pulled", schemas.Policy{})
	c := p.caller()
	if _, err := p.registry.CreateToken(t.Context(), schemas.Token{ID: "tok_old", Hash: access.Hash(oldToken), Scope: schemas.TokenWrite, Tenant: testTenant}); err != nil {
		t.Fatal(err)
	}
	c.call("POST", "/subscriptions", `{"endpoint":"ep_plain","types":["stock.*"]}`, &struct{}{}) // is in the audit list
	for _, id := range oldEvents {
		e := testEvent(id)
		if id == "big" {
			_ = e.SetData("application/json", map[string]string{"id": id, "pad": strings.Repeat("x", bigSize)})
		}
		p.publishEvent(t.Context(), e)
	}
	<-time.After(time.Minute)
	p.stop()
	pack(t, p.settings.DataDir, archive)
	p.start() // which the test's end stops
}

// ageless keeps all for centuries: the file store tells age by the real clock, and what
// is stored here is of the year 2000.
func ageless(dir string) config.Settings {
	s := testSettings(dir)
	const ever = 200 * 365 * 24 * time.Hour
	s.Streams.EventsMaxAge, s.Streams.DeadMaxAge, s.Streams.LogMaxAge, s.Streams.AuditMaxAge = ever, ever, ever, ever
	return s
}

// goOn runs on what was left.
func goOn(t *testing.T, dir string) {
	streamstest.DropTimers(t)
	<-time.After(time.Hour) // later than when it was left
	p := newPipe(t)
	p.settings = ageless(dir)
	p.start()
	t.Cleanup(p.stop)
	v1, _, err := p.process.Handlers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c := &caller{p, v1, oldToken}
	<-time.After(70 * time.Minute)
	p.change("ep_paused", func(e *schemas.Endpoint) { e.Paused = false })
	c.replay(`{"endpoint":"ep_dead","since":"1999-12-31T00:00:00Z","which":"failed"}`)
	p.putEndpoint("ep_new", "http://receiver.test/ep_new", schemas.Policy{})
	c.call("POST", "/subscriptions", `{"endpoint":"ep_new","types":["order.*"],"deliver_from":"all"}`, &struct{}{})
	<-time.After(10 * time.Minute)

	for _, id := range []schemas.EndpointID{"ep_waits", "ep_ordered", "ep_paused", "ep_dead", "ep_new"} {
		c.gotAll(id)
	}
	if n := len(p.requests("ep_plain")); n > 0 {
		t.Errorf("what was delivered comes again: %d requests", n)
	}
	var pulled []string
	for _, d := range c.poll("ep_pulled", `{"max":10}`) {
		pulled = append(pulled, string(d.Event.ID))
	}
	if slices.Sort(pulled); !slices.Equal(pulled, slices.Sorted(slices.Values(oldEvents))) {
		t.Errorf("pulled %q", pulled)
	}
	if n := len(c.deliveries("endpoint=ep_plain&status=delivered")); n != len(oldEvents) {
		t.Errorf("the log has %d deliveries to ep_plain", n)
	}
	var audit struct{ Items []struct{ Action string } }
	if c.call("GET", "/audit", "", &audit); len(audit.Items) < 2 {
		t.Errorf("the audit list has %+v, want the old change and the new subscription", audit.Items)
	}
}

// gotAll wants each event at the endpoint, signed with the secret that was stored.
func (c *caller) gotAll(id schemas.EndpointID) {
	c.t.Helper()
	key, err := signing.ParseKey(testSecret)
	if err != nil {
		c.t.Fatal(err)
	}
	got := map[string]int{}
	for _, q := range c.requests(id) {
		got[eventOf(q.Body)] = len(q.Body)
		if err := signing.Verify(q.Header, q.Body, q.At, key); err != nil {
			c.t.Errorf("%s: %v", id, err)
		}
	}
	for _, event := range oldEvents {
		if got[event] == 0 || (event == "big" && got[event] < bigSize) {
			c.t.Errorf("%s got %v, want all of %s", id, got, event)
		}
	}
}

// pack keeps the files of a folder, but the log's database, which is made anew.
func pack(t *testing.T, dir, archive string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "log.db") {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o600, Size: int64(len(content))}); err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	})
	if err = errors.Join(err, w.Close(), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatalf("%v: the first program that writes a format leaves what it stores: go test ./cmd/tidings/pipe -run TestFormats -update", err)
	}
	defer f.Close() //nolint:errcheck // read only
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for r := tar.NewReader(z); ; files++ {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name)) //nolint:gosec // our own archive
		content, err := io.ReadAll(r)
		if err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if files < 20 {
		t.Fatalf("%s has %d files", archive, files)
	}
}
