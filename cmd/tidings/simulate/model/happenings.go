package model

import "time"

// happening is something that is due.
type happening struct {
	at   time.Duration // since the start
	turn uint64        // of those at the same time, the first made is the first
	kind kind
	lane *lane
	task *task
	left *bool // of a leave: whether the attempt has ended before
}

// kind is what happens.
type kind uint8

const (
	arrives  kind = iota // the lane's next delivery comes
	due                  // a delivery is to be attempted: it is scheduled, or a script's
	answered             // the task's attempt ends
	watch                // the lane's queue is looked at
	probe                // the lane's breaker allows its probe
	leave                // a place in the gate is free
)

func (h happening) before(other happening) bool {
	return h.at < other.at || h.at == other.at && h.turn < other.turn
}

// calendar is a heap of happenings, the first at its top.
type calendar struct {
	heap []happening
	made uint64
}

func (c *calendar) add(h happening) {
	c.made++
	h.turn = c.made
	c.heap = append(c.heap, h)
	for i := len(c.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !c.heap[i].before(c.heap[up]) {
			return
		}
		c.heap[i], c.heap[up] = c.heap[up], c.heap[i]
		i = up
	}
}

// next takes the first out; there is one.
func (c *calendar) next() happening {
	first, last := c.heap[0], len(c.heap)-1
	c.heap[0] = c.heap[last]
	c.heap[last] = happening{}
	c.heap = c.heap[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if c.heap[child].before(c.heap[least]) {
				least = child
			}
		}
		if least == i {
			return first
		}
		c.heap[i], c.heap[least] = c.heap[least], c.heap[i]
		i = least
	}
}
