// Package heap has a small heap collected less often.
//
// Go's collector runs whenever the heap has doubled. A pipe that carries much and
// holds little has a heap of some 20 MiB, doubles it ten times a second under load,
// and its deliveries wait for each of those collections. So a heap may always grow by
// [Room] at least; one that is larger than that doubles, as ever. An operator who sets
// GOGC has that instead. GOMEMLIMIT holds with both.
package heap

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

const (
	// Room is by how much a heap may grow before it is collected, in bytes.
	Room = 128 << 20
	// usual is the runtime's own GOGC, in percent.
	usual = 100
	// most is the largest GOGC: a heap that holds next to nothing is not left to
	// grow by more than Room, as the runtime counts stacks and globals too.
	most = 1600
)

// Keep sets GOGC after each collection, unless the operator has set it, until stop.
// Stop restores what was. One keeper at a time is enough.
func Keep() (stop func()) {
	was := debug.SetGCPercent(usual)
	if was != usual {
		debug.SetGCPercent(was)
		return func() {}
	}
	k := new(keeper)
	k.adjust()
	return func() {
		k.ended.Store(true)
		debug.SetGCPercent(usual)
	}
}

// keeper is told of each collection by the end of a value that nobody holds.
type keeper struct{ ended atomic.Bool }

func (k *keeper) adjust() {
	if k.ended.Load() {
		return
	}
	debug.SetGCPercent(Percent(live()))
	if k.ended.Load() { // meanwhile
		debug.SetGCPercent(usual)
		return
	}
	runtime.AddCleanup(new(*keeper), (*keeper).adjust, k)
}

// Percent is the GOGC of a heap of which so many bytes are in use.
func Percent(live uint64) int {
	return int(min(max(Room*100/max(live, 1), usual), most)) //nolint:gosec // it is at most most
}

// live is how many bytes of the heap were in use at the last collection.
func live() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return Room // a runtime that does not tell: as usual
	}
	return sample[0].Value.Uint64()
}
