//go:build unix

package processes

import (
	"context"
	"flag"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

var (
	chaosRounds = flag.Int("rounds", shortRounds, "how many disasters befall each pipe of the chaos tests")
	chaosSeed   = flag.Uint64("seed", 0, "what the chaos tests draw disasters from; 0 draws a seed too")
)

const (
	// shortRounds are those of the short form.
	shortRounds = 8

	chaosToken = "tidings_of_one_that_has_bad_luck"
	// calm is how long all works before the next disaster: longer than what the
	// last one can have repeated is in flight, so that most of the time no repeat
	// has an excuse.
	calm = 4 * time.Second
	// chaosLimit is when a test gives up what is left to do: the ack waits of two
	// disasters, and all that has piled up, on a busy machine.
	chaosLimit = 10 * time.Minute
)

// chaos is a pipe that disasters befall while events flow.
type chaos struct {
	*fleet
	url    string // of the broker
	api    caller
	random *rand.Rand
	rooms  []room // its processes, and what they play
	deck   []kind // the kinds of disaster that come next

	logless   bool // there is no room for the delivery log at times
	disasters []disaster
	overtaken int // first requests for ordered endpoints that README lets come late
	load      load
	book      book
	held      map[string]string // the name of the endpoint that has no say in its id
}

// room is a process of a chaos.
type room struct {
	name                       string
	broker, fanout, dispatcher bool
}

// TestChaosInAFleet has disasters befall a NATS server, an api, two fanouts and
// two dispatchers. Each event that was accepted is delivered to every endpoint
// that it matches, or lies in DEAD with its reason; and nothing comes twice that
// was not in flight at a disaster.
func TestChaosInAFleet(t *testing.T) {
	t.Parallel() // it waits most of the time
	built, dir := build(t, "tidings", "nats-server"), t.TempDir()
	c := newChaos(t)
	c.planPulled()
	c.url = c.server(built, dir)
	c.restart("nats")
	address := freeAddress(t)
	c.api = caller{t, "http://" + address, chaosToken}
	c.rooms = []room{
		{name: "nats", broker: true},
		{name: "api"},
		{name: "fanout-1", fanout: true},
		{name: "fanout-2", fanout: true},
		{name: "dispatcher-1", dispatcher: true},
		{name: "dispatcher-2", dispatcher: true},
	}
	api := c.add("api", built, "--roles", "api", "--http-addr", address, "--config", c.file(dir), "--nats-url", c.url)
	api.env = append(api.env, "TIDINGS_ADMIN_TOKEN="+chaosToken)
	api.running()
	for _, name := range []string{"fanout-1", "fanout-2", "dispatcher-1", "dispatcher-2"} {
		c.add(name, built, "--roles", name[:len(name)-2], "--nats-url", c.url).running()
	}
	c.happen()
}

// TestChaosInOneProcess is the same where all of the pipe is one process, with
// the broker in it. All its disasters are total.
func TestChaosInOneProcess(t *testing.T) {
	t.Parallel() // it waits most of the time
	built, dir := build(t, "tidings"), t.TempDir()
	c := newChaos(t)
	c.planPulled()
	address, broker := freeAddress(t), freeAddress(t)
	c.url = "nats://" + broker
	c.api = caller{t, "http://" + address, chaosToken}
	c.rooms = []room{{name: "all", broker: true, fanout: true, dispatcher: true}}
	all := c.add("all", built, "--data-dir", filepath.Join(dir, "data"), "--nats-listen", broker, "--http-addr", address, "--config", c.file(dir))
	all.env = append(all.env, "TIDINGS_ADMIN_TOKEN="+chaosToken)
	all.running()
	c.happen()
}

func newChaos(t *testing.T) *chaos {
	t.Helper()
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-rounds %d -seed %d", *chaosRounds, seed)
	c := &chaos{random: rand.New(rand.NewPCG(seed, 0)), held: map[string]string{}} //nolint:gosec // it is to be repeated
	c.book.seen = map[ledgerKey][]visit{}
	c.fleet = newFleet(t, chaosEndpoints, c.answer)
	return c
}

// happen is the test: load, disasters, and the account.
func (c *chaos) happen() {
	c.t.Helper()
	c.connect(c.url)
	c.preparePaused()
	began := time.Now()
	defer c.pullAll(c.api, 20)()
	ctx, cancel := context.WithCancel(c.t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	over := make(chan struct{})
	c.load.start(ctx, c, over, &all)
	all.Go(func() { c.pauseAndResume(ctx, over) })
	for range *chaosRounds {
		<-time.After(calm)
		c.disaster()
	}
	<-time.After(calm)
	last := time.Now()
	close(over)
	all.Wait()
	c.drained(chaosLimit)
	c.settleAccount(began, last, time.Now())
	c.stop()
}

// preparePaused makes the endpoint that is paused and resumed: one of the file
// could not be.
func (c *chaos) preparePaused() {
	c.t.Helper()
	path := "/v1/tenants/" + string(testTenant)
	made := c.api.call(http.MethodPost, path+"/endpoints", fields{
		"url": "http://" + c.receiver.addr + "/" + pausedName, "policy": fields{"retry": []string{"200ms", "500ms", "1s", "1s", "2s"}},
	}, http.StatusCreated)
	id, _ := made["id"].(string)
	c.api.call(http.MethodPost, path+"/subscriptions", fields{"endpoint": id, "types": pausedTypes}, http.StatusCreated)
	c.held[id] = pausedName
}

// pauseAndResume does so until over, and resumes last.
func (c *chaos) pauseAndResume(ctx context.Context, over <-chan struct{}) {
	for id := range c.held {
		path := "/v1/tenants/" + string(testTenant) + "/endpoints/" + id
		for ended := false; !ended; {
			for _, action := range []string{"/pause", "/resume"} {
				c.insist(ctx, path+action)
				select {
				case <-time.After(3 * time.Second):
				case <-over:
					ended = true
				}
			}
		}
	}
}

// insist makes a call until it is done.
func (c *chaos) insist(ctx context.Context, path string) {
	for c.api.post(ctx, path, "application/json", nil) != nil {
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

// name is what the receiver knows an endpoint by.
func (c *chaos) name(id string) string {
	if name, ok := c.held[id]; ok {
		return name
	}
	return id
}

// wants are the endpoints that get an event of a type.
func (c *chaos) wants(eventType string) (names []string) {
	for name, p := range c.plan {
		for _, t := range p.types {
			if t == eventType {
				names = append(names, name)
			}
		}
	}
	for _, t := range pausedTypes {
		if t == eventType {
			names = append(names, pausedName)
		}
	}
	return names
}
