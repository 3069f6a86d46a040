//go:build unix

package processes

import (
	"fmt"
	"syscall"
	"testing"
)

// TestRunbooks brings about what each runbook of deploy/runbooks is for, on real
// processes, and does what it says. Nothing that was accepted is lost.
func TestRunbooks(t *testing.T) {
	t.Parallel() // it waits most of the time
	built := build(t, "tidings", "nats-server")
	for name, exercise := range map[string]func(*testing.T, programs){
		"stuck-partition": stuckPartition,
	} {
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
