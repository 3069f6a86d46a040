package schemas

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"
)

// Headers that Tidings adds to the event's own on its way to an endpoint.
const (
	headerDelivery  = "Tidings-Delivery"
	headerTenant    = "Tidings-Tenant"
	headerAttempts  = "Tidings-Attempts"
	headerHistory   = "Tidings-History"
	headerReference = "Tidings-Reference"
	headerReplay    = "Tidings-Replay"
	headerLate      = "Tidings-Late"
	headerTrace     = "Tidings-Trace"
	headerReason    = "Tidings-Reason"
	headerDetail    = "Tidings-Detail"
)

// Delivery is one event on its way to one endpoint, as it lies in a delivery
// stream: the event in binary mode, and beside it whose it is and what was
// tried.
type Delivery struct {
	ID       DeliveryID
	Tenant   TenantID
	Endpoint EndpointID
	// Sequence is that of the message it was read from; 0 if it comes straight from its
	// event. It is not stored.
	Sequence uint64
	// Attempts is how many were made. It counts on when History is shortened.
	Attempts int
	History  []Attempt
	// Replay is set if somebody asked for it.
	Replay *Replay
	// Late says that a subscription's history makes it, which may be long after its event
	// came.
	Late bool
	// Event holds the "ce-" headers, in canonical names.
	Event Header
	// Data is the event's data: JSON, or empty. With a Reference it is the data if
	// that is at hand, and nil if EVENTS must be asked for it.
	Data []byte
	// Reference is how many bytes of data EVENTS holds for the delivery, at the
	// sequence in ID, so that they are not stored with it; 0 if they are.
	Reference int
	// Trace is where fanout's span of the event is, as package tracing writes it;
	// empty if there is none.
	Trace string
}

// Size is how many bytes of data the event has.
func (d *Delivery) Size() int { return max(d.Reference, len(d.Data)) }

// Body is the body of the delivery's message: its data, unless EVENTS holds it.
func (d *Delivery) Body() []byte {
	if d.Reference > 0 {
		return nil
	}
	return d.Data
}

// Header is the header of the delivery's message.
func (d *Delivery) Header() Header {
	h := make(Header, len(d.Event)+8)
	maps.Copy(h, d.Event)
	own := [3]string{string(d.ID), string(d.Tenant), d.Trace}
	h[headerDelivery], h[headerTenant] = own[0:1:1], own[1:2:2]
	if d.Trace != "" {
		h[headerTrace] = own[2:3:3]
	}
	if d.Attempts > 0 {
		h[headerAttempts] = []string{strconv.Itoa(d.Attempts)}
		h[headerHistory] = []string{historyJSON(d.History)}
	}
	if d.Reference > 0 {
		h[headerReference] = []string{strconv.Itoa(d.Reference)}
	}
	if d.Replay != nil {
		h[headerReplay] = []string{d.Replay.header()}
	}
	if d.Late {
		h[headerLate] = []string{"1"}
	}
	return h
}

// MessageID is the JetStream deduplication id under which the delivery is stored
// after so many attempts as it has had: writing the same step twice stores it once.
//
// A step is made from one message, whose sequence is in the id. After a crash there may
// be two copies of a delivery, the one behind the other by an attempt, and the retry of
// one takes the place of the other's: what the one has stored must not count for the
// other then, or both are gone.
func (d *Delivery) MessageID() string {
	id := d.replayID()
	if d.Attempts > 0 {
		id += "." + strconv.Itoa(d.Attempts)
	}
	if d.Attempts > 0 && d.Sequence > 0 {
		id += "." + strconv.FormatUint(d.Sequence, 36)
	}
	return id
}

// DeadID is that of its dead letter.
func (d *Delivery) DeadID() string { return d.replayID() + ".dead" }

func (d *Delivery) replayID() string {
	if d.Replay == nil || d.Replay.After.IsZero() {
		return string(d.ID)
	}
	return string(d.ID) + ".r" + d.Replay.token()
}

// DeliveryOf is the id in the header of a delivery or of its dead letter; empty if
// there is none.
func DeliveryOf(h Header) DeliveryID { return DeliveryID(first(h, headerDelivery)) }

// historyJSON does not escape for HTML, which would make a detail up to six
// times as long.
func historyJSON(history []Attempt) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(history) // strings, numbers and times of this century: cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

