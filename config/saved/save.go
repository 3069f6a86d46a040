package saved

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/registry/backup"
	"github.com/tidings-dev/tidings/schemas"
)

// partial is added to the name of a folder that is not whole yet.
const partial = ".partial"

// grace is how long what one server of a cluster has passed on may take to the server
// that this process is connected to.
const grace = time.Second

// answers are those of the API by Idempotency-Key.
const answers = "KV_" + schemas.BucketIdempotency

// saver is one backup.
type saver struct {
	nc   *nats.Conn
	js   jetstream.JetStream
	dir  string // not whole yet
	told func(what string, done int64)
	m    Manifest

	pulled  []string // endpoints that are pulled from
	returns *returns
	floors  []Consumer // of fanout, in EVENTS
}

// Save writes all that the pipe has stored into a folder, which must not exist. Told is
// told what is read, and how many messages or bytes of it so far. A pipe that is not
// there is a [schemas.CodeNotFound], a right that nc's user lacks a [schemas.CodeForbidden].
func Save(ctx context.Context, nc *nats.Conn, dir string, told func(what string, done int64)) (*Manifest, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	if v := nc.ConnectedServerVersion(); !archives(v) {
		return nil, schemas.Errorf(schemas.CodeInvalid, "the NATS server is version %s: snapshots that can be checked and put back need 2.15 or newer; upgrade the server", v)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil, schemas.Errorf(schemas.CodeConflict, "%s exists: name a folder that does not", dir)
	}
	if err := os.RemoveAll(dir + partial); err != nil { // an interrupted one's
		return nil, err
	}
	if err := os.MkdirAll(dir+partial, 0o700); err != nil {
		return nil, err
	}
	s := &saver{nc: nc, js: js, dir: dir + partial, told: told}
	s.m = Manifest{Format: format, Version: version, Began: time.Now().UTC().Truncate(time.Millisecond), Server: nc.ConnectedServerVersion()}
	if err := broker.Allowed(ctx, nc, s.all); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return &s.m, errors.Join(os.Rename(s.dir, dir), onDisk(filepath.Dir(dir)))
}

