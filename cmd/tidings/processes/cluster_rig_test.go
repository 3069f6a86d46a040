package processes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// clusterTenants is how many tenants publish: so many that every fanout has some
// of their partitions.
const clusterTenants = 6

func clusterTenant(n int) schemas.TenantID { return schemas.TenantID(fmt.Sprintf("tenant%d", n)) }

// clusterTypes are the types of the events that flow, oldType that of those
// which were there before.
var clusterTypes = []string{"order.created", "order.removed", "stock.created"}

const oldType = "paper.updated"

// clustered is an endpoint of one tenant.
type clustered struct {
	planned
	tenant schemas.TenantID
	since  time.Time // from when on its events must come; of all time if zero
}

// clusterPlan are the endpoints, each with the trouble that it is named after.
func clusterPlan() map[string]clustered {
	plan := map[string]clustered{
		"ep_failing": {planned: planned{clusterTypes[:1], "{retry: [1s, 4s, 8s, 8s, 8s], breaker: off}"}},
		"ep_fifo":    {planned: planned{clusterTypes, "{retry: [300ms, 300ms, 1s, 1s, 1s], order: fifo, breaker: off}"}},
		"ep_slow":    {planned: planned{clusterTypes[2:], "{retry: [1s, 1s, 1s], concurrency: 4}"}},
		"ep_dying":   {planned: planned{clusterTypes[1:2], "{retry: [300ms], breaker: off, statuses: {400: dead}}"}},
	}
	for n := range clusterTenants {
		plan[fmt.Sprintf("ep_well_%d", n)] = clustered{planned: planned{clusterTypes, fleetPolicy}, tenant: clusterTenant(n)}
	}
	for id, e := range plan {
		if e.tenant == "" {
			e.tenant = clusterTenant(0)
			plan[id] = e
		}
	}
	return plan
}

// cluster is a fleet on three NATS servers.
type cluster struct {
	*fleet
	root  *testing.T // the test of all scenarios
	built programs
	nodes []*node
	load  *clusterLoad
	api   caller

	mu   sync.Mutex // guards what follows
	plan map[string]clustered
	took map[ledgerKey][]time.Time // when a request was answered with 204

	told   int      // requests made of the API, each under a key of its own
	late   int      // how often endpoints were added
	blows  []*blow  // in the order they fell
	joined []string // names of the roles that know the last node only
	others string   // the servers that the other roles know
}

// startCluster runs three servers, and the roles on them with three replicas.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	built, dir := build(t, "tidings", "nats-server"), t.TempDir()
	c := &cluster{root: t, built: built, nodes: nodes(t, built), plan: clusterPlan(), took: map[ledgerKey][]time.Time{}, joined: []string{"fanout-2", "dispatcher-2"}}
	c.fleet = newFleet(t, nil, c.answer)
	for _, n := range c.nodes {
		n.start()
	}
	for _, n := range c.nodes {
		n.says("Server is ready")
	}
	urls := []string{c.nodes[0].url(), c.nodes[1].url(), c.nodes[2].url()}
	c.others = strings.Join(urls[:2], ",")
	c.connect(c.others)
	c.await("the cluster has a leader", func() bool { return c.metaLeader() != "" })
	address := freeAddress(t)
	c.api = caller{t, "http://" + address, mortalToken}
	// The servers tell clients of one another. Those that are given two servers, or
	// one, stay with them as long as they are there.
	for _, role := range []struct {
		name, url string
		flags     []string
	}{
		{"api", c.others, []string{"--roles", "api", "--http-addr", address, "--config", c.file(dir)}},
		{"fanout-1", c.others, []string{"--roles", "fanout"}},
		{"dispatcher-1", c.others, []string{"--roles", "dispatcher"}},
		{"fanout-2", urls[2], []string{"--roles", "fanout"}},
		{"dispatcher-2", urls[2], []string{"--roles", "dispatcher"}},
	} {
		p := c.add(role.name, built, append(role.flags, "--replicas", "3", "--nats-url", role.url)...)
		p.env = append(p.env, "TIDINGS_ADMIN_TOKEN="+mortalToken)
		p.running()
	}
	c.load = newClusterLoad(t, urls[0], urls[2], c.others, c.others)
	c.past(1500)
	c.healthy()
	return c
}

