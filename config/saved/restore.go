package saved

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/backup"
	"github.com/tidings-dev/tidings/schemas"
)

// Options say how a backup is put back.
type Options struct {
	// Replicas of all streams and buckets; 0 is as many as there were.
	Replicas int
	// Told is told what is written, and how much of it so far; nil tells nobody.
	Told func(what string, done int64)
}

// restorer is one restore.
type restorer struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	dir    string
	m      *Manifest
	o      Options
	choice *choice
	made   []string // streams
}

// Restore puts a backup back into an account that has nothing of Tidings: else it is a
// [schemas.CodeConflict]. A folder that is not as it was written is a
// [schemas.CodeInvalid], and nothing is changed. If it fails later, what it has made is
// removed. A right that nc's user lacks is a [schemas.CodeForbidden].
func Restore(ctx context.Context, nc *nats.Conn, dir string, o Options) (*Manifest, error) {
	if o.Told == nil {
		o.Told = func(string, int64) {}
	}
	m, err := Read(dir, func(n, _ int64) { o.Told("bytes checked", n) })
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	if v := nc.ConnectedServerVersion(); !archives(v) {
		return nil, schemas.Errorf(schemas.CodeInvalid, "the NATS server is version %s, and the backup is of one of %s: upgrade it to 2.15 or newer; nothing was written", v, m.Server)
	}
	r := &restorer{nc: nc, js: js, dir: dir, m: m, o: o}
	if r.choice, err = choose(dir, m); err != nil {
		return nil, err
	}
	if err := broker.Allowed(ctx, nc, r.empty); err != nil {
		return nil, err
	}
	if err := broker.Allowed(ctx, nc, r.all); err != nil {
		return nil, errors.Join(err, r.undo(context.WithoutCancel(ctx)))
	}
	return m, nil
}

const registryStream = "KV_" + schemas.BucketRegistry

// empty refuses an account that has something of ours.
func (r *restorer) empty(ctx context.Context) error {
	names := []string{registryStream, "KV_" + schemas.BucketMembers}
	for _, s := range r.m.Streams {
		names = append(names, s.Name)
	}
	for _, name := range names {
		switch _, err := r.js.Stream(ctx, name); {
		case err == nil:
			return schemas.Errorf(schemas.CodeConflict, "the stream %s is there already: restore into a new data directory, or a NATS account without streams of Tidings, while no process of Tidings runs on it; nothing was written", name)
		case !errors.Is(err, jetstream.ErrStreamNotFound):
			return unavailable("look for stream "+name, err)
		}
	}
	return nil
}

// all writes everything. The registry's mark comes first and goes last, so no process
// works on a part; EVENTS is the last of the streams, so nothing is accepted earlier.
func (r *restorer) all(ctx context.Context) error {
	if err := r.mark(ctx); err != nil {
		return err
	}
	for i, s := range r.m.Streams {
		restore := r.snapshot
		if s.Queue {
			restore = func(ctx context.Context, s Stream) error { return r.queue(ctx, i, s) }
		}
		if err := restore(ctx, s); err != nil {
			return unavailable("restore stream "+s.Name, err)
		}
		if err := r.consumers(ctx, s); err != nil {
			return err
		}
	}
	bucket, err := backup.Open(ctx, r.nc)
	if err != nil {
		return err
	}
	file, err := os.Open(filepath.Join(r.dir, r.m.Registry.Name))
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // read only
	_, err = bucket.Restore(ctx, file, backup.Options{Replace: true, SameEvents: true, Written: func(n, _ int) { r.o.Told("entries of the registry", int64(n)) }})
	return err
}

// mark makes the registry, and says there that it is not whole.
func (r *restorer) mark(ctx context.Context) error {
	if err := r.make(ctx, registryStream, r.m.RegistryBucket); err != nil {
		return err
	}
	kv, err := r.js.KeyValue(ctx, schemas.BucketRegistry)
	if err != nil {
		return unavailable("find the registry", err)
	}
	text, err := json.Marshal(registry.Restoring{Began: time.Now().UTC().Truncate(time.Second), Made: r.m.Began, Streams: true})
	if err != nil {
		return err
	}
	if _, err := kv.Put(ctx, registry.RestoringKey, text); err != nil {
		return unavailable("write "+registry.RestoringKey, err)
	}
	return nil
}

