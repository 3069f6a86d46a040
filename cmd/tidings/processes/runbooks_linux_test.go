package processes

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"syscall"
	"testing"
)

// exercises are of all runbooks, by name.
var exercises = map[string]func(*testing.T, programs){
	"stuck-partition": stuckPartition,
	"hot-tenant":      hotTenant,
	"mass-outage":     massOutage,
	"poisoned-deploy": poisonedDeploy,
	"full-disk":       fullDisk,
	"lost-quorum":     lostQuorum,
	"key-compromise":  keyCompromise,
}

// TestRunbooks brings about what each runbook of deploy/runbooks is for, on real
// processes, and does what it says. Nothing that was accepted is lost.
func TestRunbooks(t *testing.T) {
	t.Parallel() // it waits most of the time
	built := build(t, "tidings", "tidings-faults", "nats-server")
	for name, exercise := range exercises {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			exercise(t, built)
		})
	}
}

// stuckPartition stops a dispatcher as a debugger does, while it has work.
func stuckPartition(t *testing.T, built programs) {
	p := fleetOnHost(t, built)
	for i := range 8 {
		p.endpoint("acme", fmt.Sprintf("ep-%d", i), nil)
	}
	p.publish("acme", 20)
	b := p.open("stuck-partition")
	if err := p.units["tidings@dispatcher-1"].life.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.publish("acme", 20)
	b.follow("Look")
	p.publish("acme", 20)
	b.follow("Do")
	p.publish("acme", 20)
	b.follow("Over")
	p.settled()
	b.close()
}

// hotTenant has one tenant publish as fast as it can, until it is refused, while others
// publish as ever.
func hotTenant(t *testing.T, built programs) {
	p := fleetOnHost(t, built)
	for _, tenant := range []string{"acme", "bolt", "cork"} {
		p.endpoint(tenant, "ep-"+tenant, nil)
	}
	end := p.load(4, "acme")
	p.publish("bolt", 20)
	p.publish("cork", 10)
	b := p.open("hot-tenant")
	b.follow("Look")
	b.follow("Do")
	p.publish("bolt", 20)
	b.follow("Over")
	end()
	b.follow("Afterwards")
	p.publish("acme", 30) // more than the bound would let in
	p.settled()
	b.close()
}

// massOutage has half of the receivers refuse all for a while, one of them with
// deliveries that give up at once.
func massOutage(t *testing.T, built programs) {
	p := fleetOnHost(t, built)
	refuse := func(int) int { return http.StatusServiceUnavailable }
	for i := range 10 {
		var policy fields
		if i == 0 {
			policy = fields{"retry": []string{}}
		}
		p.endpoint("acme", fmt.Sprintf("ep-%d", i), policy)
	}
	p.publish("acme", 20)
	p.settled()
	for i := range 5 {
		p.answers(fmt.Sprintf("ep-%d", i), refuse)
	}
	p.publish("acme", 20)
	b := p.open("mass-outage")
	b.follow("Look")
	b.follow("Do")
	p.publish("acme", 20)
	for i := range 5 {
		p.answers(fmt.Sprintf("ep-%d", i), nil)
	}
	b.follow("They are back")
	b.follow("Over")
	p.settled()
	b.close()
}

// poisonedDeploy gives both dispatchers a version that dies of every third delivery that
// it gives up, and a setting by which it gives up all of some endpoints'.
func poisonedDeploy(t *testing.T, built programs) {
	p := fleetOnHost(t, built)
	for _, tenant := range []string{"acme", "bolt"} {
		for i := range 4 { // on partitions of both
			p.endpoint(tenant, fmt.Sprintf("ep-%s-once-%d", tenant, i), fields{"retry": []string{}})
		}
		p.endpoint(tenant, "ep-"+tenant+"-again", fields{"retry": slices.Repeat([]string{"1s"}, 100), "breaker": "off"})
	}
	p.publish("acme", 10)
	p.settled()
	poison := func(from, to string) {
		t.Helper()
		if err := errors.Join(os.Rename(from, from+".before"), os.Link(to, from)); err != nil {
			t.Fatal(err)
		}
	}
	poison(p.bin+"/tidings", p.bin+"/tidings-faults")
	for _, name := range []string{"tidings@dispatcher-1", "tidings@dispatcher-2"} {
		settings := p.units[name].settings
		before, err := os.ReadFile(settings)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, settings+".new", string(before)+"TIDINGS_EGRESS_PORTS=443\nTIDINGS_FAULT=attempt.last:3\n")
		poison(settings, settings+".new")
		if said, err := p.run("systemctl restart " + name); err != nil {
			t.Fatal(said, err)
		}
	}
	p.publish("acme", 20)
	p.publish("bolt", 20)
	b := p.open("poisoned-deploy")
	b.follow("Look")
	b.follow("Do")
	b.follow("Over")
	p.publish("acme", 10)
	b.follow("Send again what died")
	p.settled()
	b.close()
}