// past publishes so many events that no endpoint gets as they come.
func (c *cluster) past(events int) {
	var wg sync.WaitGroup
	for _, pub := range c.load.pubs {
		wg.Go(func() {
			for range events / len(c.load.pubs) {
				c.load.post(c.t.Context(), pub, clusterTenant(0), oldType)
			}
		})
	}
	wg.Wait()
}

// file writes the tidings.yaml into dir.
func (c *cluster) file(dir string) (path string) {
	var b strings.Builder
	b.WriteString("tenants:\n")
	for n := range clusterTenants {
		fmt.Fprintf(&b, "  - id: %s\n    endpoints:\n", clusterTenant(n))
		for id, e := range c.plan {
			if e.tenant == clusterTenant(n) {
				fmt.Fprintf(&b, "      - {id: %s, url: \"http://%s/%[1]s\", secrets: [{value: %[3]s}], policy: %[4]s, subscribe: [%[5]s]}\n",
					id, c.receiver.addr, testSecret, e.policy, strings.Join(e.types, ", "))
			}
		}
	}
	path = filepath.Join(dir, "tidings.yaml")
	writeFile(c.t, path, b.String())
	return path
}

// in makes t the test that waits for the processes and complains.
func (c *cluster) in(t *testing.T) {
	c.t, c.receiver.t, c.load.t, c.api.t = t, t, t, t
	for _, p := range c.processes {
		p.t = t
	}
	for _, n := range c.nodes {
		n.t = t
	}
}

// answer gives each endpoint the trouble that it is named after.
func (c *cluster) answer(q request) int {
	status := http.StatusNoContent
	switch {
	case q.endpoint == "ep_slow":
		<-time.After(250 * time.Millisecond)
	case q.endpoint == "ep_failing" && number(q.event)%5 == 0 && q.nth <= 3,
		q.endpoint == "ep_fifo" && rand.IntN(100) < 3,
		q.endpoint == "ep_dying" && number(q.event)%10 == 0:
		status = http.StatusInternalServerError
	case q.endpoint == "ep_dying": // at once: one that does nothing but fail is served slowly
		status = http.StatusBadRequest
	}
	if status == http.StatusNoContent {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.took[q.ledgerKey] = append(c.took[q.ledgerKey], time.Now())
	}
	return status
}

// expect adds an endpoint to the plan.
func (c *cluster) expect(name string, e clustered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plan[name] = e
}

// endpoint makes an endpoint over the API, with a subscription, and returns its
// path. Events that are published from then on must come there, and those before
// if the subscription asks for them.
func (c *cluster) endpoint(name string, e clustered, subscription fields) (path string) {
	c.t.Helper()
	tenant := "/v1/tenants/" + string(e.tenant)
	subscription["types"] = e.types
	if subscription["deliver_from"] == nil {
		e.since = time.Now().Add(time.Hour)
	}
	c.expect(name, e) // from now on its events may come
	subscription["endpoint"] = c.tell(tenant+"/endpoints", fields{"name": name, "url": "http://" + c.receiver.addr + "/" + name})["id"]
	c.tell(tenant+"/subscriptions", subscription)
	if !e.since.IsZero() {
		e.since = time.Now()
		c.expect(name, e)
	}
	return fmt.Sprintf("%s/endpoints/%v", tenant, subscription["endpoint"])
}

// tell posts to the API until it does what it is told. A request that is made
// again has the same key, so that it is done once.
func (c *cluster) tell(path string, body fields) (answer map[string]any) {
	c.t.Helper()
	c.told++
	key := fmt.Sprintf("key-%d", c.told)
	var failed error
	c.await("POST "+path, func() bool {
		answer, failed = c.api.postOnce(path, key, body)
		return failed == nil
	})
	return answer
}

// alive complains about processes that have ended by themselves.
func (c *cluster) alive() {
	c.t.Helper()
	for name, p := range c.processes {
		select {
		case <-p.life.ended:
			c.t.Errorf("%s has ended by itself, with exit code %d", name, p.life.code)
			p.running()
		default:
		}
	}
}

// postOnce posts once, under a key by which a repeat is known.
func (c caller) postOnce(path, key string, body fields) (answer map[string]any, err error) {
	payload := []byte{}
	if body != nil {
		if payload, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // read only
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s: %v", response.Status, answer)
	}
	return answer, nil
}
