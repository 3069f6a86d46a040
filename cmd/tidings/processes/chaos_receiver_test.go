//go:build unix

package processes

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// chaosEndpoints are endpoints of every kind, named after what they are like. A
// fifth of the events is of each type.
var chaosEndpoints = map[string]planned{
	"ep_well":    {fleetTypes, "{}"},
	"ep_another": {[]string{"order.created", "stock.created"}, "{}"},
	"ep_failing": {[]string{"order.created", "stock.removed"}, "{retry: [200ms, 200ms, 500ms, 500ms, 1s, 1s, 1s, 2s, 2s, 2s], breaker: off}"},
	"ep_outage":  {[]string{"stock.created", "paper.updated"}, "{retry: [500ms, 1s, 1s, 2s, 2s, 5s, 5s, 5s, 5s, 5s]}"},
	"ep_hanging": {[]string{"stock.removed"}, "{retry: [200ms, 500ms, 1s, 1s, 2s, 2s, 5s, 5s], timeout: 2s}"},
	"ep_slow":    {[]string{"paper.updated"}, "{retry: [1s, 1s, 1s], concurrency: 4}"},
	"ep_fifo":    {[]string{"stock.created"}, "{retry: [200ms, 200ms, 500ms, 1s, 1s, 1s], order: fifo, breaker: off}"},
	"ep_keyed":   {[]string{"order.removed"}, "{retry: [200ms, 200ms, 500ms, 1s, 1s, 1s], order: fifo, order_key: partitionkey, breaker: off}"},
	"ep_limited": {[]string{"order.removed"}, "{rate: 20/s}"},
	"ep_gone":    {[]string{"paper.updated"}, "{}"},
	"ep_dying":   {[]string{"order.created"}, "{retry: [100ms], breaker: off}"},
}

// pulledEndpoints are those from which a puller fetches.
var pulledEndpoints = map[string]planned{
	"ep_pulled":      {[]string{"order.created", "stock.created"}, "{retry: [200ms, 200ms, 500ms, 500ms, 1s, 1s, 1s, 2s, 2s, 2s, 2s, 2s]}"},
	"ep_pulled_fifo": {[]string{"order.removed"}, "{retry: [200ms, 200ms, 500ms, 1s, 1s, 1s, 1s, 1s, 1s, 1s], order: fifo}"},
	"ep_pulled_dies": {[]string{"stock.removed"}, "{retry: [100ms]}"},
}

// planPulled adds them.
func (c *chaos) planPulled() {
	c.plan = maps.Clone(c.plan)
	maps.Copy(c.plan, pulledEndpoints)
}

// pausedName is the endpoint that is paused and resumed over the API; it gets
// pausedTypes.
const pausedName = "ep_paused"

var pausedTypes = []string{"order.removed", "paper.updated"}

// chaosDead are the reasons for which deliveries to an endpoint may die; those to
// others may not.
var chaosDead = map[string][]schemas.Reason{
	"ep_failing": {schemas.ReasonExhausted},
	"ep_outage":  {schemas.ReasonExhausted},
	"ep_hanging": {schemas.ReasonExhausted},
	"ep_fifo":    {schemas.ReasonExhausted},
	"ep_keyed":   {schemas.ReasonExhausted},
	"ep_gone":    {schemas.ReasonGone, schemas.ReasonEndpointDisabled},
	"ep_dying":   {schemas.ReasonExhausted},

	"ep_pulled_dies": {schemas.ReasonExhausted},
}

const (
	// hangTime is longer than ep_hanging's timeout.
	hangTime = 2500 * time.Millisecond
	// lateAnswer is when an answer may be too late for ep_hanging's timeout, on a
	// busy machine.
	lateAnswer = time.Second
)

// visit is one request, and its answer.
type visit struct {
	came, answered time.Time
	taken          bool
}

// book has every visit, by event and endpoint, in the order they were answered.
type book struct {
	mu   sync.Mutex // guards seen
	seen map[ledgerKey][]visit
}

// answer gives each endpoint the trouble that it is named after.
func (c *chaos) answer(q request) int {
	status := chaosAnswer(q, !c.load.over.Load())
	c.book.mu.Lock()
	defer c.book.mu.Unlock()
	c.book.seen[q.ledgerKey] = append(c.book.seen[q.ledgerKey], visit{q.at, time.Now(), status == http.StatusNoContent})
	return status
}

// chaosAnswer waits as its endpoint does, and returns the status. What comes and goes
// ends with the load: while every probe of a breaker met it, the breaker would wait
// twice as long for the next, up to minutes.
func chaosAnswer(q request, outages bool) int {
	share, quick := rand.IntN(100), time.Duration(rand.IntN(20))*time.Millisecond
	switch q.endpoint {
	case "ep_slow":
		quick = time.Duration(280+rand.IntN(40)) * time.Millisecond
	case "ep_hanging":
		if share < 3 {
			<-time.After(hangTime) // nobody hears the answer
			return http.StatusInternalServerError
		}
	}
	<-time.After(quick)
	switch {
	case q.endpoint == "ep_dying", q.endpoint == "ep_pulled_dies",
		q.endpoint == "ep_pulled" && share < 20,
		q.endpoint == "ep_pulled_fifo" && share < 5,
		q.endpoint == "ep_failing" && share < 20,
		q.endpoint == "ep_fifo" && share < 5,
		q.endpoint == "ep_keyed" && share < 10,
		q.endpoint == "ep_outage" && outages && time.Now().Unix()%7 < 2:
		return http.StatusInternalServerError
	case q.endpoint == "ep_gone" && number(q.event) > 50:
		return http.StatusGone
	}
	return http.StatusNoContent
}
