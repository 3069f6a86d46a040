package registry

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

const restoringPrefix = "restoring."

// RestoringKey is in the bucket from before the first entry that a restore changes
// until after its last: part of what is there meanwhile is of before, part of the
// backup. It holds a [Restoring].
const RestoringKey = restoringPrefix + "backup"

// Restoring is a restore that has not ended.
type Restoring struct {
	Began time.Time `json:"began"`
	Made  time.Time `json:"made"` // when the backup was
	// Streams tells that all streams are being restored, not the registry alone.
	Streams bool `json:"streams,omitempty"`
}

// Error says what to do about it.
func (r Restoring) Error() string {
	again := "repeat it with tidings restore --force"
	if r.Streams {
		again = "remove the streams that it has made (of an embedded server: the folder jetstream in its data directory), and repeat it"
	}
	return "the registry is being restored since " + r.Began.UTC().Format(time.RFC3339) + " from the backup of " + r.Made.UTC().Format(time.RFC3339) +
		", and is not whole: wait until that has ended; if it was interrupted, " + again
}

// whole is a bucket that is neither read nor written while a restore goes on, as far
// as its watcher knows. Watching it goes on.
type whole struct {
	jetstream.KeyValue
	restoring atomic.Pointer[Restoring] // set by a [Watcher]; nil is none
}

func (w *whole) check() error {
	if r := w.restoring.Load(); r != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "%w", *r)
	}
	return nil
}

// Get is [jetstream.KeyValue]'s.
func (w *whole) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	if err := w.check(); err != nil {
		return nil, err
	}
	return w.KeyValue.Get(ctx, key)
}

// Put is [jetstream.KeyValue]'s.
func (w *whole) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	if err := w.check(); err != nil {
		return 0, err
	}
	return w.KeyValue.Put(ctx, key, value)
}

// Create is [jetstream.KeyValue]'s.
func (w *whole) Create(ctx context.Context, key string, value []byte, o ...jetstream.KVCreateOpt) (uint64, error) {
	if err := w.check(); err != nil {
		return 0, err
	}
	return w.KeyValue.Create(ctx, key, value, o...)
}

// Update is [jetstream.KeyValue]'s.
func (w *whole) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if err := w.check(); err != nil {
		return 0, err
	}
	return w.KeyValue.Update(ctx, key, value, revision)
}

// Delete is [jetstream.KeyValue]'s.
func (w *whole) Delete(ctx context.Context, key string, o ...jetstream.KVDeleteOpt) error {
	if err := w.check(); err != nil {
		return err
	}
	return w.KeyValue.Delete(ctx, key, o...)
}

// Whole returns an error while a restore goes on that the watcher knows of.
func (r *Registry) Whole() error { return r.kv.check() }

// Unfinished is the restore that has not ended, by what is in the bucket now; nil if
// there is none. It needs no watcher.
func (r *Registry) Unfinished(ctx context.Context) (*Restoring, error) {
	entry, err := r.kv.KeyValue.Get(ctx, RestoringKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable("read "+RestoringKey, err)
	}
	return readRestoring(entry.Value()), nil
}

// readRestoring reads what is there as well as it can: that there is something counts.
func readRestoring(text []byte) *Restoring {
	r := &Restoring{}
	_ = json.Unmarshal(text, r)
	return r
}

// restore takes in that a restore begins, or has ended: then what was kept back is
// passed on, in its order.
func (w *Watcher) restore(entry jetstream.KeyValueEntry) {
	if entry.Operation() == jetstream.KeyValuePut {
		r := readRestoring(entry.Value())
		w.registry.kv.restoring.Store(r)
		w.log.Warn("the registry is being restored: what it was before counts until that has ended", "began", r.Began, "backup", r.Made)
		return
	}
	w.registry.kv.restoring.Store(nil)
	if w.kept == nil {
		return
	}
	w.log.Info("the registry is restored", "changes", len(w.kept))
	kept := w.kept
	w.kept = nil
	for _, r := range kept {
		w.deliver(r)
	}
}

// untilWhole passes on changes until no restore goes on.
func (w *Watcher) untilWhole(ctx context.Context) error {
	for w.registry.Whole() != nil {
		select {
		case entry, ok := <-w.watch.Updates():
			if !ok {
				return unavailable("watch", errors.New("the connection was closed"))
			}
			if entry != nil {
				w.pass(entry)
			}
		case <-ctx.Done():
			return unavailable("watch", context.Cause(ctx))
		}
	}
	return nil
}
