package processes

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

// clusterLong asks for every scenario, each with a ledger of its own.
var clusterLong = flag.Bool("cluster.long", false, "run every scenario of TestCluster, and settle the ledger after each: about 15 minutes")

// clusterLogs is where to look when something went wrong.
var clusterLogs = flag.String("cluster.logs", "", "write all that the processes of TestCluster said into this folder")

// scenario is one thing that befalls a cluster. Strike returns once the pipe works
// again and all servers run.
type scenario struct {
	name   string
	short  bool // runs without -cluster.long too
	apart  bool // begins with every client at the servers that it knows: see attach
	strike func(*cluster)
}

var scenarios = []scenario{
	{"leader of EVENTS killed", false, false, func(c *cluster) { c.killLeader(schemas.StreamEvents) }},
	{"leader of a delivery shard killed", false, false, func(c *cluster) { c.killLeader(schemas.DeliveriesShard(0)) }},
	{"leader of the cluster killed", false, false, func(c *cluster) { c.killLeader("") }},
	{"leader cut off, with clients", true, true, (*cluster).cutLeader},
	{"node vanished", false, true, (*cluster).vanish},
	{"rolling restart", false, false, (*cluster).roll},
	{"two of three killed", true, false, (*cluster).loseQuorum},
	{"all killed", false, false, (*cluster).killAll},
}

// TestCluster has three NATS servers and the roles with three replicas go through
// what befalls clusters, while events flow. In the end each event that a publisher
// knows as stored was taken at every endpoint that it matches, or lies in DEAD.
func TestCluster(t *testing.T) {
	c := startCluster(t)
	defer c.in(t) // clean-ups complain to it
	t.Cleanup(c.keepLogs)
	for _, s := range scenarios {
		if !s.short && !*clusterLong {
			continue
		}
		ok := t.Run(s.name, func(t *testing.T) {
			c.in(t)
			c.undergo(s)
			if *clusterLong {
				c.judge()
			}
		})
		if !ok {
			t.FailNow() // the next would find what this one left
		}
	}
	c.in(t)
	c.judge()
	c.stop()
}

// keepLogs writes down what was said, if that is asked for.
func (c *cluster) keepLogs() {
	if *clusterLogs == "" {
		return
	}
	for _, n := range c.nodes {
		writeFile(c.root, filepath.Join(*clusterLogs, n.name+".log"), n.said())
	}
	for name, p := range c.processes {
		writeFile(c.root, filepath.Join(*clusterLogs, name+".log"), p.said())
	}
}

// judge settles the ledger.
func (c *cluster) judge() {
	c.t.Helper()
	t := c.settle()
	c.ordered("ep_fifo")
	c.t.Logf("%s\ntaken more than once: %s", c.report(t), c.repeated())
}

// undergo runs a scenario while events flow, retries are pending, an endpoint is
// paused and a history is under way.
func (c *cluster) undergo(s scenario) {
	c.t.Helper()
	c.blows = append(c.blows, &blow{name: s.name})
	b := c.struck() // the scenario says so once more
	if s.apart {
		c.attach()
	}
	c.load.start()
	paused := clustered{planned: planned{types: clusterTypes[2:]}, tenant: clusterTenant(0)}
	path := c.endpoint(fmt.Sprintf("paused_%d", len(c.blows)), paused, fields{})
	c.tell(path+"/pause", nil)
	<-time.After(2 * time.Second) // retries begin to wait

	history := clustered{planned: planned{types: []string{oldType, clusterTypes[0]}}, tenant: clusterTenant(0)}
	c.endpoint(fmt.Sprintf("history_%d", len(c.blows)), history, fields{"deliver_from": "all"})
	s.strike(c)
	c.healthy()
	b.healed = time.Now()
	c.tell(path+"/resume", nil)
	<-time.After(time.Second)
	c.load.stop()
	c.measure(b)
	c.alive()
	c.t.Logf("published again after %s, delivered after %s, healed after %s; %d calls of publishers were refused",
		b.published, b.delivered, b.healed.Sub(b.fell), b.refused)
}

// killLeader kills who leads a stream, and starts it again.
func (c *cluster) killLeader(stream string) {
	n := c.leader(stream)
	c.struck()
	n.kill()
	c.recovered(c.blows[len(c.blows)-1].fell)
	n.start()
	n.says("Server is ready")
}

// cutTime is how long a node is cut off at least: longer than leaders take to
// notice, and than members are waited for.
const cutTime = 15 * time.Second

