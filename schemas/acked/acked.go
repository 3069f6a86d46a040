// Package acked remembers which messages of a stream were acknowledged lately. JetStream
// writes down what was acknowledged a moment later, and a leader of a consumer that
// dies may not have told the others: what it forgets it hands out again. Whoever knows
// better acknowledges it once more, and does nothing.
package acked

import (
	"sync"
	"time"
)

// slots is how many messages are remembered at most. JetStream lags by some 100 ms
// (nats-server, filestore.go, consumer flush), which is a few thousand messages.
const slots = 8192

// Memory is of one consumer. Its zero value remembers nothing. It is safe for
// concurrent use.
type Memory struct {
	mu   sync.Mutex // guards what follows
	last []message  // each in the slot of its sequence
}

// message is known by both: a stream that lost its end in a power cut gives its
// sequences a second time.
type message struct {
	sequence uint64
	stored   int64 // in Unix nanoseconds
}

// Add notes a message by its sequence in the stream and the time at which that had
// stored it. An older one may be forgotten for it.
func (m *Memory) Add(sequence uint64, stored time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last == nil {
		m.last = make([]message, slots)
	}
	m.last[sequence%slots] = message{sequence, stored.UnixNano()}
}

// Has reports whether a message was acknowledged lately.
func (m *Memory) Has(sequence uint64, stored time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last != nil && m.last[sequence%slots] == message{sequence, stored.UnixNano()}
}
