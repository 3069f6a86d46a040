package streams

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// layoutKey is the metadata in which each stream remembers the layout it was
// made for.
const layoutKey = "tidings-layout"

// Format is what this program writes, and the newest that it reads: of messages in
// streams and of records in buckets. It reads all older ones, for ever. Each stream
// remembers the format that it may hold, under formatKey; without it that is 1.
//
// A change that programs of the format before ignore without harm, like one more field,
// is no new format. Any other change takes two versions: the first reads the new format
// and writes the old one, the second writes the new one and raises Format. So programs of
// two versions in a row can share the streams, and either may be the last to stay.
const Format = 1

const formatKey = "tidings-format"

func layoutMark(l schemas.Layout) string {
	return fmt.Sprintf("%d partitions, %d shards", l.Partitions, l.Shards)
}

// events is written by producers, read in order by fanout and at random by
// replay. Its bound on a message leaves room for what later stages add, so
// that whatever was accepted can be handed on.
func events(o Options, maxPayload int64) jetstream.StreamConfig {
	source, destination := o.Layout.EventsTransform()
	c := common(o, schemas.StreamEvents)
	c.Description = "Accepted events, by tenant partition"
	c.Subjects = []string{schemas.EventsSubjects}
	c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: source, Destination: destination}
	c.MaxAge = o.EventsMaxAge
	c.MaxMsgSize = int32(min(int64(o.MaxEventSize)+schemas.MaxAttributesSize, maxPayload-headerReserve))
	return c
}

// deliveries is a shard of the endpoints' queues. A message leaves it when a
// dispatcher acks it; a schedule when it fires.
func deliveries(o Options, shard int) jetstream.StreamConfig {
	c := common(o, schemas.DeliveriesShard(shard))
	c.Description = "Deliveries due now and later, by endpoint"
	c.Subjects = o.Layout.ShardSubjects(shard)
	c.Retention = jetstream.WorkQueuePolicy
	// Scheduling refuses DiscardNew (err 10052). The stream has no limit, so
	// nothing is ever discarded.
	c.Discard = jetstream.DiscardOld
	c.AllowMsgSchedules = true
	return c
}

// pull is the queues of the endpoints that are pulled from. A message leaves it when
// whoever has pulled it settles it, or when it dies.
func pull(o Options) jetstream.StreamConfig {
	c := common(o, schemas.StreamPull)
	c.Description = "Deliveries due now, of endpoints that are pulled from"
	c.Subjects = []string{schemas.PullSubjects}
	c.Retention = jetstream.WorkQueuePolicy
	return c
}

// dead keeps what was given up, for people and for replay.
func dead(o Options) jetstream.StreamConfig {
	c := common(o, schemas.StreamDead)
	c.Description = "Deliveries and events that were given up, with the reason"
	c.Subjects = []string{schemas.DeadSubjects}
	c.MaxAge = o.DeadMaxAge
	return c
}

// deliveryLog is read from its beginning whenever what is made of it is made anew. A
// bound in bytes is not set here: JetStream would set so much storage aside.
func deliveryLog(o Options) jetstream.StreamConfig {
	c := common(o, schemas.StreamLog)
	c.Description = "What became of events and deliveries, by tenant"
	c.Subjects = []string{schemas.LogSubjects}
	c.MaxAge = o.LogMaxAge
	return c
}

// audit is what nobody can take anything out of but time.
func audit(o Options) jetstream.StreamConfig {
	c := common(o, schemas.StreamAudit)
	c.Description = "Who changed what, by tenant"
	c.Subjects = []string{schemas.AuditSubjects}
	c.MaxAge = o.AuditMaxAge
	c.DenyDelete, c.DenyPurge = true, true
	return c
}

// common refuses new messages rather than dropping old ones when a limit is
// reached: what was accepted stays.
func common(o Options, name string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        name,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		Replicas:    o.Replicas,
		Duplicates:  o.DedupWindow,
		AllowDirect: true,
		MaxMsgSize:  -1,
		Metadata:    map[string]string{layoutKey: layoutMark(o.Layout), formatKey: strconv.Itoa(Format)},
	}
}

func fanoutConsumer(partition int) jetstream.ConsumerConfig {
	c := durable(schemas.FanoutConsumer(partition), schemas.EventsFilter(partition))
	c.MaxAckPending = maxEventsPending
	return c
}

func dispatchConsumer(partition int) jetstream.ConsumerConfig {
	return durable(schemas.DispatchConsumer(partition), schemas.ReadyFilter(partition))
}

// announceConsumer has what dies from its making on.
func announceConsumer() jetstream.ConsumerConfig {
	c := durable(schemas.AnnounceConsumer, schemas.DeadSubjects)
	c.DeliverPolicy = jetstream.DeliverNewPolicy
	c.HeadersOnly = true
	return c
}

// durable never gives up by itself: a work-queue stream keeps a message that
// reached MaxDeliver as an orphan nobody sees. The stages count attempts.
func durable(name, filter string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       name,
		FilterSubject: filter,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       AckWait,
		MaxDeliver:    -1,
		MaxAckPending: maxAckPending,
	}
}

// registry is a key-value bucket as the client library makes it (NATS ADR-8), but
// for two things. Its leader alone answers: a replica that lags would deny what was
// written a moment ago. And it takes no roll-ups: a message with the header
// "Nats-Rollup: all", to whichever key, removes all the others, and every role may
// write some key.
func registry(o Options) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              "KV_" + schemas.BucketRegistry,
		Description:       "Tenants, endpoints, subscriptions and tokens",
		Subjects:          []string{"$KV." + schemas.BucketRegistry + ".>"},
		MaxMsgsPerSubject: 1,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		Replicas:          o.Replicas,
		DenyDelete:        true,
	}
}

// members outlive the server, so that those who are connected to it find one
// another again. Their keys do not expire: the members remove them. (The file
// store's expiry would not follow a test's clock either.)
func members(o Options) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket:         schemas.BucketMembers,
		Description:    "Live processes, by role",
		Storage:        jetstream.FileStorage,
		Replicas:       o.Replicas,
		LimitMarkerTTL: time.Minute, // lets the marks of removed keys expire
	}
}

// idempotency keeps the answers of the API, by Idempotency-Key, for as long as a
// client may ask again.
func idempotency(o Options) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket:      schemas.BucketIdempotency,
		Description: "Answers of the API, sealed, by Idempotency-Key",
		Storage:     jetstream.FileStorage,
		Replicas:    o.Replicas,
		TTL:         24 * time.Hour,
	}
}
