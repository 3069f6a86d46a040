package saved

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	format       = "tidings-streams"
	version      = 1
	manifestFile = "manifest.json"
	registryFile = "registry.backup"
)

// Manifest is what a folder holds.
type Manifest struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	// Began is the time up to which everything is in it; Ended is when it was whole.
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
	// Server is the version of NATS that wrote the snapshots.
	Server string `json:"server"`
	// Registry is the file of the bucket's entries, and RegistryBucket its stream.
	Registry       File            `json:"registry"`
	RegistryBucket json.RawMessage `json:"registry_bucket"`
	// Streams are in the order in which they were read.
	Streams []Stream `json:"streams"`
}

// File is a file of the folder.
type File struct {
	Name   string `json:"file"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Stream is a stream and the file of its messages.
type Stream struct {
	Name string `json:"stream"`
	// Queue tells that the file has a line for each message, which is published; else it
	// is a snapshot.
	Queue bool `json:"queue,omitempty"`
	File
	Messages int `json:"messages"`
	// LastSequence is the last of the snapshot.
	LastSequence uint64 `json:"last_sequence,omitempty"`
	// Config is the stream's as JetStream tells it, and State what it wants to be told of
	// a snapshot.
	Config json.RawMessage `json:"config,omitempty"`
	State  json.RawMessage `json:"state,omitempty"`
	// Consumers are the durable ones; those of DEAD are in its snapshot.
	Consumers []Consumer `json:"consumers,omitempty"`
}

// Consumer is a durable consumer.
type Consumer struct {
	Config jetstream.ConsumerConfig `json:"config"`
	// Next is the sequence in EVENTS from which it goes on; 0 in queues, where what is
	// there is to do.
	Next uint64 `json:"next,omitempty"`
}

// messages and bytes are of all files.
func (m *Manifest) size() (messages int, bytes int64) {
	bytes = m.Registry.Bytes
	for _, s := range m.Streams {
		messages += s.Messages
		bytes += s.Bytes
	}
	return messages, bytes
}

// Read reads a folder's manifest, and wants every file as it was written: else it is a
// [schemas.CodeInvalid]. Done is told how many bytes of all are read.
func Read(dir string, done func(bytes, all int64)) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestFile)) //nolint:gosec // what the operator names
	if errors.Is(err, fs.ErrNotExist) {
		return nil, schemas.Errorf(schemas.CodeInvalid, "%s is no backup of streams: it has no %s, which is written last", dir, manifestFile)
	}
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := json.Unmarshal(text, m); err != nil || m.Format != format {
		return nil, schemas.Errorf(schemas.CodeInvalid, "%s is not the manifest of a backup: use another copy; nothing was written", filepath.Join(dir, manifestFile))
	}
	if m.Version != version {
		return nil, schemas.Errorf(schemas.CodeInvalid, "the backup is of the version %d, and this program reads %d: use the release of Tidings that wrote it; nothing was written", m.Version, version)
	}
	files := []File{m.Registry}
	for _, s := range m.Streams {
		files = append(files, s.File)
	}
	_, all := m.size()
	read := int64(0)
	for _, f := range files {
		if err := f.check(dir); err != nil {
			return nil, err
		}
		read += f.Bytes
		done(read, all)
	}
	return m, nil
}

// check wants the file as it was written.
func (f File) check(dir string) error {
	if f.Name != filepath.Base(f.Name) {
		return schemas.Errorf(schemas.CodeInvalid, "the manifest names the file %q outside of %s: use another copy; nothing was written", f.Name, dir)
	}
	is, err := describe(dir, f.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return schemas.Errorf(schemas.CodeInvalid, "the backup lacks %s: use another copy; nothing was written", f.Name)
	}
	if err != nil {
		return err
	}
	if is != f {
		return schemas.Errorf(schemas.CodeInvalid, "%s is cut short or was altered: it has %d bytes of %d, and another checksum: use another copy; nothing was written", filepath.Join(dir, f.Name), is.Bytes, f.Bytes)
	}
	return nil
}

// describe is a file as it is.
func describe(dir, name string) (File, error) {
	f, err := os.Open(filepath.Join(dir, name)) //nolint:gosec // a file of the backup
	if err != nil {
		return File{}, err
	}
	defer f.Close() //nolint:errcheck // read only
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return File{}, fmt.Errorf("read %s: %w", name, err)
	}
	return File{name, n, hex.EncodeToString(sum.Sum(nil))}, nil
}

// create makes a file of the folder, which is on the disk when write has returned.
func create(dir, name string, write func(io.Writer) error) (File, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // in the folder that the operator names
	if err != nil {
		return File{}, err
	}
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return File{}, err
	}
	return describe(dir, name)
}

func unavailable(doing string, err error) error {
	return schemas.Errorf(schemas.CodeUnavailable, "%s: %w", doing, err)
}
