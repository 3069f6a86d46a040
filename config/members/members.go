// Package members shares the partitions among the live processes of a role.
//
// Each process keeps one key in a bucket whose keys expire, and watches the
// others'. A partition belongs to the member with the highest hash of
// (member, partition) (rendezvous hashing), so a change of members moves only
// the partitions it must.
//
// Ownership is a matter of speed, never of correctness: JetStream hands a
// message to one process at a time, and acknowledgements decide. While two
// processes disagree for a moment, both may work on a partition.
package members

import (
	"context"
	"hash/fnv"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// Options is who this process is. All fields are required.
type Options struct {
	// Role is "fanout" or "dispatcher".
	Role string
	// ID is unique among the live processes; one NATS subject token.
	ID string
	// Partitions is how many there are to share.
	Partitions int
	// TTL is how long a silent member counts as alive: the bucket's.
	TTL time.Duration
	Log *slog.Logger
}

// Member is this process among the others of its role.
type Member struct {
	o  Options
	kv jetstream.KeyValue
}

// New prepares a member; it joins when it runs.
func New(kv jetstream.KeyValue, o Options) *Member { return &Member{o: o, kv: kv} }

// Run joins and calls work for each partition that is this member's, in a
// goroutine of its own, with a context that ends when the partition moves to
// another. It leaves as soon as ctx ends, so that others take over at once, and
// returns when every work has.
func (m *Member) Run(ctx context.Context, work func(ctx context.Context, partition int)) error {
	watch, err := m.kv.Watch(ctx, m.o.Role+".*")
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "watch members: %w", err)
	}
	defer watch.Stop() //nolint:errcheck // the subscription ends with the connection too
	m.beat(ctx)
	defer m.leave(ctx)

	shift := &shift{work: work, posts: map[int]*post{}}
	defer shift.end()
	live := map[string]bool{m.o.ID: true}
	known := false // all members of the moment have been read
	ticker := time.NewTicker(m.o.TTL / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			m.beat(ctx)
			continue
		case entry, ok := <-watch.Updates():
			if !ok {
				return nil
			}
			if entry == nil {
				known = true
				break
			}
			id := strings.TrimPrefix(entry.Key(), m.o.Role+".")
			alive := entry.Operation() == jetstream.KeyValuePut || id == m.o.ID
			if live[id] == alive {
				continue
			}
			if alive {
				live[id] = true
			} else {
				delete(live, id)
			}
		}
		if known {
			owned := m.owned(live)
			m.o.Log.Info("partitions assigned", "role", m.o.Role, "members", len(live), "owned", len(owned), "of", m.o.Partitions)
			shift.assign(ctx, owned)
		}
	}
}

// beat says that this member lives. A beat that fails is made up by the next:
// the key outlives two.
func (m *Member) beat(ctx context.Context) {
	if _, err := m.kv.PutString(ctx, m.key(), time.Now().UTC().Format(time.RFC3339)); err != nil && ctx.Err() == nil {
		m.o.Log.Warn("member heartbeat", "role", m.o.Role, "error", err)
	}
}

const leaveWait = 2 * time.Second

func (m *Member) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWait)
	defer cancel()
	if err := m.kv.Delete(ctx, m.key()); err != nil {
		m.o.Log.Warn("member leaves unheard; others take over when its key expires", "role", m.o.Role, "error", err)
	}
}

func (m *Member) key() string { return m.o.Role + "." + m.o.ID }

// owned are the partitions for which this member's hash is the highest.
func (m *Member) owned(live map[string]bool) []int {
	ids := make([]string, 0, len(live))
	for id := range live {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var owned []int
	for p := range m.o.Partitions {
		if Owner(ids, p) == m.o.ID {
			owned = append(owned, p)
		}
	}
	return owned
}

// Owner is the member that a partition belongs to.
func Owner(ids []string, partition int) string {
	var (
		owner string
		best  uint64
	)
	for _, id := range ids {
		h := fnv.New64a()
		_, _ = h.Write([]byte(id + "/" + strconv.Itoa(partition)))
		if score := mix(h.Sum64()); owner == "" || score > best {
			owner, best = id, score
		}
	}
	return owner
}

// mix spreads FNV's weak high bits (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
