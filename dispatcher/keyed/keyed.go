// Package keyed decides which deliveries of a queue may begin, where those of
// one key keep their order and those of other keys do not wait for them.
package keyed

import (
	"container/heap"
	"hash/maphash"
	"time"
)

// Key stands for one value of the attribute by which deliveries belong together.
// Two values in 2^64 share one: they keep a common order then, and lose nothing
// else.
type Key uint64

// Order knows the deliveries that were read from a queue and are not settled: of
// each its sequence, and to which key it belongs. It is 8 bytes for a delivery
// that has others of its key before it, and some 150 for a key. It is not
// safe for concurrent use.
type Order struct {
	seed    maphash.Seed
	most    int
	length  int
	lines   map[Key][]uint64 // sequences in order; only the first of a line may begin
	ready   places           // firsts that may begin, by sequence
	waiting places           // firsts that may begin later, by time
}

// New is the order of a queue of which nothing was read. It is full with so many
// deliveries.
func New(most int) *Order {
	return &Order{
		seed: maphash.MakeSeed(), most: most, lines: map[Key][]uint64{},
		ready:   places{before: func(a, b place) bool { return a.sequence < b.sequence }},
		waiting: places{before: func(a, b place) bool { return a.until.Before(b.until) }},
	}
}

// Add takes in the next delivery of the queue: sequences rise. Value is that of
// its attribute.
func (o *Order) Add(sequence uint64, value string) {
	k := Key(maphash.String(o.seed, value))
	line := append(o.lines[k], sequence)
	o.lines[k] = line
	o.length++
	if len(line) == 1 {
		heap.Push(&o.ready, place{sequence: sequence, key: k})
	}
}

// Next is the earliest delivery that may begin now. It has begun then, until
// [Order.Wait] or [Order.Settled] says otherwise.
func (o *Order) Next(now time.Time) (sequence uint64, key Key, ok bool) {
	for o.waiting.Len() > 0 && !o.waiting.list[0].until.After(now) {
		heap.Push(&o.ready, heap.Pop(&o.waiting))
	}
	if o.ready.Len() == 0 {
		return 0, 0, false
	}
	p := heap.Pop(&o.ready).(place) //nolint:forcetypeassert // there is nothing else in it
	return p.sequence, p.key, true
}

// Wait puts off the delivery of a key that has begun until a time; those behind
// it wait along.
func (o *Order) Wait(key Key, until time.Time) {
	heap.Push(&o.waiting, place{sequence: o.lines[key][0], key: key, until: until})
}

// Settled forgets the delivery of a key that has begun, and lets the next of the
// key begin.
func (o *Order) Settled(key Key) {
	line := o.lines[key][1:]
	o.length--
	if len(line) == 0 {
		delete(o.lines, key)
		return
	}
	o.lines[key] = line
	heap.Push(&o.ready, place{sequence: line[0], key: key})
}

// Len is how many deliveries are known and not settled.
func (o *Order) Len() int { return o.length }

// Full reports whether no more should be added for now.
func (o *Order) Full() bool { return o.length >= o.most }

// Wake is when the first of those that wait may begin; the zero time if none
// waits.
func (o *Order) Wake() time.Time {
	if o.waiting.Len() == 0 {
		return time.Time{}
	}
	return o.waiting.list[0].until
}

// place is a delivery that is the first of its key and has not begun.
type place struct {
	sequence uint64
	key      Key
	until    time.Time
}

// places is a heap.
type places struct {
	list   []place
	before func(a, b place) bool
}

func (p *places) Len() int           { return len(p.list) }
func (p *places) Less(i, j int) bool { return p.before(p.list[i], p.list[j]) }
func (p *places) Swap(i, j int)      { p.list[i], p.list[j] = p.list[j], p.list[i] }
func (p *places) Push(x any)         { p.list = append(p.list, x.(place)) } //nolint:forcetypeassert // heap.Push is given nothing else

func (p *places) Pop() any {
	last := len(p.list) - 1
	x := p.list[last]
	p.list = p.list[:last]
	return x
}
