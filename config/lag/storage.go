package lag

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Stored is what JetStream stores for the account.
type Stored struct {
	At      time.Time // of the look; the zero time before the first
	Used    uint64    // bytes in files
	Limit   int64     // bytes; negative if nothing but the disk limits it
	Streams map[string]jetstream.StreamState
}

// Storage looks at what is stored, again and again. It is safe for concurrent use.
type Storage struct {
	js    jetstream.JetStream
	names []string
	log   *slog.Logger

	mu   sync.Mutex // guards seen
	seen Stored
}

// NewStorage makes one. It needs the rights of the role api.
func NewStorage(nc *nats.Conn, l schemas.Layout, log *slog.Logger) (*Storage, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	names := []string{schemas.StreamEvents, schemas.StreamDead, schemas.StreamLog, schemas.StreamPull, "KV_" + schemas.BucketRegistry}
	for shard := range l.Shards {
		names = append(names, schemas.DeliveriesShard(shard))
	}
	return &Storage{js: js, names: names, log: log}, nil
}

// Stored is what the last look found. It is not changed afterwards.
func (s *Storage) Stored() Stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// Run looks until ctx ends.
func (s *Storage) Run(ctx context.Context) error {
	return again(ctx, s.log, "storage", s.look)
}

func (s *Storage) look(ctx context.Context) error {
	seen := Stored{At: time.Now(), Streams: map[string]jetstream.StreamState{}}
	account, err := s.js.AccountInfo(ctx)
	if err != nil {
		return err
	}
	seen.Used, seen.Limit = account.Store, account.Limits.MaxStore
	for _, name := range s.names {
		stream, err := s.js.Stream(ctx, name) // asks for its state
		if err != nil {
			return err
		}
		seen.Streams[name] = stream.CachedInfo().State
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = seen
	return nil
}