// onDisk has a folder's names on the disk.
func onDisk(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // what the operator names
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// all reads everything, in the order in which things move (see the package's comment).
func (s *saver) all(ctx context.Context) error {
	reconnected := s.nc.Stats().Reconnects
	if err := s.queue(ctx, answers, nil); err != nil {
		return err
	}
	if err := s.registry(ctx); err != nil {
		return err
	}
	if err := s.queues(ctx); err != nil {
		return err
	}
	for _, name := range []string{schemas.StreamDead, schemas.StreamLog, schemas.StreamAudit, schemas.StreamEvents} {
		if err := s.snapshot(ctx, name); err != nil {
			return err
		}
	}
	if s.nc.Stats().Reconnects != reconnected {
		return schemas.Errorf(schemas.CodeUnavailable, "the connection to NATS broke meanwhile, so something may be missing: repeat the backup")
	}
	s.m.Ended = time.Now().UTC().Truncate(time.Millisecond)
	text, err := json.MarshalIndent(s.m, "", "  ")
	if err != nil {
		return err
	}
	_, err = create(s.dir, manifestFile, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
	return errors.Join(err, onDisk(s.dir))
}

// registry saves the registry, and learns who is pulled from.
func (s *saver) registry(ctx context.Context) error {
	bucket, err := backup.Open(ctx, s.nc)
	if err != nil {
		return err
	}
	var content bytes.Buffer
	if _, err := bucket.Write(ctx, &content, func(n int) { s.told("entries of the registry", int64(n)) }); err != nil {
		return err
	}
	if s.pulled, err = pulledFrom(content.Bytes()); err != nil {
		return err
	}
	if s.m.Registry, err = create(s.dir, registryFile, func(w io.Writer) error {
		_, err := w.Write(content.Bytes())
		return err
	}); err != nil {
		return err
	}
	_, s.m.RegistryBucket, err = s.config(ctx, "KV_"+schemas.BucketRegistry)
	return err
}

// pulledFrom are the endpoints of a registry that are pulled from.
func pulledFrom(content []byte) (found []string, err error) {
	err = entries(content, func(key string, value []byte) {
		var e struct{ Pull bool }
		id, is := strings.CutPrefix(key, "endpoint.")
		if is && json.Unmarshal(value, &e) == nil && e.Pull {
			found = append(found, id)
		}
	})
	return found, err
}

// config is a stream's, as a value and as JSON.
func (s *saver) config(ctx context.Context, name string) (jetstream.Stream, json.RawMessage, error) {
	stream, err := s.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil, err
	}
	if err != nil {
		return nil, nil, unavailable("read stream "+name, err)
	}
	text, err := json.Marshal(stream.CachedInfo().Config)
	return stream, text, err
}

// queues saves DELIVERIES and PULL.
func (s *saver) queues(ctx context.Context) (err error) {
	if s.returns, err = hear(s.nc, s.pulled); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.returns.end()) }()
	if s.floors, err = s.fanout(ctx); err != nil {
		return err
	}
	for shard := 0; ; shard++ {
		err := s.queue(ctx, schemas.DeliveriesShard(shard), nil)
		if errors.Is(err, jetstream.ErrStreamNotFound) && shard > 0 {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := s.queue(ctx, schemas.StreamPull, s.pullers); err != nil {
		return err
	}
	if len(s.pulled) == 0 {
		return nil
	}
	select {
	case <-time.After(grace):
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.returned()
}

// returned adds what was moved from PULL to DELIVERIES meanwhile. It is a file of its
// own, published like the others.
func (s *saver) returned() error {
	heard := s.returns.all()
	if len(heard) == 0 {
		return nil
	}
	q := Stream{Name: "returned", Queue: true}
	err := q.write(s.dir, func(lines *queue) error {
		for _, m := range heard {
			if err := lines.add(m); err != nil {
				return err
			}
		}
		return nil
	})
	s.m.Streams = append(s.m.Streams, q)
	return err
}

// fanout is where fanout is in EVENTS: what comes before each place is acknowledged.
func (s *saver) fanout(ctx context.Context) (found []Consumer, err error) {
	for p := 0; ; p++ {
		c, err := s.js.Consumer(ctx, schemas.StreamEvents, schemas.FanoutConsumer(p))
		if errors.Is(err, jetstream.ErrConsumerNotFound) && p > 0 {
			return found, nil
		}
		if err != nil {
			return nil, unavailable("read consumer "+schemas.FanoutConsumer(p), err)
		}
		info := c.CachedInfo()
		found = append(found, Consumer{info.Config, info.AckFloor.Stream + 1})
	}
}

// pullers are the consumers of PULL, which its receivers have made.
func (s *saver) pullers(ctx context.Context, stream jetstream.Stream) (found []Consumer, err error) {
	list := stream.ListConsumers(ctx)
	for info := range list.Info() {
		if info.Config.Durable != "" {
			found = append(found, Consumer{Config: info.Config})
		}
	}
	return found, list.Err()
}

// queue saves a stream message by message. Consumers may be nil.
func (s *saver) queue(ctx context.Context, name string, consumers func(context.Context, jetstream.Stream) ([]Consumer, error)) error {
	stream, config, err := s.config(ctx, name)
	if err != nil {
		return err
	}
	q := Stream{Name: name, Queue: true, Config: config}
	if consumers != nil {
		if q.Consumers, err = consumers(ctx, stream); err != nil {
			return unavailable("read the consumers of "+name, err)
		}
	}
	err = q.write(s.dir, func(lines *queue) error {
		return follow(ctx, s.nc, stream, func(m *nats.Msg) error {
			s.told("messages of "+name, int64(lines.count+1))
			return lines.add(m)
		})
	})
	s.m.Streams = append(s.m.Streams, q)
	return err
}

// write writes a queue's file.
func (q *Stream) write(dir string, fill func(*queue) error) (err error) {
	q.File, err = create(dir, q.Name+".queue.gz", func(w io.Writer) error {
		lines := newQueue(w)
		err := errors.Join(fill(lines), lines.zip.Close())
		q.Messages = lines.count
		return err
	})
	return err
}

// snapshot saves a stream by JetStream's own snapshot, and reads it back.
func (s *saver) snapshot(ctx context.Context, name string) (err error) {
	file := name + ".snapshot"
	is := Stream{Name: name}
	var of snapshot
	read := int64(0)
	is.File, err = create(s.dir, file, func(w io.Writer) (err error) {
		of, err = receive(ctx, s.nc, name, w, func(n int) {
			read += int64(n)
			s.told("bytes of "+name, read)
		})
		return err
	})
	if err != nil {
		return unavailable("save stream "+name, err)
	}
	is.Config, is.State = of.Config, of.State
	if name == schemas.StreamEvents {
		is.Consumers = s.floors
	}
	if is.Messages, is.LastSequence, err = inspect(filepath.Join(s.dir, file)); err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "save stream %s: %w: repeat the backup", name, err)
	}
	s.m.Streams = append(s.m.Streams, is)
	return nil
}

// String says what a backup has.
func (m *Manifest) String() string {
	messages, bytes := m.size()
	return fmt.Sprintf("%d messages in %.1f MB, of all that was accepted until %s", messages, float64(bytes)/1e6, m.Began.Format(time.RFC3339))
}
