package pipe

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

// survivors are the endpoints of TestNothingIsLost, and which events they get.
var survivors = map[schemas.EndpointID]struct {
	types  []schemas.TypePattern
	policy schemas.Policy
}{
	"ep_all":     {[]schemas.TypePattern{"*"}, schemas.Policy{Timeout: seconds(5), Retry: minutes}},
	"ep_users":   {[]schemas.TypePattern{"order.*"}, schemas.Policy{Timeout: seconds(20), Retry: minutes, Concurrency: 2}},
	"ep_created": {[]schemas.TypePattern{"*.created", "order.created"}, schemas.Policy{Retry: []schemas.Duration{seconds(10), seconds(10)}}},
	"ep_once":    {[]schemas.TypePattern{"stock.removed"}, schemas.Policy{Retry: []schemas.Duration{}}},
}

// minutes is a schedule that passes fast, so that there is time for more seeds.
var minutes = []schemas.Duration{seconds(5), seconds(30), seconds(90), seconds(300)}

// survival is what the receiver has seen in one run.
type survival struct {
	mu     sync.Mutex // guards what follows
	random *rand.Rand
	taken  map[string]bool            // "<endpoint> <event>" answered with 2xx
	ids    map[string]map[string]bool // the webhook-ids under which each came
}

// answer fails at random, in every way.
func (s *survival) answer(q dispatchertest.Request) dispatchertest.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.TrimPrefix(q.Path, "/") + " " + eventOf(q.Body)
	if s.ids[key] == nil {
		s.ids[key] = map[string]bool{}
	}
	s.ids[key][q.ID] = true
	switch s.random.IntN(12) {
	case 0, 1:
		return dispatchertest.Status(500)
	case 2:
		return dispatchertest.Reset
	case 3:
		return dispatchertest.Hang
	case 4:
		return dispatchertest.Status(429, "Retry-After", "30")
	case 5:
		return dispatchertest.SlowBody
	}
	s.taken[key] = true
	return dispatchertest.After(time.Duration(s.random.IntN(2000))*time.Millisecond, dispatchertest.Status(204))
}

// eventOf is the id that testEvent put into the data.
func eventOf(body []byte) string {
	_, rest, _ := strings.Cut(string(body), `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// TestNothingIsLost publishes events at random times, kills fanout and the
// dispatcher after random numbers of bytes written, and lets the receiver fail
// in every way. In the end each event wants to be taken or dead at each
// endpoint that it matches, and all its requests there to carry one webhook-id.
func TestNothingIsLost(t *testing.T) {
	for range 5 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := prepareStages(t)
				random := rand.New(rand.NewPCG(seed, 0))
				seen := &survival{random: rand.New(rand.NewPCG(seed, 1)), taken: map[string]bool{}, ids: map[string]map[string]bool{}}
				s.receiver.Script(seen.answer)
				for id, e := range survivors {
					s.endpoint(id, e.policy, e.types...)
				}
				var wg sync.WaitGroup
				wg.Go(func() { s.crash(rand.New(rand.NewPCG(seed, 2)), 12, 20_000, s.fanoutOn) })
				wg.Go(func() { s.crash(rand.New(rand.NewPCG(seed, 3)), 25, 40_000, s.dispatcherOn) })
				want := s.publishAtRandom(random, 250)
				wg.Wait()
				s.drained()
				s.account(want, seen)
			})
		})
	}
}

// crash runs a stage and lets it die, so many times, and then runs it until
// the test ends.
func (s *stages) crash(random *rand.Rand, times, bytes int, stage func(*nats.Conn) func(context.Context, int) error) {
	for range times {
		nc, gone := s.env.ConnectFor(1000 + random.IntN(bytes))
		w := s.run(nc, stage(nc))
		<-gone
		w.stop()
		<-time.After(time.Duration(random.IntN(3000)) * time.Millisecond)
	}
	nc := s.env.Connect()
	s.t.Cleanup(s.run(nc, stage(nc)).stop)
}

// publishAtRandom returns which endpoint must get which events.
func (s *stages) publishAtRandom(random *rand.Rand, n int) (want map[string]bool) {
	s.t.Helper()
	want = map[string]bool{}
	types := map[string][]string{
		"order.created":       {"ep_all", "ep_users", "ep_created"},
		"order.email.changed": {"ep_all", "ep_users"},
		"stock.created":       {"ep_all", "ep_created"},
		"stock.removed":       {"ep_all", "ep_once"},
	}
	names := []string{"order.created", "order.email.changed", "stock.created", "stock.removed"}
	for i := range n {
		id, eventType := fmt.Sprintf("e%d", i), names[random.IntN(len(names))]
		e := typedEvent(id, eventType)
		if random.IntN(8) == 0 { // stored by reference
			_ = e.SetData(event.ApplicationJSON, map[string]string{"id": id, "pad": strings.Repeat("x", 40_000)})
		}
		s.publishEvent(s.t.Context(), e)
		for _, endpoint := range types[eventType] {
			want[endpoint+" "+id] = true
		}
		if random.IntN(4) == 0 {
			<-time.After(time.Duration(random.IntN(20_000)) * time.Millisecond)
		}
	}
	return want
}

// drained waits until no event and no delivery is left to do.
func (s *stages) drained() {
	s.t.Helper()
	js, err := jetstream.New(s.nc)
	if err != nil {
		s.t.Fatal(err)
	}
	const most = 24 * time.Hour
	for start := time.Now(); time.Since(start) < most; <-time.After(time.Minute) {
		c, err := js.Consumer(s.t.Context(), schemas.StreamEvents, schemas.FanoutConsumer(0))
		if err != nil || c.CachedInfo().NumPending > 0 || c.CachedInfo().NumAckPending > 0 {
			continue
		}
		d, err := js.Stream(s.t.Context(), s.env.Layout.DeliveriesStream(0))
		if err == nil && d.CachedInfo().State.Msgs == 0 {
			return
		}
	}
	s.t.Fatalf("deliveries are left after %s", most)
}

// account holds what was seen against what was wanted.
func (s *stages) account(want map[string]bool, seen *survival) {
	s.t.Helper()
	seen.mu.Lock()
	defer seen.mu.Unlock()
	dead := map[string]bool{}
	for _, l := range s.deadLetters() {
		key := string(l.Endpoint) + " " + eventOf(l.Body)
		dead[key] = true
		if l.Reason != schemas.ReasonExhausted && l.Reason != schemas.ReasonNotRetried {
			s.t.Errorf("%s died of %s: %s", key, l.Reason, l.Detail)
		}
	}
	for key := range want {
		if !seen.taken[key] && !dead[key] {
			s.t.Errorf("%s is neither taken nor dead", key)
		}
		if len(seen.ids[key]) > 1 {
			s.t.Errorf("%s came under %d webhook-ids", key, len(seen.ids[key]))
		}
	}
	for key := range seen.ids {
		if !want[key] {
			s.t.Errorf("%s came, and was not matched", key)
		}
	}
	if len(dead) == 0 || len(seen.taken) == 0 {
		s.t.Errorf("%d died and %d were taken: the test shows nothing", len(dead), len(seen.taken))
	}
	s.t.Logf("%d deliveries: %d taken, %d dead, %d requests", len(want), len(seen.taken), len(dead), len(s.receiver.Requests()))
}
