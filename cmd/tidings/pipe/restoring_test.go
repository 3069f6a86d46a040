package pipe

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// While the registry is restored events are accepted and wait, /readyz says why, and a
// process that starts waits too.
func TestThePipeWaitsForARestore(t *testing.T) {
	pulling(t, schemas.Policy{}, func(t *testing.T, c *caller) {
		bucket := c.bucket()
		if got := c.problem("registry"); got != "" {
			t.Fatalf("before: %s", got)
		}
		if _, err := bucket.Put(t.Context(), registry.RestoringKey, []byte(`{"began":"2026-01-02T03:04:05Z"}`)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c.publish(t.Context(), "e1")
		if code := c.call("POST", "/endpoints/ep_a/poll", `{"wait":"1m"}`, nil); code != 503 {
			t.Errorf("a poll is answered with %d", code)
		}
		if got := c.problem("registry"); !strings.Contains(got, "restored since 2026-01-02T03:04:05Z") || !strings.Contains(got, "--force") {
			t.Errorf("the registry's problem is %q", got)
		}
		if code := c.call("POST", "/endpoints", `{"pull":true}`, nil); code != 503 {
			t.Errorf("a change is answered with %d", code)
		}
		started := make(chan error, 1)
		go func() { started <- c.process.wholeRegistry(t.Context()) }()
		<-time.After(5 * time.Minute)
		if len(started) > 0 {
			t.Error("a process does not wait")
		}
		if waiting, err := c.process.desk.Waiting(t.Context()); err != nil || len(waiting) > 0 {
			t.Errorf("an event was matched: %v, %v", waiting, err)
		}
		if err := bucket.Delete(t.Context(), registry.RestoringKey); err != nil {
			t.Fatal(err)
		}
		if err := <-started; err != nil {
			t.Error(err)
		}
		if got := c.one("ep_a"); got.Event.ID != "e1" {
			t.Errorf("afterwards came %+v", got)
		}
		if got := c.problem("registry"); got != "" {
			t.Errorf("afterwards: %s", got)
		}
	})
}

// bucket is the registry's.
func (p *pipe) bucket() jetstream.KeyValue {
	p.t.Helper()
	js, err := jetstream.New(p.nc)
	if err != nil {
		p.t.Fatal(err)
	}
	bucket, err := js.KeyValue(p.t.Context(), schemas.BucketRegistry)
	if err != nil {
		p.t.Fatal(err)
	}
	return bucket
}

// problem is what /readyz says of a part; empty if that is well.
func (p *pipe) problem(part string) (found string) {
	for _, check := range p.process.checks() {
		if check.Name == part {
			found = check.Problem
		}
	}
	return found
}