// cutLeader cuts off a node that leads what matters, and has clients that stay
// with it. The others go on without it. Then it is all there is for the clients
// that were cut off with it.
func (c *cluster) cutLeader() {
	n := c.nodes[len(c.nodes)-1]
	for _, stream := range []string{schemas.StreamEvents, schemas.DeliveriesShard(0), "KV_" + schemas.BucketRegistry} {
		c.lead(stream, n)
	}
	b := c.struck()
	n.cutOff(silent)
	c.recovered(b.fell)
	c.lateEndpoints() // which those that are cut off hear of later
	<-time.After(time.Until(b.fell.Add(cutTime)))
	n.cutOff(whole)
	c.healthy()
	for _, name := range []string{"fanout-1", "dispatcher-1"} {
		c.leave(name)
	}
	c.recovered(time.Now())
	for _, name := range []string{"fanout-1", "dispatcher-1"} {
		c.restart(name)
	}
}

// vanish cuts a node off from its clients too: nobody is told that it is gone.
func (c *cluster) vanish() {
	n := c.nodes[len(c.nodes)-1]
	c.lead(schemas.StreamEvents, n)
	b := c.struck()
	n.cutOff(silent)
	n.clients.set(silent)
	c.recovered(b.fell)
	for _, name := range c.joined { // by themselves
		c.processes[name].says("nats connection restored")
	}
	c.lateEndpoints()
	n.cutOff(whole)
	n.clients.set(whole)
}

// attach makes those that know the last server only its clients, and all others
// clients of the others: they may have moved.
func (c *cluster) attach() {
	c.t.Helper()
	for name := range c.processes {
		c.leave(name)
		c.restart(name)
	}
	t := c.t
	c.t = c.root // the connection outlives the scenario
	c.connect(c.others)
	c.t = t
	c.load.connect()
}

// lateEndpoints adds an endpoint for each tenant, that gets all from now on.
func (c *cluster) lateEndpoints() {
	c.late++
	for n := range clusterTenants {
		e := clustered{planned: planned{types: clusterTypes}, tenant: clusterTenant(n)}
		c.endpoint(fmt.Sprintf("late_%d_%d", c.late, n), e, fields{})
	}
}

// roll restarts one server after the other, as an operator does.
func (c *cluster) roll() {
	c.struck()
	for _, n := range c.nodes {
		n.lameDuck()
		n.start()
		n.says("Server is ready")
		c.healthy()
	}
}

// downTime is how long there is no majority.
const downTime = 3 * postGiveUp

// loseQuorum kills two servers, and wants no event acknowledged until one is back.
func (c *cluster) loseQuorum() {
	first := c.leader(schemas.StreamEvents)
	var second *node
	for _, n := range c.nodes {
		if n != first {
			second = n
		}
	}
	first.kill()
	second.kill()
	b := c.struck()
	// Who starts now waits, and says for what.
	late := c.add("late", c.built, "--roles", "dispatcher", "--replicas", "3", "--nats-url", strings.Join(c.load.urls, ","))
	late.start()
	late.says("msg=waiting")
	<-time.After(time.Until(b.fell.Add(downTime)))
	b.regained = time.Now()
	c.nothingStored(b)
	first.start()
	c.recovered(b.regained)
	second.start()
	second.says("Server is ready")
	late.says("msg=running")
	c.leave("late")
	delete(c.processes, "late")
}

// killAll kills all servers at once.
func (c *cluster) killAll() {
	for _, n := range c.nodes {
		n.kill()
	}
	b := c.struck()
	<-time.After(downTime)
	b.regained = time.Now()
	c.nothingStored(b)
	for _, n := range c.nodes {
		n.start()
	}
	c.recovered(b.regained)
}

// nothingStored wants that publishers were told of no event since the blow that
// it is stored, but that they cannot be served.
func (c *cluster) nothingStored(b *blow) {
	c.t.Helper()
	for _, p := range c.load.events() {
		if p.sent.After(b.fell) && !p.stored.IsZero() && p.stored.Before(b.regained) {
			c.t.Errorf("event %s was acknowledged at %s: no majority can have stored it", p.event.ID(), p.stored)
		}
	}
	errs := c.load.told(b.fell, b.regained)
	if len(errs) == 0 {
		c.t.Error("no publisher was told that its event is not stored")
	}
	said := map[string]int{}
	for _, err := range errs {
		var failed *producers.PublishError
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), "no acknowledgement within") {
			c.t.Errorf("a publisher was told %v", err)
		}
		_, why, _ := strings.Cut(err.Error(), "no acknowledgement")
		said[why]++
	}
	c.t.Logf("publishers were told: no acknowledgement%v", said)
}
