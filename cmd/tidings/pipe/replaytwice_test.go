package pipe

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/replay"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

const ofAll = `"since":"1999-12-31T00:00:00Z",`

// replayRig is a log with so many deliveries to ep_a that died, as many that ep_b took,
// and ep_new, which got nothing. All receivers are well by now.
func (c *caller) replayRig(n int) {
	c.t.Helper()
	var well atomic.Bool
	c.receiver.Script(func(q dispatchertest.Request) dispatchertest.Answer {
		if q.Path == "/ep_a" && !well.Load() {
			return dispatchertest.Status(503)
		}
		return nil
	})
	for _, id := range []schemas.EndpointID{"ep_a", "ep_b"} {
		c.endpoint(id, schemas.Policy{Retry: []schemas.Duration{}, Breaker: schemas.SwitchOff}, "order.*")
	}
	for i := range n {
		c.publish(c.t.Context(), fmt.Sprint("e", i))
	}
	c.ends(2 * n)
	well.Store(true)
	c.endpoint("ep_new", schemas.Policy{}, "order.*")
	<-time.After(5 * time.Second)
}

// asks are replays of what the rig has, by endpoint.
var asks = map[schemas.EndpointID]string{
	"ep_a":   ofAll + `"endpoint":"ep_a","which":"failed","reason":"not_retried"`,
	"ep_b":   ofAll + `"endpoint":"ep_b","which":"all"`,
	"ep_new": ofAll + `"endpoint":"ep_new","which":"missing"`,
}

// until waits for a replay to come so far.
func (c *caller) until(id string, far func(replay.Job) bool) replay.Job {
	c.t.Helper()
	var j replay.Job
	for range 1000 {
		j = replay.Job{}
		if c.call("GET", "/replays/"+id, "", &j); far(j) {
			return j
		}
		<-time.After(time.Second)
	}
	c.t.Fatalf("it comes no further: %+v", j)
	return replay.Job{}
}

func hasEnded(j replay.Job) bool { return j.State != replay.Running }

// allOnce fails unless a replay has sent n, each once, and says so.
func (c *caller) allOnce(j replay.Job, endpoint schemas.EndpointID, n, before int) {
	c.t.Helper()
	if j.State != replay.Done || *j.Total != n || j.Seen != n || j.Found != n || j.Sent != n || j.Skipped != 0 {
		c.t.Errorf("%s ended as %+v, of %d", j.Which, j, *j.Total)
	}
	came := map[string]int{}
	for _, q := range c.requests(endpoint)[before:] {
		came[q.ID]++
	}
	for id, times := range came {
		if times > 1 {
			c.t.Errorf("%s: %s came %d times", j.Which, id, times)
		}
	}
	if len(came) != n {
		c.t.Errorf("%s: %d came of %d", j.Which, len(came), n)
	}
}

// A process is killed before it can note how far its replays have come, and what they
// sent has been attempted meanwhile: the next one counts that, and sends none of it again.
func TestReplayGoesOnWithoutItsNotes(t *testing.T) {
	const n = 250
	for endpoint, ask := range asks {
		t.Run(string(endpoint), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := startPipe(t).caller()
				c.replayRig(n)
				before := len(c.requests(endpoint))
				j := c.replay(`{"rate":1000,` + ask + `}`)
				c.ends(n)
				c.allOnce(j, endpoint, n, before)
				<-time.After(5 * time.Second)
				c.forget(j)
				c.allOnce(c.until(j.ID, hasEnded), endpoint, n, before)
				c.noMore(time.Minute)
			})
		})
	}
}

// forget takes a replay back to where it was counted, and nothing was sent.
func (c *caller) forget(j replay.Job) {
	c.t.Helper()
	note, err := c.registry.Job(c.t.Context(), testTenant, j.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	j.State, j.Runner, j.Ended, j.Seen, j.Found, j.Sent = replay.Running, "killed", time.Time{}, 0, 0, 0
	if note.Text, err = json.Marshal(j); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.registry.SetJob(c.t.Context(), testTenant, j.ID, note); err != nil {
		c.t.Fatal(err)
	}
}

// A process that stops leaves its replays as they are, and the next goes on from there.
func TestReplayGoesOnAfterAStop(t *testing.T) {
	const n = 250
	for endpoint, ask := range asks {
		t.Run(string(endpoint), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				streamstest.DropTimers(t)
				p := newPipe(t)
				p.settings = ageless(t.TempDir())
				p.start()
				if err := p.registry.PutTenant(t.Context(), schemas.Tenant{ID: testTenant}); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				c := p.caller()
				c.replayRig(n)
				before := len(c.requests(endpoint))
				var j replay.Job
				c.call("POST", "/replays", `{"rate":50,`+ask+`}`, &j)
				c.until(j.ID, func(j replay.Job) bool { return j.Sent > 0 })
				<-time.After(1500 * time.Millisecond)
				p.stop()
				p.start()
				t.Cleanup(p.stop)
				var err error
				if c.api, _, err = p.process.Handlers(t.Context()); err != nil {
					t.Fatal(err)
				}
				j = c.until(j.ID, hasEnded)
				<-time.After(time.Minute)
				c.allOnce(j, endpoint, n, before)
			})
		})
	}
}
