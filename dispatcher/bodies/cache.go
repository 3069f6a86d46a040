package bodies

import (
	"container/list"
	"sync"
	"time"
)

const (
	// maxCached is how many bytes of data are kept.
	maxCached = 32 << 20
	// cachedFor is how long: an event that was erased from EVENTS is delivered no
	// longer than that, and a process at rest keeps nothing.
	cachedFor = time.Minute
)

// cache holds the data that was asked for last.
type cache struct {
	mu      sync.Mutex // guards what follows
	entries map[string]*list.Element
	order   list.List // of *entry, the one asked for last in front
	size    int       // of all data, in bytes
}

type entry struct {
	key  string
	data []byte
	ends *time.Timer
}

// get returns nil for what is not there.
func (c *cache) get(key string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.entries[key]
	if at == nil {
		return nil
	}
	c.order.MoveToFront(at)
	return at.Value.(*entry).data //nolint:forcetypeassert // what order holds
}

// put keeps data that is not there yet, and drops what was not asked for the
// longest to make room.
func (c *cache) put(key string, data []byte) {
	if len(data) > maxCached {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.size+len(data) > maxCached {
		c.drop(c.order.Back())
	}
	e := &entry{key: key, data: data}
	at := c.order.PushFront(e)
	e.ends = time.AfterFunc(cachedFor, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.entries[key] == at {
			c.drop(at)
		}
	})
	c.entries[key] = at
	c.size += len(data)
}

// drop forgets an entry. The caller holds mu.
func (c *cache) drop(at *list.Element) {
	e := c.order.Remove(at).(*entry) //nolint:forcetypeassert // what order holds
	e.ends.Stop()
	delete(c.entries, e.key)
	c.size -= len(e.data)
}
