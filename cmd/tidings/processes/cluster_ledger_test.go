package processes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// blow is one scenario: what befell the cluster, when, and what it cost.
type blow struct {
	name     string
	fell     time.Time
	regained time.Time // when the servers that are needed were back; fell if they never went
	healed   time.Time // when every replica was current again

	published, delivered time.Duration // from regained to the first of an event sent after it
	everywhere           time.Duration // likewise, until each tenant had one delivered
	pause                time.Duration // the longest time without any acknowledgement
	refused              int           // calls of publishers that failed
	events               int
}

// struck notes that the blow falls now.
func (c *cluster) struck() *blow {
	b := c.blows[len(c.blows)-1]
	b.fell = time.Now()
	b.regained = b.fell
	return b
}

// recovered waits until an event that was published since is stored, and one is
// delivered.
func (c *cluster) recovered(since time.Time) {
	c.t.Helper()
	c.await("an event is stored and delivered again", func() bool {
		stored, delivered := c.recovery(since)
		return !stored.IsZero() && !delivered.IsZero()
	})
}

// recovery is when the first event of those published since was acknowledged,
// and when the first was delivered.
func (c *cluster) recovery(since time.Time) (stored, delivered time.Time) {
	first := func(known *time.Time, at time.Time) {
		if known.IsZero() || at.Before(*known) {
			*known = at
		}
	}
	sent := map[string]bool{}
	for _, p := range c.load.events() {
		if p.sent.After(since) {
			sent[p.event.ID()] = true
			if !p.stored.IsZero() {
				first(&stored, p.stored)
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, at := range c.took {
		if sent[key.event] {
			first(&delivered, at[0])
		}
	}
	return stored, delivered
}

// everywhere is when each tenant had got an event that was published since.
func (c *cluster) everywhere(since time.Time) (last time.Time) {
	events := c.load.events()
	c.mu.Lock()
	defer c.mu.Unlock()
	for n := range clusterTenants {
		var first time.Time
		for _, p := range events {
			at := c.took[ledgerKey{fmt.Sprintf("ep_well_%d", n), p.event.ID()}]
			if p.tenant == clusterTenant(n) && p.sent.After(since) && len(at) > 0 && (first.IsZero() || at[0].Before(first)) {
				first = at[0]
			}
		}
		if first.After(last) {
			last = first
		}
	}
	return last
}

// measure fills in what a blow cost, once its load has ended.
func (c *cluster) measure(b *blow) {
	stored, delivered := c.recovery(b.regained)
	b.published, b.delivered = stored.Sub(b.regained), delivered.Sub(b.regained)
	b.everywhere = c.everywhere(b.regained).Sub(b.regained)
	b.refused = len(c.load.told(b.fell, time.Now()))
	times := []time.Time{b.fell}
	for _, p := range c.load.events() {
		if p.stored.After(b.fell) {
			times = append(times, p.stored)
			b.events++
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	for i := range times[1:] {
		b.pause = max(b.pause, times[i+1].Sub(times[i]))
	}
}

// tally is what became of all deliveries so far.
type tally struct {
	events, deliveries, taken, doubled, dead, lost int
	late                                           int // of the doubled, those whose first copy no blow was near
}

// settle waits until nothing is left to do, and holds the receiver and DEAD
// against what the publishers were told.
func (c *cluster) settle() tally {
	c.t.Helper()
	c.quiet()
	c.alive()
	events := c.load.events()
	for deadline := time.Now().Add(waitLimit); c.outstanding(events) > 0 && time.Now().Before(deadline); {
		<-time.After(time.Second) // a history that is being read is no consumer's
		c.quiet()
	}
	dead := c.deadLetters()
	if n, err := c.messages(schemas.StreamEvents); err != nil || n != len(events) {
		c.t.Errorf("EVENTS holds %d events, %v; want each of %d once", n, err, len(events))
	}
	t := tally{events: len(events)}
	c.receiver.mu.Lock() // before mu, as answers do not hold both
	defer c.receiver.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted := map[ledgerKey]bool{}
	for _, p := range events {
		for id, e := range c.plan {
			key := ledgerKey{id, p.event.ID()}
			if e.tenant != p.tenant || !slices.Contains(e.types, p.event.Type()) {
				continue
			}
			wanted[key] = true
			c.enter(&t, p, id, dead[key], p.sent.After(e.since))
		}
	}
	for key, s := range c.receiver.seen {
		if len(s.ids) != 1 {
			c.t.Errorf("%v came under %d webhook-ids: %v", key, len(s.ids), s.ids)
		}
		if !wanted[key] {
			c.t.Errorf("%v came, and was not matched", key)
		}
	}
	if t.lost > 0 {
		c.t.Errorf("%d deliveries are lost of %d", t.lost, t.deliveries)
	}
	return t
}

// outstanding is how many deliveries are not taken yet, of endpoints that take all.
func (c *cluster) outstanding(events []posted) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range events {
		for id, e := range c.plan {
			must := id != "ep_dying" && e.tenant == p.tenant && slices.Contains(e.types, p.event.Type()) && p.sent.After(e.since)
			if must && len(c.took[ledgerKey{id, p.event.ID()}]) == 0 {
				n++
			}
		}
	}
	return n
}

// enter counts one delivery. The caller holds mu.
func (c *cluster) enter(t *tally, p posted, endpoint string, reason schemas.Reason, must bool) {
	key := ledgerKey{endpoint, p.event.ID()}
	took := c.took[key]
	if !must && len(took) == 0 && reason == "" {
		return
	}
	t.deliveries++
	switch {
	case len(took) > 0:
		t.taken++
		if len(took) > 1 {
			t.doubled++
			if !c.near(p.sent, took[0]) {
				t.late++
				c.t.Logf("%v was taken at %v, and no blow was near", key, took)
			}
		}
	case (reason == schemas.ReasonExhausted || reason == schemas.ReasonNotRetried) && key.endpoint == "ep_dying":
		t.dead++
	default:
		t.lost++
		if t.lost <= 5 {
			came := 0
			if s := c.receiver.seen[key]; s != nil {
				came = s.came
			}
			c.t.Errorf("%v is neither taken nor rightly dead (%q); it was attempted %d times", key, reason, came)
		}
	}
}

// aftermath is how long after a blow is healed processes may still repeat what
// they took before: what was not acknowledged comes again after the ack wait, and
// who is away is missed after a while.
const aftermath = 10 * time.Second

// near reports whether an event was on its way, from its publisher to when it was
// taken, when a blow fell or before that was healed.
func (c *cluster) near(sent, taken time.Time) bool {
	return slices.ContainsFunc(c.blows, func(b *blow) bool {
		return taken.After(b.fell.Add(-2*time.Second)) && sent.Before(b.healed.Add(aftermath))
	})
}

// quiet waits until no event and no delivery is left to do.
func (c *cluster) quiet() {
	c.t.Helper()
	deadline := time.Now().Add(3 * waitLimit)
	for c.left() != 0 {
		if time.Now().After(deadline) {
			c.t.Fatalf("work is left after %s:\n%s", drainLimit, c.diagnosis())
		}
		<-time.After(100 * time.Millisecond)
	}
}

// ordered wants the first requests for an endpoint in the order of EVENTS.
func (c *cluster) ordered(endpoint string) {
	c.t.Helper()
	sequences := map[string]uint64{}
	for _, p := range c.load.events() {
		sequences[p.event.ID()] = p.sequence
	}
	c.receiver.mu.Lock()
	defer c.receiver.mu.Unlock()
	var newest uint64
	var overtaken []string
	for _, q := range c.receiver.requests {
		if q.endpoint != endpoint || q.nth > 1 {
			continue
		}
		if n := sequences[q.event]; n < newest {
			overtaken = append(overtaken, fmt.Sprintf("%s (%d after %d, at %s)", q.event, n, newest, q.at.Format(time.TimeOnly)))
		} else {
			newest = n
		}
	}
	if len(overtaken) > 0 {
		open(c.t, "%s got %d first after later ones: %v", endpoint, len(overtaken), overtaken[:min(10, len(overtaken))])
	}
}

// report is the table of all blows, and of what became of everything.
func (c *cluster) report(t tally) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "scenario\tpublished after\tdelivered after\tto each tenant\tlongest pause\thealed after\trefused\tevents\t")
	short := func(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
	for _, s := range c.blows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t\n", s.name, short(s.published), short(s.delivered), short(s.everywhere),
			short(s.pause), short(s.healed.Sub(s.fell)), s.refused, s.events)
	}
	_ = w.Flush() // into memory
	fmt.Fprintf(&b, "%d events; %d deliveries: %d taken (%d of them more than once, %d of those with no blow near), %d dead, %d lost",
		t.events, t.deliveries, t.taken, t.doubled, t.late, t.dead, t.lost)
	return b.String()
}

// repeated counts what was taken more than once, by endpoint.
func (c *cluster) repeated() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := map[string]int{}
	for key, at := range c.took {
		if len(at) > 1 {
			count[key.endpoint]++
		}
	}
	type row struct {
		name string
		n    int
	}
	var rows []row
	for name, n := range count {
		rows = append(rows, row{name, n})
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(b.n-a.n, strings.Compare(a.name, b.name)) })
	return fmt.Sprint(rows)
}