// ReadDelivery reads a message of a delivery stream, but its sequence. If there is no error, h
// becomes the delivery's: what is not the event's own is deleted from it.
func ReadDelivery(subject string, h Header, body []byte) (*Delivery, error) {
	d := &Delivery{
		ID:       DeliveryID(first(h, headerDelivery)),
		Tenant:   TenantID(first(h, headerTenant)),
		Endpoint: QueueEndpoint(subject),
		Data:     body,
		Trace:    first(h, headerTrace),
		Late:     first(h, headerLate) != "",
	}
	if _, _, err := d.ID.Accepted(); err != nil {
		return nil, err
	}
	if err := d.Tenant.Validate(); err != nil {
		return nil, Errorf(CodeInvalid, "delivery %s: %w", d.ID, err)
	}
	if err := d.Endpoint.Validate(); err != nil {
		return nil, Errorf(CodeInvalid, "delivery %s: subject %q: %w", d.ID, subject, err)
	}
	if err := d.readHistory(h); err != nil {
		return nil, err
	}
	if err := d.readReference(h); err != nil {
		return nil, err
	}
	var err error
	if d.Replay, err = readReplay(h); err != nil {
		return nil, Errorf(CodeInvalid, "delivery %s: %w", d.ID, err)
	}
	for name := range h {
		if !strings.HasPrefix(name, attributePrefix) {
			delete(h, name)
		}
	}
	d.Event = h
	return d, nil
}

func (d *Delivery) readHistory(h Header) error {
	attempts := first(h, headerAttempts)
	if attempts == "" {
		return nil
	}
	n, err := strconv.Atoi(attempts)
	if err != nil || n < 1 {
		return Errorf(CodeInvalid, "delivery %s: header %s is %q: want a number from 1", d.ID, headerAttempts, attempts)
	}
	d.Attempts = n
	if err := json.Unmarshal([]byte(first(h, headerHistory)), &d.History); err != nil {
		return Errorf(CodeInvalid, "delivery %s: header %s: %w", d.ID, headerHistory, err)
	}
	return nil
}

func (d *Delivery) readReference(h Header) error {
	reference := first(h, headerReference)
	if reference == "" {
		return nil
	}
	n, err := strconv.Atoi(reference)
	if err != nil || n < 1 {
		return Errorf(CodeInvalid, "delivery %s: header %s is %q: want a number of bytes from 1", d.ID, headerReference, reference)
	}
	if len(d.Data) > 0 {
		return Errorf(CodeInvalid, "delivery %s: header %s says that its data lies in EVENTS, and it has %d bytes of its own", d.ID, headerReference, len(d.Data))
	}
	d.Data, d.Reference = nil, n
	return nil
}

// Accepted is when EVENTS stored the event, to the millisecond.
func (d *Delivery) Accepted() time.Time {
	at, _, _ := d.ID.Accepted() // ReadDelivery has checked the id
	return at
}

// Since is when its age began: when EVENTS stored the event, or when somebody asked
// for it once more.
func (d *Delivery) Since() time.Time {
	if d.Replay != nil {
		return d.Replay.Asked
	}
	return d.Accepted()
}

// EventType is the CloudEvents type.
func (d *Delivery) EventType() string { return attribute(d.Event, attributeType) }

// EventID is the CloudEvents id.
func (d *Delivery) EventID() string { return attribute(d.Event, attributeID) }

// EventSource is the CloudEvents source.
func (d *Delivery) EventSource() string { return attribute(d.Event, attributeSource) }

// Summary is what the delivery log keeps of the event: id, source, type, subject and
// trace.
func (d *Delivery) Summary() EventSummary {
	return EventSummary{
		ID: d.EventID(), Source: d.EventSource(), Type: d.EventType(),
		Subject: attribute(d.Event, attributeSubject), Trace: traceOf(d.Event),
	}
}

// Created is the trace context the event was created in: see [CreationContext].
func (d *Delivery) Created() (parent, state string) {
	return attribute(d.Event, attributeTrace), attribute(d.Event, attributeState)
}

// EventTime is the CloudEvents time in RFC 3339, or the time of acceptance if
// the event has none.
func (d *Delivery) EventTime() string {
	if t := attribute(d.Event, attributeTime); t != "" {
		return t
	}
	return d.Accepted().Format(time.RFC3339Nano)
}

// attribute is that of an event that Tidings encoded.
func attribute(h Header, name string) string {
	value, _ := decodeValue(first(h, name))
	return value
}

func first(h Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
