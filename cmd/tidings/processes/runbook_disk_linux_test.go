package processes

import (
	"strings"
	"testing"
)

// fullDisk fills the disk of a pipe that is one process: nearly, and then to the last
// byte.
func fullDisk(t *testing.T, built programs) {
	d := startDisk(t, diskSize)
	p := onHost(newHost(t, built))
	p.stands("/var/lib/private", d.here)
	p.stands("/var/lib/private", d.dir)
	p.program("df", "#!/bin/sh\nexec "+strings.Join(d.enter, " ")+" /usr/bin/env -u PATH df \"$1\" "+d.dir+"\n")
	u := p.unit("tidings", p.role("127.0.0.1:8080", "all", "TIDINGS_NATS_LISTEN=", "TIDINGS_DATA_DIR="+d.dir+"/tidings"), p.bin+"/tidings", "run")
	d.run(u.process)
	p.ready(u)
	p.endpoint("acme", "ep-acme", nil)
	p.publish("acme", 50)
	b := p.open("full-disk")
	d.fill(diskSize << 20 / 40) // half of what is kept free
	b.until(`tidings ready --http-addr 127.0.0.1:8080`, "nearly full")
	b.follow("Look")
	b.follow("Do")
	p.publish("acme", 50)
	end := p.load(2, "acme")
	d.fill(0)
	b.follow("It has ended")
	p.publish("acme", 50)
	end()
	b.follow("Over")
	p.settled()
	b.close()
}
