package bodies

import (
	"container/list"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// holds is how much is kept.
func (c *cache) holds() (entries, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.order.Len() != len(c.entries) {
		return -1, c.size
	}
	return len(c.entries), c.size
}

// The cache holds no more than it may, drops what was not asked for the longest,
// and holds nothing for long.
func TestTheCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache{entries: map[string]*list.Element{}}
		const size = 1 << 20
		for n := range 100 {
			c.put(fmt.Sprint(n), make([]byte, size))
			c.get("0")
			if entries, bytes := c.holds(); bytes > maxCached || bytes != entries*size {
				t.Fatalf("after %d: %d bytes in %d entries", n, bytes, entries)
			}
		}
		for n, want := range map[int]bool{0: true, 1: false, 68: false, 69: true, 99: true} {
			if got := c.get(fmt.Sprint(n)); (got != nil) != want {
				t.Errorf("%d is kept: %t", n, got != nil)
			}
		}
		c.put("huge", make([]byte, maxCached+1))
		if c.get("huge") != nil || c.get("99") == nil {
			t.Error("what is too large for the cache is in it")
		}
		<-time.After(cachedFor - time.Second)
		if entries, _ := c.holds(); entries != 32 {
			t.Errorf("%d entries before their time", entries)
		}
		<-time.After(2 * time.Second)
		if entries, bytes := c.holds(); bytes != 0 || entries != 0 {
			t.Errorf("%d bytes are left in %d entries", bytes, entries)
		}
	})
}

// Who missed the cache, and comes too late for the read that filled it, does not
// read again.
func TestALateMiss(t *testing.T) {
	b := New(nil, slog.New(slog.DiscardHandler))
	d := &schemas.Delivery{ID: schemas.NewDeliveryID(time.Now(), 7, "ep_a"), Tenant: "acme", Reference: 2}
	b.cache.put(keyOf(d), []byte("{}"))
	if data, err := b.read(t.Context(), d, keyOf(d)); err != nil || string(data) != "{}" {
		t.Errorf("got %q, %v", data, err)
	}
}