// make makes a stream without messages.
func (r *restorer) make(ctx context.Context, name string, config json.RawMessage) error {
	text, err := r.changed(config)
	if err != nil {
		return err
	}
	var c jetstream.StreamConfig
	if err := json.Unmarshal(text, &c); err != nil {
		return schemas.Errorf(schemas.CodeInvalid, "the configuration of stream %s in the manifest does not parse: %w", name, err)
	}
	if _, err := r.js.CreateStream(ctx, c); err != nil {
		return fmt.Errorf("make stream %s: %w", name, err)
	}
	r.made = append(r.made, name)
	return nil
}

// changed is a stream's configuration, with as many replicas as are asked for, and
// open: EVENTS may have been closed for want of room.
func (r *restorer) changed(config json.RawMessage) (json.RawMessage, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(config, &members); err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "a configuration in the manifest does not parse: %w", err)
	}
	if r.o.Replicas > 0 {
		members["num_replicas"] = json.RawMessage(fmt.Sprint(r.o.Replicas))
	}
	members["max_bytes"] = json.RawMessage("-1")
	return json.Marshal(members)
}

// queue publishes what a queue had. Its file is the one at a place of the manifest.
func (r *restorer) queue(ctx context.Context, file int, s Stream) error {
	if s.Config != nil { // else it is part of others
		if err := r.make(ctx, s.Name, s.Config); err != nil {
			return err
		}
	}
	js, err := jetstream.New(r.nc, jetstream.WithPublishAsyncMaxPending(ahead))
	if err != nil {
		return err
	}
	p := publisher{js: js}
	if err := s.lines(r.dir, func(n int, l *line) error {
		r.o.Told("messages of "+s.Name, int64(n+1))
		if s.deliveries() && !r.choice.takes(file, n, l) {
			return nil
		}
		return p.publish(ctx, l)
	}); err != nil {
		return err
	}
	return p.settle(ctx, 0)
}

// snapshot has JetStream put a snapshot back.
func (r *restorer) snapshot(ctx context.Context, s Stream) error {
	config, err := r.changed(s.Config)
	if err != nil {
		return err
	}
	file, err := os.Open(filepath.Join(r.dir, s.File.Name))
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // read only
	sent := int64(0)
	accepted := func() { r.made = append(r.made, s.Name) } // JetStream may leave part of it
	if err := (restoring{r.nc, s.Name, snapshot{config, s.State}}).send(ctx, file, accepted, func(n int) {
		sent += int64(n)
		r.o.Told("bytes of "+s.Name, sent)
	}); err != nil {
		return err
	}
	stream, err := r.js.Stream(ctx, s.Name)
	if err != nil {
		return err
	}
	if last := stream.CachedInfo().State.LastSeq; last < s.LastSequence {
		return fmt.Errorf("it ends at the sequence %d, and the snapshot at %d", last, s.LastSequence)
	}
	return nil
}

// consumers makes a stream's consumers, and has them go on where they were.
func (r *restorer) consumers(ctx context.Context, s Stream) error {
	for _, c := range s.Consumers {
		if r.o.Replicas > 0 && c.Config.Replicas > 0 {
			c.Config.Replicas = r.o.Replicas
		}
		if _, err := r.js.CreateConsumer(ctx, s.Name, c.Config); err != nil {
			return unavailable("make consumer "+c.Config.Durable, err)
		}
		if c.Next == 0 {
			continue
		}
		if _, err := r.js.ResetConsumerToSequence(ctx, s.Name, c.Config.Durable, c.Next); err != nil {
			return unavailable("put consumer "+c.Config.Durable+" to its place", err)
		}
	}
	return nil
}

// undo removes what was made, the mark last.
func (r *restorer) undo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	if err := r.nc.FlushWithContext(ctx); err != nil { // what is denied of what was sent is told by then
		return unavailable("remove what was restored", err)
	}
	if err := broker.Allowed(ctx, r.nc, func(ctx context.Context) error {
		for _, name := range slices.Backward(r.made) {
			if err := r.js.DeleteStream(ctx, name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
				return err
			}
		}
		return nil
	}); err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "what is restored so far is not whole, and could not be removed: remove the streams %v of the account, and repeat the restore: %w", r.made, err)
	}
	return nil
}
