package schemas

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
)

// Every JetStream name is made here and nowhere else.
const (
	StreamEvents   = "EVENTS"
	StreamDead     = "DEAD"
	StreamLog      = "LOG"
	StreamAudit    = "AUDIT"
	StreamPull     = "PULL"
	BucketRegistry = "tidings-registry"
	BucketMembers  = "tidings-members"
	// BucketIdempotency keeps the API's answers for a day.
	BucketIdempotency = "tidings-idempotency"

	eventsPrefix = "events."
	readyPrefix  = "ready."
	laterPrefix  = "later."
	heldPrefix   = "held."
	deadPrefix   = "dead."
	logPrefix    = "log."
	auditPrefix  = "audit."
	pullPrefix   = "pull."

	// deadEvent takes an endpoint's place in the subject of a dead event.
	deadEvent = "event"
)

// Layout is how the work is cut. It is fixed when the streams are first made:
// a delivery is found by its partition.
type Layout struct {
	// Partitions is the number of lanes of EVENTS and of the delivery shards,
	// the unit in which members share the work.
	Partitions int
	// Shards is the number of delivery streams, at most Partitions.
	Shards int
}

// Partition is the lane of an endpoint's deliveries.
func (l Layout) Partition(endpoint EndpointID) int { return l.lane(string(endpoint)) }

// lane is how NATS itself partitions (subject mapping, "partition").
func (l Layout) lane(name string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return int(h.Sum32() % uint32(l.Partitions))
}

// DeliveriesStream is the work-queue stream that holds a partition's deliveries.
func (l Layout) DeliveriesStream(partition int) string {
	return DeliveriesShard(partition % l.Shards)
}

// DeliveriesShard is the name of a delivery stream.
func DeliveriesShard(shard int) string { return fmt.Sprintf("DELIVERIES_%d", shard) }

// ShardSubjects are what a delivery stream stores: the lanes of its partitions.
func (l Layout) ShardSubjects(shard int) []string {
	var subjects []string
	for p := shard; p < l.Partitions; p += l.Shards {
		for _, prefix := range []string{readyPrefix, laterPrefix, heldPrefix} {
			subjects = append(subjects, fmt.Sprintf("%s%d.>", prefix, p))
		}
	}
	return subjects
}

// FanoutConsumer is the durable consumer of one partition of EVENTS.
func FanoutConsumer(partition int) string { return fmt.Sprintf("fanout-%d", partition) }

// DispatchConsumer is the durable consumer of one partition's due deliveries.
func DispatchConsumer(partition int) string { return fmt.Sprintf("dispatch-%d", partition) }

// AnnounceConsumer is the durable consumer of DEAD by which deaths are announced.
const AnnounceConsumer = "announce"

// EventsSubjects are what producers may publish to.
const EventsSubjects = eventsPrefix + "*.>"

// EventsTransform makes EVENTS store each event under its tenant's partition:
// events.<tenant>.<type> becomes events.<p>.<tenant>.<type>.
func (l Layout) EventsTransform() (source, destination string) {
	return "events.*.>", fmt.Sprintf("events.{{partition(%d,1)}}.{{wildcard(1)}}.>", l.Partitions)
}

// EventsFilter selects a partition of EVENTS.
func EventsFilter(partition int) string { return fmt.Sprintf("%s%d.>", eventsPrefix, partition) }

// ReadyFilter selects a partition's due deliveries.
func ReadyFilter(partition int) string { return fmt.Sprintf("%s%d.*", readyPrefix, partition) }

// DeadSubjects are what DEAD stores.
const DeadSubjects = deadPrefix + ">"

// EventSubject is where a producer publishes an event of a tenant:
// events.<tenant>.<type>. Bytes that may not stand in a NATS subject token,
// and '%', are percent-encoded in the type; an empty segment becomes "%".
func EventSubject(tenant TenantID, eventType string) string {
	return eventsPrefix + string(tenant) + "." + encodeType(eventType)
}

// StoredEvent is what the subject of a message in EVENTS says: whose event it
// is, and the subject its producer used.
func StoredEvent(subject string) (tenant TenantID, published string, err error) {
	rest, ok := strings.CutPrefix(subject, eventsPrefix)
	_, rest, found := strings.Cut(rest, ".")
	token, eventType, complete := strings.Cut(rest, ".")
	if !ok || !found || !complete || token == "" || eventType == "" {
		return "", "", Errorf(CodeInvalid, "subject %q: want events.<partition>.<tenant>.<type>", subject)
	}
	return TenantID(token), eventsPrefix + rest, nil
}

// ReadySubject is an endpoint's queue of due deliveries.
func (l Layout) ReadySubject(endpoint EndpointID) string {
	return readyPrefix + strconv.Itoa(l.Partition(endpoint)) + "." + string(endpoint)
}

