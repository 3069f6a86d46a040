package dispatcher

import (
	"sync"
	"time"
)

// clock is JetStream's, as near as it is known: by it the time is told at which
// JetStream is to put a retry back. It does not jump when this machine's clock is
// set.
type clock struct {
	mu    sync.Mutex // guards what follows
	told  time.Time  // what it said,
	since time.Time  // at this time here, which has a monotonic reading
}

// newClock is the machine's, until JetStream's is heard.
func newClock() *clock {
	now := time.Now()
	return &clock{told: now.Round(0), since: now}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told.Add(time.Since(c.since))
}

// hear takes in what JetStream's clock said in an answer to what was asked at a time
// here, if it differs by more than the answer took.
func (c *clock) hear(said, asked time.Time) (differs time.Duration) {
	now := time.Now()
	took := now.Sub(asked)
	said = said.Add(took / 2)
	c.mu.Lock()
	defer c.mu.Unlock()
	differs = said.Sub(c.told.Add(now.Sub(c.since)))
	if differs.Abs() <= took {
		return 0
	}
	c.told, c.since = said, now
	return differs
}
