package processes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// node is one NATS server of a cluster of three.
type node struct {
	*process
	clients *wire   // to the address it listens on
	routes  []*wire // from the other nodes, and to them
	monitor string  // address of its monitoring
}

// url is where clients find it, and it tells clients of no other address.
func (n *node) url() string { return "nats://" + n.clients.addr }

// cutOff cuts a node off from the others; its clients stay connected.
func (n *node) cutOff(s wireState) {
	for _, w := range n.routes {
		w.set(s)
	}
}

// nodes makes the servers of a cluster, which do not run yet. They reach one
// another over wires alone: what they tell one another of their addresses is
// where nobody listens.
func nodes(t *testing.T, built programs) []*node {
	t.Helper()
	all := make([]*node, 3)
	listen := make([]string, len(all)) // for routes
	for i := range all {
		listen[i] = freeAddress(t)
		all[i] = &node{clients: lay(t, freeAddress(t)), monitor: freeAddress(t)}
	}
	nobody := freeAddress(t)
	for i, n := range all {
		var routes []string
		for j, other := range all {
			if i == j {
				continue
			}
			w := lay(t, listen[j])
			n.routes, other.routes = append(n.routes, w), append(other.routes, w)
			routes = append(routes, fmt.Sprintf("%q", "nats-route://"+w.addr))
		}
		dir, name := t.TempDir(), fmt.Sprintf("nats-%d", i)
		conf := filepath.Join(dir, "nats.conf")
		writeFile(t, conf, fmt.Sprintf(`
server_name: %s
listen: %q
client_advertise: %q
http: %q
max_payload: 2MB
write_deadline: "10s"
lame_duck_grace_period: "5s"
lame_duck_duration: "30s"
jetstream { store_dir: %q, max_memory_store: 256MB, max_file_store: 8GB }
cluster { name: tidings, listen: %q, cluster_advertise: %q, routes: [%s] }
`, name, n.clients.to, n.clients.addr, n.monitor, dir, listen[i], nobody, strings.Join(routes, ", ")))
		n.process = newProcess(t, name, built["nats-server"], "-c", conf)
	}
	return all
}

// lameDuck has a node hand over what it leads, send its clients away and end.
func (n *node) lameDuck() {
	n.t.Helper()
	if err := n.life.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		n.t.Fatal(err)
	}
	select {
	case <-n.life.ended:
	case <-time.After(waitLimit):
		n.t.Fatalf("%s still runs %s after it was asked to leave", n.name, waitLimit)
	}
}

// ask reads a page of the node's monitoring; healthy is whether it answers 200.
func (n *node) ask(ctx context.Context, page string) (answer []byte, healthy bool) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.monitor+page, nil)
	if err != nil {
		return nil, false
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, false
	}
	defer response.Body.Close() //nolint:errcheck // read only
	answer, err = io.ReadAll(response.Body)
	return answer, err == nil && response.StatusCode == http.StatusOK
}

// metaLeader is the name of the node that leads the cluster's own group.
func (c *cluster) metaLeader() string {
	for _, n := range c.nodes {
		answer, ok := n.ask(c.t.Context(), "/jsz")
		var j struct {
			Meta struct {
				Leader string `json:"leader"`
			} `json:"meta_cluster"`
		}
		if ok && json.Unmarshal(answer, &j) == nil && j.Meta.Leader != "" {
			return j.Meta.Leader
		}
	}
	return ""
}

// leader is the node that leads a stream, or the meta group if stream is empty.
func (c *cluster) leader(stream string) *node {
	c.t.Helper()
	name := ""
	c.await("a leader of "+stream, func() bool {
		if stream == "" {
			name = c.metaLeader()
		} else if s, err := c.js.Stream(c.t.Context(), stream); err == nil && s.CachedInfo().Cluster != nil {
			name = s.CachedInfo().Cluster.Leader
		}
		return name != ""
	})
	i := slices.IndexFunc(c.nodes, func(n *node) bool { return n.name == name })
	if i < 0 {
		c.t.Fatalf("%s is led by %q", stream, name)
	}
	return c.nodes[i]
}

// lead makes a node the leader of a stream.
func (c *cluster) lead(stream string, n *node) {
	c.t.Helper()
	c.await(n.name+" leads "+stream, func() bool {
		if c.leader(stream) == n {
			return true
		}
		_, _ = c.nc.Request("$JS.API.STREAM.LEADER.STEPDOWN."+stream, // the next look tells
			fmt.Appendf(nil, `{"placement":{"preferred":%q}}`, n.name), time.Second)
		return false
	})
}

// healthy waits until every node says that all it has of JetStream is current,
// and every stream has a leader and two replicas that follow it.
func (c *cluster) healthy() {
	c.t.Helper()
	c.await("the cluster is healthy", func() bool {
		for _, n := range c.nodes {
			if _, ok := n.ask(c.t.Context(), "/healthz"); !ok {
				return false
			}
		}
		for _, name := range clusterStreams() {
			s, err := c.js.Stream(c.t.Context(), name)
			if err != nil || !follows(s.CachedInfo().Cluster) {
				return false
			}
		}
		return true
	})
}

// follows reports whether a stream has a leader and two replicas that are current.
func follows(c *jetstream.ClusterInfo) bool {
	lags := func(p *jetstream.PeerInfo) bool { return !p.Current || p.Offline }
	return c != nil && c.Leader != "" && len(c.Replicas) == 2 && !slices.ContainsFunc(c.Replicas, lags)
}

func clusterStreams() []string {
	names := []string{
		schemas.StreamEvents, schemas.StreamDead,
		"KV_" + schemas.BucketRegistry, "KV_" + schemas.BucketMembers, "KV_" + schemas.BucketIdempotency,
	}
	for shard := range fleetLayout.Shards {
		names = append(names, schemas.DeliveriesShard(shard))
	}
	return names
}

// await waits for something.
func (c *cluster) await(what string, is func() bool) {
	c.t.Helper()
	deadline := time.Now().Add(waitLimit)
	for !is() {
		if time.Now().After(deadline) {
			c.t.Fatalf("not so after %s: %s\n%s", waitLimit, what, c.diagnosis())
		}
		<-time.After(100 * time.Millisecond)
	}
}
