// Package members shares the partitions among the live processes of a role.
//
// Each process keeps one key in a bucket, writes it again and again, and watches
// the others'. Who has not been heard for the time to live is dead, and its key
// is removed by whoever notices. A partition belongs to the member with the highest hash of
// (member, partition) that has no more than its share (rendezvous hashing with
// bounded loads), so a change of members moves few partitions more than it must.
//
// Ownership is a matter of speed, never of correctness: JetStream hands a
// message to one process at a time, and acknowledgements decide. While two
// processes disagree for a moment, both may work on a partition.
package members

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
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
	// TTL is how long a silent member counts as alive.
	TTL time.Duration
	Log *slog.Logger
}

// Member is this process among the others of its role.
type Member struct {
	o     Options
	kv    jetstream.KeyValue
	watch jetstream.KeyWatcher
}

// New makes a member, which joins when it runs. It hears of the others until ctx ends.
func New(ctx context.Context, kv jetstream.KeyValue, o Options) (*Member, error) {
	watch, err := kv.Watch(ctx, o.Role+".*")
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeUnavailable, "watch members: %w", err)
	}
	return &Member{o: o, kv: kv, watch: watch}, nil
}

// Run joins and calls work for each partition that is this member's, in a
// goroutine of its own, with a context that ends when the partition moves to
// another. It leaves as soon as ctx ends, so that others take over at once, and
// returns when every work has.
func (m *Member) Run(ctx context.Context, work func(ctx context.Context, partition int)) error {
	defer m.watch.Stop() //nolint:errcheck // the subscription ends with the connection too
	shift := &shift{work: work, posts: map[int]*post{}}
	defer shift.end()
	joined := m.join(ctx)
	defer m.strike(context.WithoutCancel(ctx), m.o.ID) // before the work has ended: others need not wait for it

	present := newRoll(m.o)
	known := false // all members of the moment have been read
	ticker := time.NewTicker(m.o.TTL / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			silent := present.forget(time.Now())
			m.beat(ctx)
			if len(silent) == 0 {
				continue
			}
			m.strike(ctx, silent...)
		case entry, ok := <-m.watch.Updates():
			if !ok {
				return nil
			}
			if entry == nil {
				known = true
				break
			}
			id := strings.TrimPrefix(entry.Key(), m.o.Role+".")
			alive := entry.Operation() == jetstream.KeyValuePut
			if alive && joined.Sub(entry.Created()) > m.o.TTL { // dead before this member came
				m.strike(ctx, id)
				continue
			}
			if !present.hear(id, alive, time.Now()) {
				continue
			}
		}
		if known {
			owned := m.owned(present.ids())
			m.o.Log.InfoContext(ctx, "partitions assigned", "role", m.o.Role, "members", len(present.heard), "owned", len(owned), "of", m.o.Partitions)
			shift.assign(ctx, owned)
		}
	}
}

// join says that this member lives, and returns when, on the server's clock.
func (m *Member) join(ctx context.Context) time.Time {
	m.beat(ctx)
	entry, err := m.kv.Get(ctx, m.key(m.o.ID))
	if err != nil {
		return time.Time{} // everybody counts as alive, until silent for long enough
	}
	return entry.Created()
}

// beat says that this member lives. A beat that fails is made up by the next:
// there are three in the time to live.
func (m *Member) beat(ctx context.Context) {
	_, err := m.kv.PutString(ctx, m.key(m.o.ID), time.Now().UTC().Format(time.RFC3339))
	if err != nil && ctx.Err() == nil {
		m.o.Log.WarnContext(ctx, "member heartbeat", "role", m.o.Role, "error", err)
	}
}

const (
	strikeWait = 2 * time.Second
	// struckFor is how long the bucket remembers that a key was removed, for
	// watchers that are cut off for a moment.
	struckFor = time.Hour
)

// strike removes members' keys. A member struck out by mistake is back with its
// next beat.
func (m *Member) strike(ctx context.Context, ids ...string) {
	ctx, cancel := context.WithTimeout(ctx, strikeWait)
	defer cancel()
	for _, id := range ids {
		if err := m.kv.Purge(ctx, m.key(id), jetstream.PurgeTTL(struckFor)); err != nil {
			m.o.Log.WarnContext(ctx, "member not struck out; others take over once it is silent for long enough", "role", m.o.Role, "member", id, "error", err)
		}
	}
}

// Clear strikes everybody out. It is for the process that starts the broker:
// nobody was connected before, so whoever is in the bucket was killed with it.
// Should one be alive all the same, it is back with its next beat.
func Clear(ctx context.Context, kv jetstream.KeyValue) error {
	keys, err := kv.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil
	}
	for _, key := range keys {
		err = errors.Join(err, kv.Purge(ctx, key, jetstream.PurgeTTL(struckFor)))
	}
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "clear members: %w", err)
	}
	return nil
}

func (m *Member) key(id string) string { return m.o.Role + "." + id }

// owned are the partitions that belong to this member.
func (m *Member) owned(ids []string) []int {
	var owned []int
	for p, owner := range Owners(ids, m.o.Partitions) {
		if owner == m.o.ID {
			owned = append(owned, p)
		}
	}
	return owned
}

// Owners are the members to whom the partitions belong, in the order of these:
// each to the member that scores best for it of those that may have one more.
// Nobody has more than one partition more than another.
func Owners(ids []string, partitions int) []string {
	owners := make([]string, partitions)
	if len(ids) == 0 {
		return owners
	}
	each, more := partitions/len(ids), partitions%len(ids)
	has := make(map[string]int, len(ids))
	for p := range owners {
		var best uint64
		for _, id := range ids {
			room := has[id] < each || has[id] == each && more > 0
			if s := score(id, p); room && (owners[p] == "" || s > best) {
				owners[p], best = id, s
			}
		}
		if has[owners[p]] == each {
			more--
		}
		has[owners[p]]++
	}
	return owners
}

// score is how well a member and a partition go together.
func score(id string, partition int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id + "/" + strconv.Itoa(partition)))
	return mix(h.Sum64())
}

// mix spreads FNV's weak high bits (the finalizer of MurmurHash3).
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
