//go:build unix

package processes

import (
	"strings"
	"syscall"
	"time"

	"github.com/tidings-dev/tidings/config/streams"
)

// kind is what a disaster does.
type kind string

const (
	kills       kind = "killed"
	killsNewest kind = "killed while starting" // and before
	killsTwo    kind = "killed together"
	pauses      kind = "paused"
	jumps       kind = "jumped" // not in the deck
)

// chaosDeck are the kinds of disaster in so many rounds. They come in another
// order each time.
var chaosDeck = []kind{kills, kills, kills, kills, killsNewest, killsTwo, killsTwo, pauses}

// disaster is one that has befallen somebody.
type disaster struct {
	kind    kind
	victims []room
	hit     time.Time
	healed  time.Time // all work again
}

func (d disaster) String() string {
	names := make([]string, len(d.victims))
	for i, v := range d.victims {
		names[i] = v.name
	}
	return strings.Join(names, " and ") + " " + string(d.kind)
}

// pauseTime is how long somebody is paused: longer than what they have in their
// hands is theirs, and than they count as alive.
const pauseTime = max(streams.AckWait, streams.MemberTTL) + 2*time.Second

// disaster has the next one happen, and everybody work again.
func (c *chaos) disaster() {
	c.t.Helper()
	if len(c.deck) == 0 {
		for _, i := range c.random.Perm(len(chaosDeck)) {
			c.deck = append(c.deck, chaosDeck[i])
		}
	}
	d := disaster{kind: c.deck[0]}
	c.deck = c.deck[1:]
	order := c.random.Perm(len(c.rooms))
	d.victims = []room{c.rooms[order[0]]}
	switch {
	case d.kind != killsTwo:
	case len(order) == 1:
		d.kind = kills
	default:
		d.victims = append(d.victims, c.rooms[order[1]])
	}
	if len(d.victims) > 1 && d.victims[1].broker {
		d.victims[0], d.victims[1] = d.victims[1], d.victims[0] // the others do not start without it
	}
	away := time.Duration(c.random.IntN(int(moment)))
	d.hit = time.Now()
	if d.kind == pauses {
		c.pause(d.victims[0])
	} else {
		c.kill(d, away)
	}
	d.healed = time.Now()
	c.disasters = append(c.disasters, d)
	c.t.Logf("%s: %s, away for %s", d.hit.Format("05.000"), d, d.healed.Sub(d.hit).Round(time.Millisecond))
	c.allLive()
}

func (c *chaos) pause(victim room) {
	c.t.Helper()
	process := c.processes[victim.name].life.cmd.Process
	for _, s := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := process.Signal(s); err != nil {
			c.t.Fatalf("%s %s: %v", s, victim.name, err)
		}
		if s == syscall.SIGSTOP {
			<-time.After(pauseTime)
		}
	}
}

func (c *chaos) kill(d disaster, away time.Duration) {
	c.t.Helper()
	for _, v := range d.victims {
		c.processes[v.name].kill()
	}
	<-time.After(away)
	if d.kind == killsNewest {
		p := c.processes[d.victims[0].name]
		p.start()
		<-time.After(away)
		p.kill()
	}
	for _, v := range d.victims {
		c.restart(v.name)
	}
}

// allLive wants nobody to have ended but by a disaster.
func (c *chaos) allLive() {
	c.t.Helper()
	for _, r := range c.rooms {
		p := c.processes[r.name]
		select {
		case <-p.life.ended:
			c.t.Errorf("%s has ended by itself, with exit code %d:\n%s", r.name, p.life.code, lastLines(p.life.out.String(), 15))
			c.restart(r.name)
		default:
		}
	}
}
