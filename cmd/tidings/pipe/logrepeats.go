package pipe

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// repeatsEvery and maxRepeats bound how often one message is logged of those
	// that thousands of deliveries give rise to, again and again, while the broker
	// is away or its disk is full. A log that grows then makes it worse.
	repeatsEvery = 10 * time.Second
	maxRepeats   = 50
)

// repeating are these messages.
var repeating = map[string]bool{
	"dispatcher tries again":        true,
	"fanout stores again":           true,
	"fanout waits for the registry": true,
	"delivery given back":           true,
	"read held queue":               true,
	"purge held queue":              true,
	"remove from held queue":        true,
}

// fewRepeats is a handler that leaves out what repeats too often, and then says how
// much it has left out.
type fewRepeats struct {
	slog.Handler
	told *told
}

// told is shared by the handlers made of one.
type told struct {
	mu sync.Mutex // guards since and what it holds
	of map[string]*repeats
}

// repeats are those of one message.
type repeats struct {
	since        time.Time
	said, unsaid int
}

func newFewRepeats(h slog.Handler) fewRepeats {
	return fewRepeats{h, &told{of: map[string]*repeats{}}}
}

// Handle passes a record on, or not.
func (h fewRepeats) Handle(ctx context.Context, r slog.Record) error {
	if repeating[r.Message] {
		say, unsaid := h.told.say(r.Message, r.Time)
		if !say {
			return nil
		}
		if unsaid > 0 {
			r = r.Clone()
			r.AddAttrs(slog.Int("left_out", unsaid))
		}
	}
	return h.Handler.Handle(ctx, r)
}

// say reports whether a message is to be logged, and how many before it were not.
func (t *told) say(message string, now time.Time) (say bool, unsaid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.of[message]
	if r == nil {
		r = &repeats{since: now}
		t.of[message] = r
	}
	if now.Sub(r.since) >= repeatsEvery || now.Before(r.since) {
		unsaid = r.unsaid
		*r = repeats{since: now}
	}
	if r.said >= maxRepeats {
		r.unsaid++
		return false, 0
	}
	r.said++
	return true, unsaid
}

// WithAttrs and WithGroup are slog.Handler's.

func (h fewRepeats) WithAttrs(attrs []slog.Attr) slog.Handler {
	return fewRepeats{h.Handler.WithAttrs(attrs), h.told}
}

func (h fewRepeats) WithGroup(name string) slog.Handler {
	return fewRepeats{h.Handler.WithGroup(name), h.told}
}