// LaterSubject holds one delivery until its time. One schedule exists for each
// subject, so a delivery has at most one next attempt.
func (l Layout) LaterSubject(endpoint EndpointID, delivery DeliveryID) string {
	return laterPrefix + strconv.Itoa(l.Partition(endpoint)) + "." + string(endpoint) + "." + string(delivery)
}

// HeldSubject is an endpoint's own queue of deliveries that are due and cannot
// be tried yet.
func (l Layout) HeldSubject(endpoint EndpointID) string {
	return heldPrefix + strconv.Itoa(l.Partition(endpoint)) + "." + string(endpoint)
}

// HeldFilter selects a partition's held queues.
func HeldFilter(partition int) string { return fmt.Sprintf("%s%d.*", heldPrefix, partition) }

// AllHeld selects the held queues of a delivery stream.
const AllHeld = heldPrefix + ">"

// QueueEndpoint is the endpoint whose ready or held queue the subject is.
func QueueEndpoint(subject string) EndpointID {
	return EndpointID(subject[strings.LastIndexByte(subject, '.')+1:])
}

// PullSubjects are what PULL stores.
const PullSubjects = pullPrefix + "*.*"

// PullSubject is the queue from which an endpoint's deliveries are pulled.
func PullSubject(tenant TenantID, endpoint EndpointID) string {
	return pullPrefix + string(tenant) + "." + string(endpoint)
}

// PullConsumer is the durable consumer of an endpoint's queue in PULL.
func PullConsumer(endpoint EndpointID) string { return string(endpoint) }

// LogSubjects are what LOG stores.
const LogSubjects = logPrefix + "*"

// LogSubject is a tenant's delivery log.
func LogSubject(tenant TenantID) string { return logPrefix + string(tenant) }

// AuditSubjects are what AUDIT stores.
const AuditSubjects = auditPrefix + "*"

// AuditSubject is where it is kept who changed what of a tenant's, or of what is no
// tenant's if it is empty.
func AuditSubject(tenant TenantID) string {
	if tenant == "" {
		return auditPrefix + "-" // no tenant's id begins so
	}
	return auditPrefix + string(tenant)
}

// LogTenant is whose log the subject is.
func LogTenant(subject string) (TenantID, error) {
	tenant, ok := strings.CutPrefix(subject, logPrefix)
	if err := TenantID(tenant).Validate(); !ok || err != nil {
		return "", Errorf(CodeInvalid, "subject %q: want log.<tenant>", subject)
	}
	return TenantID(tenant), nil
}

// DeadSubject is where an endpoint's dead deliveries go.
func DeadSubject(tenant TenantID, endpoint EndpointID) string {
	return deadPrefix + deadToken(tenant) + "." + string(endpoint)
}

// DeadEventSubject is where events go that never became deliveries.
func DeadEventSubject(tenant TenantID) string {
	return deadPrefix + deadToken(tenant) + "." + deadEvent
}

// DeadFilter selects a tenant's dead letters.
func DeadFilter(tenant TenantID) string { return deadPrefix + deadToken(tenant) + ".>" }

// deadToken puts what was never a tenant under "%": whoever wrote it may not
// shape the subject, nor make it longer than a server takes.
func deadToken(tenant TenantID) string {
	if tenant.Validate() != nil {
		return "%"
	}
	return string(tenant)
}

func encodeType(eventType string) string {
	if plainType(eventType) {
		return eventType
	}
	segments := strings.Split(eventType, ".")
	for i, s := range segments {
		segments[i] = encodeSegment(s)
	}
	return strings.Join(segments, ".")
}

func plainType(s string) bool {
	last := byte('.')
	for i := range len(s) {
		if c := s[i]; !plainByte(c) && (c != '.' || last == '.') {
			return false
		}
		last = s[i]
	}
	return last != '.'
}

// plainByte reports whether c stands for itself in a subject token.
func plainByte(c byte) bool {
	return c > ' ' && c < 0x7f && c != '.' && c != '*' && c != '>' && c != '%'
}

// encodeSegment percent-encodes what may not stand in a token. An empty
// segment, which NATS does not allow, becomes a bare "%".
func encodeSegment(s string) string {
	if s == "" {
		return "%"
	}
	var b strings.Builder
	for i := range len(s) {
		if plainByte(s[i]) {
			b.WriteByte(s[i])
		} else {
			writePercent(&b, s[i])
		}
	}
	return b.String()
}

// TenantPartition is the lane of a tenant's events, as the server's transform
// computes it.
func (l Layout) TenantPartition(tenant TenantID) int { return l.lane(string(tenant)) }

// TenantFilter selects a tenant's events in EVENTS.
func (l Layout) TenantFilter(tenant TenantID) string {
	return eventsPrefix + strconv.Itoa(l.TenantPartition(tenant)) + "." + string(tenant) + ".>"
}
