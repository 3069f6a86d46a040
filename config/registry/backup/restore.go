package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// Options say how a backup is put back.
type Options struct {
	// Replace puts it in the place of what the registry holds: what is not in the file
	// is removed. Without it a registry that has tenants, endpoints, subscriptions or
	// types is left alone.
	Replace bool
	// SameEvents tells that EVENTS has been restored with its sequences: positions in it
	// stay what they are.
	SameEvents bool
	// Written is told how many entries of all are written so far; nil tells nobody.
	Written func(count, all int)
}

// Restored is what a restore has done.
type Restored struct {
	Header Header
	// Written and Removed are entries.
	Written, Removed int
	// LeftOut are entries that were not written, or not whole, because they name
	// positions in a stream EVENTS that is not the one there is: how far histories and
	// replays had come.
	LeftOut int
}

// Restore puts a backup back. Before it writes anything it reads all of it, and
// refuses what is not as it was written: a [schemas.CodeInvalid]. A registry that may
// not be replaced is a [schemas.CodeConflict].
func (b *Bucket) Restore(ctx context.Context, r io.Reader, o Options) (Restored, error) {
	content, err := io.ReadAll(r)
	if err != nil {
		return Restored{}, err
	}
	h, entries, err := parse(content)
	if err != nil {
		return Restored{}, err
	}
	if _, err := b.free(ctx, o); err != nil {
		return Restored{}, err
	}
	done := Restored{Header: h}
	mark, err := b.mark(ctx, h, o.SameEvents)
	if err != nil {
		return done, err
	}
	there, err := b.free(ctx, Options{Replace: true}) // as it is since nobody else writes
	if err != nil {
		return done, interrupted(0, err)
	}
	if key := occupied(there); key != "" && !o.Replace {
		return done, errors.Join(notEmpty(key), b.unmark(ctx, mark))
	}
	if err := b.write(ctx, there, entries, o, &done); err != nil {
		return done, err
	}
	if err := b.unmark(ctx, mark); err != nil {
		return done, interrupted(done.Written, err)
	}
	return done, nil
}

// notice is how long all processes have to hear that a restore begins, and to end what
// they were about to write.
const notice = time.Second

// free is what the registry holds, if it may be restored.
func (b *Bucket) free(ctx context.Context, o Options) (there map[string][]byte, err error) {
	if there, _, err = b.state(ctx, func(int) {}); err != nil {
		return nil, err
	}
	if text, begun := there[registry.RestoringKey]; begun && !o.Replace {
		var r registry.Restoring
		_ = json.Unmarshal(text, &r) // that it is there counts
		return nil, schemas.Errorf(schemas.CodeConflict, "a restore that began at %s has not ended: if it was interrupted, repeat it with --force", r.Began.Format(time.RFC3339))
	}
	delete(there, registry.RestoringKey)
	if key := occupied(there); key != "" && !o.Replace {
		return nil, notEmpty(key)
	}
	return there, nil
}

func notEmpty(key string) error {
	return schemas.Errorf(schemas.CodeConflict, "the registry is not empty: it has %s, for one: restore into a new one, or replace what it has with --force", key)
}

// mark has all processes leave the registry alone, which may be restored with all streams,
// and returns the mark's revision.
func (b *Bucket) mark(ctx context.Context, h Header, streams bool) (revision uint64, err error) {
	text, err := json.Marshal(registry.Restoring{Began: time.Now().UTC().Truncate(time.Second), Made: h.Made, Streams: streams})
	if err != nil {
		return 0, err
	}
	if revision, err = b.kv.Put(ctx, registry.RestoringKey, text); err != nil {
		return 0, unavailable("write "+registry.RestoringKey, err)
	}
	select {
	case <-time.After(notice):
		return revision, nil
	case <-ctx.Done():
		return 0, interrupted(0, ctx.Err())
	}
}

// unmark tells all processes to go on with what is there now.
func (b *Bucket) unmark(ctx context.Context, revision uint64) error {
	err := b.kv.Delete(ctx, registry.RestoringKey, jetstream.LastRevision(revision))
	if api := new(jetstream.APIError); errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant) {
		return schemas.Errorf(schemas.CodeConflict, "another restore has begun meanwhile: what is there is of both, unless that one ends")
	}
	if err != nil {
		return unavailable("remove "+registry.RestoringKey, err)
	}
	return nil
}

