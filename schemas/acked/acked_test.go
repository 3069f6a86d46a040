package acked

import (
	"testing"
	"time"
)

func TestMemory(t *testing.T) {
	var m Memory
	at := func(n int) time.Time { return time.Unix(1_800_000_000, int64(n)) }
	if m.Has(0, time.Unix(0, 0)) || m.Has(7, at(7)) {
		t.Error("it has something before anything was acknowledged")
	}
	const first, last = 3 * slots / 2, 7 * slots / 2
	for n := first; n < last; n++ {
		m.Add(uint64(n), at(n))
	}
	for n := range last + slots {
		if want := n >= last-slots && n < last; m.Has(uint64(n), at(n)) != want {
			t.Fatalf("message %d: want it remembered: %t", n, want)
		}
	}
	if m.Has(last-1, at(last)) {
		t.Error("another message with the sequence of one that was acknowledged counts as that")
	}
}
