package keyed

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

var start = time.Unix(1_800_000_000, 0)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// all are the sequences that may begin.
func all(o *Order, now time.Time) (begun []uint64, keys map[uint64]Key) {
	keys = map[uint64]Key{}
	for {
		sequence, key, ok := o.Next(now)
		if !ok {
			return begun, keys
		}
		begun, keys[sequence] = append(begun, sequence), key
	}
}

func wantBegun(t *testing.T, o *Order, now time.Time, want ...uint64) map[uint64]Key {
	t.Helper()
	got, keys := all(o, now)
	if !slices.Equal(got, want) {
		t.Fatalf("%v may begin, want %v", got, want)
	}
	return keys
}

func TestOneOfAKeyAtATime(t *testing.T) {
	o := New(6)
	for i, value := range []string{"a", "a", "b", "", "a", ""} {
		o.Add(uint64(10*i), value)
	}
	if !o.Full() || o.Len() != 6 {
		t.Errorf("full %v with %d, want it full with 6", o.Full(), o.Len())
	}
	keys := wantBegun(t, o, start, 0, 20, 30)
	o.Settled(keys[0])
	o.Settled(keys[20])
	if o.Full() || o.Len() != 4 {
		t.Errorf("full %v with %d, want room with 4", o.Full(), o.Len())
	}
	wantBegun(t, o, start, 10)
	o.Add(60, "b") // its key was forgotten meanwhile
	o.Add(70, "a")
	wantBegun(t, o, start, 60)
	o.Settled(keys[0])
	o.Settled(keys[30])
	wantBegun(t, o, start, 40, 50)
}

// One that waits keeps its key waiting, and no other; those that are due begin
// in the order of the queue.
func TestWaiting(t *testing.T) {
	o := New(100)
	for i, value := range []string{"a", "b", "c", "a", "b", "c"} {
		o.Add(uint64(i), value)
	}
	keys := wantBegun(t, o, start, 0, 1, 2)
	if !o.Wake().IsZero() {
		t.Errorf("wakes at %s, but nothing waits", o.Wake())
	}
	o.Wait(keys[0], at(20))
	o.Wait(keys[1], at(10))
	o.Settled(keys[2])
	wantBegun(t, o, at(9), 5)
	if want := at(10); !o.Wake().Equal(want) {
		t.Errorf("wakes at %s, want %s", o.Wake(), want)
	}
	wantBegun(t, o, at(20), 0, 1)
	o.Wait(keys[0], time.Time{}) // at once
	o.Settled(keys[1])
	wantBegun(t, o, start, 0, 4)
}

// model is what an Order should be: a queue that is looked through.
type model []*entry

type entry struct {
	sequence uint64
	value    string
	key      Key
	begun    bool
	until    time.Time
}

func (m model) next(now time.Time) *entry {
	before := map[string]bool{}
	for _, e := range m {
		if !before[e.value] && !e.begun && !e.until.After(now) {
			return e
		}
		before[e.value] = true
	}
	return nil
}

// Whatever happens, in whatever order: what may begin is what a look through the
// whole queue says.
func TestLikeALookThroughTheQueue(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		var m model
		o, now, sequence := New(30), start, uint64(0)
		for step := range 500 {
			now = now.Add(time.Duration(random.IntN(1000)) * time.Millisecond)
			i := random.IntN(max(1, len(m)))
			begun := len(m) > 0 && m[i].begun
			switch {
			case random.IntN(3) == 0 && !o.Full():
				sequence += 1 + random.Uint64N(3)
				m = append(m, &entry{sequence: sequence, value: fmt.Sprint(random.IntN(8))})
				o.Add(sequence, m[len(m)-1].value)
			case begun && random.IntN(2) == 0:
				o.Settled(m[i].key)
				m = slices.Delete(m, i, i+1)
			case begun:
				m[i].begun, m[i].until = false, now.Add(time.Duration(random.IntN(9000))*time.Millisecond)
				o.Wait(m[i].key, m[i].until)
			default:
				begin(t, o, m, now)
			}
			if o.Len() != len(m) || o.Full() != (len(m) >= 30) {
				t.Fatalf("seed %d, step %d: %d known, want %d", seed, step, o.Len(), len(m))
			}
		}
	}
}

func begin(t *testing.T, o *Order, m model, now time.Time) {
	t.Helper()
	want := m.next(now)
	got, key, ok := o.Next(now)
	if ok != (want != nil) || ok && got != want.sequence {
		t.Fatalf("%d begins (%v), want %+v", got, ok, want)
	}
	if ok {
		want.begun, want.key = true, key
	}
}

// What is passed over takes no more memory than doc.go says.
func TestMemory(t *testing.T) {
	const n = 100_000
	for name, tt := range map[string]struct {
		keys, bytes int // the most for a delivery
	}{"one key": {1, 16}, "as many keys": {n, 200}} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		o := New(n)
		for i := range n {
			o.Add(uint64(i), fmt.Sprint("a value of some length ", i%tt.keys))
		}
		_, keys := all(o, start)
		for _, k := range keys {
			o.Wait(k, start)
		}
		clear(keys)
		runtime.GC()
		runtime.ReadMemStats(&after)
		each := (int(after.HeapAlloc) - int(before.HeapAlloc)) / n
		t.Logf("%s: %d bytes for a delivery", name, each)
		if each > tt.bytes {
			t.Errorf("%s: %d bytes for a delivery, want at most %d", name, each, tt.bytes)
		}
		runtime.KeepAlive(o)
	}
}
