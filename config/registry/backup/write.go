package backup

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	format  = "tidings-registry"
	version = 1
)

// Header is the first line of a file.
type Header struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Bucket  string    `json:"bucket"`
	Made    time.Time `json:"made"`
	// Sequence is the bucket's, whose state the file is.
	Sequence uint64 `json:"sequence"`
	// Events is when the stream EVENTS was made, which tells it from another of the
	// name: entries have positions in it. Zero if there was none.
	Events time.Time `json:"events,omitzero"`
	// Count is how many entries follow.
	Count  int    `json:"count"`
	SHA256 string `json:"sha256"`
}

// entry is any other line.
type entry struct {
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

// Bucket is the registry's key-value bucket.
type Bucket struct {
	js     jetstream.JetStream
	kv     jetstream.KeyValue
	stream jetstream.Stream
}

// Open finds the bucket. One that is not made yet is a [schemas.CodeNotFound].
func Open(ctx context.Context, nc *nats.Conn) (*Bucket, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	kv, err := js.KeyValue(ctx, schemas.BucketRegistry)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, schemas.Errorf(schemas.CodeNotFound, "this NATS account has no registry of Tidings yet: start tidings run on it, which makes one")
	}
	if err != nil {
		return nil, unavailable("find the registry", err)
	}
	stream, err := js.Stream(ctx, "KV_"+schemas.BucketRegistry)
	if err != nil {
		return nil, unavailable("find the registry", err)
	}
	return &Bucket{js, kv, stream}, nil
}

func unavailable(doing string, err error) error {
	return schemas.Errorf(schemas.CodeUnavailable, "%s: %w: check --nats-url and the rights of its user", doing, err)
}

// Write writes a backup, and returns its header. Read is told how many entries there
// are so far.
func (b *Bucket) Write(ctx context.Context, w io.Writer, read func(count int)) (Header, error) {
	values, sequence, err := b.state(ctx, read)
	if err != nil {
		return Header{}, err
	}
	if _, begun := values[registry.RestoringKey]; begun {
		return Header{}, schemas.Errorf(schemas.CodeConflict, "a restore of the registry has not ended: back it up when it has; if it was interrupted, repeat it with --force")
	}
	var body bytes.Buffer
	for _, key := range slices.SortedFunc(maps.Keys(values), inOrder) {
		line, err := json.Marshal(entry{key, values[key]})
		if err != nil {
			return Header{}, err
		}
		body.Write(append(line, '\n'))
	}
	events, err := b.events(ctx)
	if err != nil {
		return Header{}, err
	}
	sum := sha256.Sum256(body.Bytes())
	h := Header{
		Format: format, Version: version, Bucket: schemas.BucketRegistry, Made: time.Now().UTC().Truncate(time.Millisecond),
		Sequence: sequence, Events: events, Count: len(values), SHA256: hex.EncodeToString(sum[:]),
	}
	head, err := json.Marshal(h)
	if err != nil {
		return Header{}, err
	}
	if _, err := w.Write(append(head, '\n')); err != nil {
		return Header{}, err
	}
	_, err = body.WriteTo(w)
	return h, err
}

// events is when EVENTS was made.
func (b *Bucket) events(ctx context.Context) (time.Time, error) {
	s, err := b.js.Stream(ctx, schemas.StreamEvents)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, unavailable("find the stream "+schemas.StreamEvents, err)
	}
	return s.CachedInfo().Created, nil
}

// quiet is after what time without a message the bucket is asked whether there is one.
const quiet = time.Second

// state is what the bucket holds at one sequence. A watch hands over the last message
// of each key: those that were written anew meanwhile come later, or not at all if
// the watch ends before. So it goes on until it has seen the last message that there
// is, and then has the state there. (That a message says there is none behind it is a
// hint only: the server may just have replaced another.)
func (b *Bucket) state(ctx context.Context, read func(count int)) (values map[string][]byte, sequence uint64, err error) {
	watcher, err := b.kv.WatchAll(ctx)
	if err != nil {
		return nil, 0, unavailable("read the registry", err)
	}
	defer watcher.Stop() //nolint:errcheck // it ends with the connection at the latest
	values = map[string][]byte{}
	for {
		last := false
		select {
		case e, ok := <-watcher.Updates():
			switch {
			case !ok:
				return nil, 0, unavailable("read the registry", nats.ErrConnectionClosed)
			case e == nil: // comes behind what was there when the watch began
				last = sequence == 0 // nothing was
			case e.Operation() != jetstream.KeyValuePut:
				delete(values, e.Key())
				sequence, last = e.Revision(), e.Delta() == 0
			default:
				values[e.Key()] = e.Value()
				sequence, last = e.Revision(), e.Delta() == 0
				read(len(values))
			}
		case <-time.After(quiet):
			last = true
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
		if !last {
			continue
		}
		info, err := b.stream.Info(ctx)
		if err != nil {
			return nil, 0, unavailable("read the registry", err)
		}
		if info.State.LastSeq == sequence {
			return values, sequence, nil
		}
	}
}

// ranks are the kinds of entries in the order in which they are put back: what
// others belong to comes first. What is not among them comes last.
var ranks = []string{"type", "tenant", "secret", "of", "endpoint", "subscription", "token"}

func inOrder(one, other string) int {
	return cmp.Or(cmp.Compare(rank(one), rank(other)), cmp.Compare(one, other))
}

func rank(key string) int {
	if i := slices.Index(ranks, kindOf(key)); i >= 0 {
		return i
	}
	return len(ranks)
}
