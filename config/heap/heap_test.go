package heap_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/tidings-dev/tidings/config/heap"
)

func TestPercent(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 1600, 1 << 20: 1600, 16 << 20: 800, 64 << 20: 200, 128 << 20: 100, 1 << 40: 100,
	} {
		if got := heap.Percent(live); got != want {
			t.Errorf("%d bytes: %d, want %d", live, got, want)
		}
	}
}

// percent is GOGC as it is now.
func percent() int {
	p := debug.SetGCPercent(100)
	debug.SetGCPercent(p)
	return p
}

// until collects until GOGC is in a range.
func until(t *testing.T, least, most int) {
	t.Helper()
	for range 1000 {
		runtime.GC()
		runtime.Gosched()
		if p := percent(); least <= p && p <= most {
			return
		}
	}
	t.Errorf("GOGC is %d, want %d to %d", percent(), least, most)
}

// GOGC follows the heap from collection to collection, and is as it was in the end.
func TestKeep(t *testing.T) {
	stop := heap.Keep()
	until(t, 400, 1600)
	large := make([]byte, heap.Room)
	until(t, 100, 110)
	runtime.KeepAlive(large)
	large = nil
	_ = large
	until(t, 400, 1600)
	stop()
	until(t, 100, 100)
}

// What the operator has set stays.
func TestKeepOperators(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	heap.Keep()()
	runtime.GC()
	if p := percent(); p != 50 {
		t.Errorf("GOGC is %d, want 50", p)
	}
}
