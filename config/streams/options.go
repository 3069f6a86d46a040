package streams

import (
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Options is what an operator decides about storage. The zero value of each
// field asks for the default.
type Options struct {
	// Layout cuts the work; 32 partitions in 4 shards by default. Fixed once the
	// streams exist.
	Layout schemas.Layout
	// Replicas of every stream and bucket: 1 (default), or 3 on a cluster.
	Replicas int
	// EventsMaxAge is how long EVENTS keeps events for replay. 7 days by default.
	// An event that waits longer than this for fanout is lost, so it also bounds
	// how long fanout may be down. A delivery that refers to its event, being
	// large, may not wait longer either: it dies as event_expired.
	EventsMaxAge time.Duration
	// DeadMaxAge is how long DEAD keeps what was given up. 30 days by default.
	DeadMaxAge time.Duration
	// LogMaxAge is how long LOG keeps what became of events and deliveries. 30 days by
	// default.
	LogMaxAge time.Duration
	// AuditMaxAge is how long AUDIT keeps who changed what. 400 days by default.
	AuditMaxAge time.Duration
	// DedupWindow is how long JetStream remembers message ids: how late a step
	// may be repeated and still change nothing. 2 minutes by default. Memory
	// grows with it: about 150 bytes for each message of the window.
	DedupWindow time.Duration
	// MaxEventSize bounds an event's data, in bytes. 1 MiB by default.
	MaxEventSize int
}

// AckWait is how long JetStream waits before it gives a message, taken by a
// process that died, to another. Live processes extend it as they work.
const AckWait = 10 * time.Second

// MemberTTL is how long a process that stopped without a word still counts as
// alive.
const MemberTTL = 10 * time.Second

const (
	// maxPartitions keeps the consumers of EVENTS far from JetStream's limits.
	maxPartitions = 256
	// maxAckPending is how many messages of a partition may be with a process at
	// once: throughput grows with it up to about a thousand (measured: 64 gives
	// 96k msg/s, 1 000 gives 148k msg/s).
	maxAckPending = 8192
	// maxEventsPending is as much of the events of a partition: as many of a tenant
	// whose filters are costly are taken out of the others' way (measured: while
	// 4 000 events of 4 ms each wait, another tenant's take 40 ms at the 99th
	// percentile; with 1 000 they take 5.5 s).
	maxEventsPending = 5000
	// headerReserve is what a delivery or dead letter adds to the event's
	// message at most: its history and reason, in bytes.
	headerReserve = 32 << 10
)

func (o Options) withDefaults() Options {
	if o.Layout.Partitions == 0 {
		o.Layout.Partitions = 32
	}
	if o.Layout.Shards == 0 {
		o.Layout.Shards = min(4, o.Layout.Partitions)
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.EventsMaxAge == 0 {
		o.EventsMaxAge = 7 * 24 * time.Hour
	}
	if o.DeadMaxAge == 0 {
		o.DeadMaxAge = 30 * 24 * time.Hour
	}
	if o.LogMaxAge == 0 {
		o.LogMaxAge = 30 * 24 * time.Hour
	}
	if o.AuditMaxAge == 0 {
		o.AuditMaxAge = 400 * 24 * time.Hour
	}
	if o.DedupWindow == 0 {
		o.DedupWindow = 2 * time.Minute
	}
	if o.MaxEventSize == 0 {
		o.MaxEventSize = schemas.MaxEventSize
	}
	return o
}

func (o Options) validate() error {
	switch l := o.Layout; {
	case l.Partitions < 1 || l.Partitions > maxPartitions:
		return schemas.Errorf(schemas.CodeInvalid, "partitions is %d: use 1 to %d", l.Partitions, maxPartitions)
	case l.Shards < 1 || l.Shards > l.Partitions:
		return schemas.Errorf(schemas.CodeInvalid, "shards is %d: use 1 to the number of partitions, %d", l.Shards, l.Partitions)
	case o.Replicas != 1 && o.Replicas != 3:
		return schemas.Errorf(schemas.CodeInvalid, "replicas is %d: use 1, or 3 on a cluster of at least three servers", o.Replicas)
	case o.EventsMaxAge < o.DedupWindow:
		return schemas.Errorf(schemas.CodeInvalid, "events are kept for %s, less than the deduplication window of %s: keep them longer", o.EventsMaxAge, o.DedupWindow)
	case o.MaxEventSize < 1:
		return schemas.Errorf(schemas.CodeInvalid, "the largest event is %d bytes: use at least 1", o.MaxEventSize)
	}
	return nil
}
