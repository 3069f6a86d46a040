package processes

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRestoreElsewhere restores what one server had onto a cluster of three, and what
// that has onto one again. Each time the pipe goes on, and what is running is not
// written over.
func TestRestoreElsewhere(t *testing.T) {
	t.Parallel() // it waits most of the time
	built := build(t, "nats-server")
	d, stop := beginWreck(t)
	d.reach(200)
	stop()
	d.run("tidings backup --streams backups/one && cp data/secrets.key elsewhere/secrets.key")
	d.processes["all"].kill()

	servers := nodes(t, built)
	urls := make([]string, len(servers))
	for i, n := range servers {
		n.start()
		urls[i] = n.url()
	}
	for _, n := range servers {
		n.says("Server is ready")
	}
	url := strings.Join(urls, ",")
	three := "tidings restore backups/one --replicas 3 --nats-url " + url
	for end := time.Now().Add(waitLimit); ; <-time.After(time.Second) { // until the cluster has a leader
		_, err := d.try(three)
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if _, err := d.try(three); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("it is restored twice: %v", err)
	}
	d.flags = append(d.flags, "--nats-url", url, "--replicas", "3", "--secrets-key-file", filepath.Join("elsewhere", "secrets.key"))
	d.begin("three")
	d.connect(url)
	d.goesOn("e-three")
	d.drained()
	lost, _ := d.missing(d.accepted.ids)
	if total(lost) > 0 {
		t.Errorf("%d deliveries are lost", total(lost))
	}
	d.replicas(3)

	d.run("tidings backup --streams backups/three --nats-url " + url)
	d.processes["all"].kill()
	d.run("tidings restore backups/three --into again && cp elsewhere/secrets.key again/secrets.key")
	d.flags = d.flags[:len(d.flags)-6]
	d.begin("again")
	d.connect("nats://" + d.flags[1])
	d.goesOn("e-again")
	d.replicas(1)
}

// replicas wants each stream to have so many.
func (d *wreck) replicas(want int) {
	d.shell.t.Helper()
	ctx, cancel := context.WithTimeout(d.shell.t.Context(), waitLimit)
	defer cancel()
	list, count := d.js.ListStreams(ctx), 0
	for s := range list.Info() {
		if count++; s.Config.Replicas != want {
			d.shell.t.Errorf("%s has %d replicas, want %d", s.Config.Name, s.Config.Replicas, want)
		}
	}
	if err := list.Err(); err != nil || count < 10 {
		d.shell.t.Errorf("%d streams, %v", count, err)
	}
}
