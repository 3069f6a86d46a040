package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
)

// Event is a CloudEvents 1.0.2 event, as the CloudEvents SDK holds it.
type Event = event.Event

// Header is the header of a NATS message (nats.Header converts to it). Unlike
// HTTP's its names are case-sensitive.
type Header = map[string][]string

// MaxEventSize is the default bound of an event's data, in bytes.
const MaxEventSize = 1 << 20

// MaxAttributesSize bounds the header of an event's message, in bytes on the
// wire: its attributes with names, percent-encoding and line ends, and room for
// its deduplication id. They travel in the header of every delivery.
const MaxAttributesSize = 16 << 10

// MaxTypeSize bounds an event's type, in bytes as [EventSubject] encodes it. A
// NATS server closes the connection of a client whose protocol line, of which
// the subject is a part, is longer than 4 KiB.
const MaxTypeSize = 1 << 10

// maxMessageID bounds EventMessageID, in bytes: JetStream holds the ids of the
// whole deduplication window in memory.
const maxMessageID = 255

// EventMessageID is the deduplication id of an event: CloudEvents names an
// event by source and id together (CloudEvents 1.0.2, "id"), so those two,
// percent-encoded and with a space between, or their SHA-256 if they are long.
func EventMessageID(e *Event) string {
	id := encodeValue(e.Source()) + " " + encodeValue(e.ID())
	if len(id) <= maxMessageID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// EventTime is the event's time, or accepted if it has none.
func EventTime(e *Event, accepted time.Time) time.Time {
	if t := e.Time(); !t.IsZero() {
		return t
	}
	return accepted
}
