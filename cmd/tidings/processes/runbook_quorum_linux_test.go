package processes

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// quorumHost is three machines with a NATS server each, and the roles on them.
func quorumHost(t *testing.T, built programs) *pipeHost {
	t.Helper()
	p := onHost(newHost(t, built))
	var routes, urls []string
	listen := make([]string, 3)
	for i := range listen {
		listen[i] = freeAddress(t)
		routes = append(routes, fmt.Sprintf("%q", "nats-route://"+listen[i]))
	}
	for i := range listen {
		machine := fmt.Sprintf("nats-%d", i)
		address, monitor, conf := freeAddress(t), freeAddress(t), filepath.Join(p.etc, "nats", machine+".conf")
		urls = append(urls, "nats://"+address)
		writeFile(t, conf, fmt.Sprintf(`
server_name: %s
listen: %q
http: %q
max_payload: 2MB
jetstream { store_dir: %q, max_memory_store: 256MB, max_file_store: 1GB }
cluster { name: tidings, listen: %q, routes: [%s] }
`, machine, address, monitor, t.TempDir(), listen[i], strings.Join(routes, ", ")))
		writeFile(t, filepath.Join(p.dir, machine), monitor)
		u := p.unit(machine+"/nats", nil, p.bin+"/nats-server", "-c", conf)
		p.host.mu.Lock()
		p.up(u)
		p.host.mu.Unlock()
	}
	// What is at a machine's own address is elsewhere here, and its units have its name.
	p.program("ssh", fmt.Sprintf(`#!/bin/sh
machine=$1; shift
for a; do set -- "$@" "$(printf %%s "$a" | sed "s|127.0.0.1:8222|$(cat %s/$machine)|")"; shift; done
UNIT_OF=$machine/ exec "$@"
`, p.dir))
	for i := range listen {
		p.until(fmt.Sprintf("ssh nats-%d curl -sS 127.0.0.1:8222/healthz", i), `"ok"`)
	}
	for _, r := range [][3]string{
		{"api", "127.0.0.1:8080", "api"},
		{"fanout", "127.0.0.1:8083", "fanout"},
		{"dispatcher", "127.0.0.1:8081", "dispatcher"},
	} {
		p.ready(p.unit("tidings@"+r[0], p.role(r[1], r[2], "TIDINGS_NATS_URL="+strings.Join(urls, ","), "TIDINGS_REPLICAS=3"), p.bin+"/tidings", "run"))
	}
	return p
}

// lostQuorum kills two of three servers while events come.
func lostQuorum(t *testing.T, built programs) {
	p := quorumHost(t, built)
	for i := range 4 {
		p.endpoint("acme", fmt.Sprintf("ep-%d", i), nil)
	}
	p.publish("acme", 40)
	end := p.load(2, "acme")
	for _, machine := range []string{"nats-1", "nats-2"} {
		p.host.mu.Lock()
		u := p.units[machine+"/nats"]
		u.wanted = false // the machine is gone, and systemd with it
		p.host.mu.Unlock()
		u.kill()
	}
	b := p.open("lost-quorum")
	b.follow("Look")
	b.follow("Do")
	p.publish("acme", 40)
	b.follow("Over")
	end()
	p.settled()
	b.close()
}