// write puts the entries in the place of what is there.
func (b *Bucket) write(ctx context.Context, there map[string][]byte, entries []entry, o Options, done *Restored) error {
	events, err := b.events(ctx)
	if err != nil {
		return interrupted(0, err)
	}
	if !o.SameEvents && !events.Equal(done.Header.Events) {
		entries, done.LeftOut = withoutPositions(entries)
	}
	if o.Replace {
		if err := b.remove(ctx, there, entries, done); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if _, err := b.kv.Put(ctx, e.Key, e.Value); err != nil {
			return interrupted(done.Written, unavailable("write "+e.Key, err))
		}
		done.Written++
		if o.Written != nil {
			o.Written(done.Written, len(entries))
		}
	}
	return nil
}

func interrupted(written int, err error) error {
	return schemas.Errorf(schemas.CodeUnavailable, "the restore was interrupted after %d entries, and no process acts on them: repeat it with --force: %w", written, err)
}

// remove takes away what the backup has not, the last of [ranks] first.
func (b *Bucket) remove(ctx context.Context, there map[string][]byte, entries []entry, done *Restored) error {
	kept := map[string]bool{}
	for _, e := range entries {
		kept[e.Key] = true
	}
	keys := slices.SortedFunc(maps.Keys(there), inOrder)
	slices.Reverse(keys)
	for _, key := range keys {
		if kept[key] {
			continue
		}
		if err := b.kv.Delete(ctx, key); err != nil {
			return interrupted(done.Written, unavailable("remove "+key, err))
		}
		done.Removed++
	}
	return nil
}

// parse takes a file apart, once it is sure that it is as it was written.
func parse(content []byte) (h Header, entries []entry, err error) {
	head, body, _ := bytes.Cut(content, []byte("\n"))
	if json.Unmarshal(head, &h) != nil || h.Format != format {
		return h, nil, schemas.Errorf(schemas.CodeInvalid, "the file is no backup of a registry: its first line is not the header that tidings backup writes")
	}
	if h.Version != version || h.Bucket != schemas.BucketRegistry {
		return h, nil, schemas.Errorf(schemas.CodeInvalid, "the backup is of the version %d and the bucket %q, this program reads version %d and %q: use the release of Tidings that wrote it", h.Version, h.Bucket, version, schemas.BucketRegistry)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != h.SHA256 {
		return h, nil, schemas.Errorf(schemas.CodeInvalid, "the backup is cut short or was altered: its %d bytes do not have the SHA-256 that its header says: use another copy; nothing was written", len(body))
	}
	for line := range bytes.Lines(body) {
		var e entry
		if err := json.Unmarshal(line, &e); err != nil || e.Key == "" {
			return h, nil, schemas.Errorf(schemas.CodeInvalid, "entry %d of the backup is none: use another copy; nothing was written", len(entries)+1)
		}
		entries = append(entries, e)
	}
	if len(entries) != h.Count {
		return h, nil, schemas.Errorf(schemas.CodeInvalid, "the backup has %d entries, and its header says %d: use another copy; nothing was written", len(entries), h.Count)
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return inOrder(a.Key, b.Key) })
	return h, entries, nil
}

func kindOf(key string) string {
	kind, _, _ := strings.Cut(key, ".")
	return kind
}

// occupied is the first entry of a registry by which it is not empty. A new process
// makes a token and keys of its own, and they are no reason.
func occupied(there map[string][]byte) string {
	for _, key := range slices.Sorted(maps.Keys(there)) {
		switch kindOf(key) {
		case "tenant", "endpoint", "subscription", "type":
			return key
		}
	}
	return ""
}

// withoutPositions leaves out what names positions in a stream that is gone. A
// subscription whose history is not read to its end gets live events at once: what was
// stored there is not stored here.
func withoutPositions(entries []entry) (kept []entry, leftOut int) {
	for _, e := range entries {
		switch kindOf(e.Key) {
		case "progress", "job", "stored":
			leftOut++
			continue
		case "subscription":
			if value, changed := withoutHistory(e.Value); changed {
				e.Value = value
				leftOut++
			}
		}
		kept = append(kept, e)
	}
	return kept, leftOut
}

// withoutHistory is a subscription that gets live events only, and whether it is
// another one for that.
func withoutHistory(subscription []byte) ([]byte, bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(subscription, &members) != nil || members["history"] == nil {
		return subscription, false
	}
	delete(members, "history")
	b, err := json.Marshal(members)
	return b, err == nil
}
