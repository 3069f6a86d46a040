package schemas

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// Record is a line of the delivery log. Exactly one of its fields is set. Records
// come in any order, and some twice: what they say holds all the same.
type Record struct {
	Event   *EventRecord   `json:"event,omitempty"`
	Attempt *AttemptRecord `json:"attempt,omitempty"`
	Replay  *ReplayRecord  `json:"replay,omitempty"`
}

// EventRecord says what fanout made of an event.
type EventRecord struct {
	// Sequence is its place in EVENTS. Of a test delivery's event, which is not there, it
	// is any number up to 1<<48, the one in the delivery's id.
	Sequence uint64    `json:"seq"`
	Accepted time.Time `json:"accepted"` // when EVENTS stored it, to the millisecond
	EventSummary
	// Endpoints are those it goes to; none if nothing matched. Where they are many,
	// several records name them.
	Endpoints []EndpointID `json:"endpoints,omitempty"`
	// Late says that Endpoints get it long after it came, by the history of a
	// subscription, beside those it went to then.
	Late bool `json:"late,omitempty"`
	// Dead and Detail say why it died before it became deliveries, if it did.
	Dead   Reason `json:"dead,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// EventSummary is what the log keeps of an event: its attributes, not its data.
// All is empty that is unknown of it, as of what is no CloudEvent.
type EventSummary struct {
	ID      string    `json:"id,omitempty"`
	Source  string    `json:"source,omitempty"`
	Type    string    `json:"type,omitempty"`
	Subject string    `json:"subject,omitempty"` // CloudEvents' subject
	Time    time.Time `json:"time,omitzero"`     // CloudEvents' time
	Size    int       `json:"size,omitempty"`    // of its data, in bytes
	Trace   string    `json:"trace,omitempty"`   // W3C trace id, 32 hexadecimal digits
}

// Summarize reads an event's attributes in binary mode; size is its data's, in bytes.
func Summarize(h Header, size int) EventSummary {
	return EventSummary{
		ID: attribute(h, attributeID), Source: attribute(h, attributeSource), Type: attribute(h, attributeType),
		Subject: attribute(h, attributeSubject), Trace: traceOf(h), Time: timeOf(h), Size: size,
	}
}

func timeOf(h Header) time.Time {
	t, _ := time.Parse(time.RFC3339, attribute(h, attributeTime)) // empty, or of what is no CloudEvent
	return t
}

// traceOf is the trace id of the CloudEvents extension "traceparent" (W3C Trace
// Context, section 3.2.2), or empty.
func traceOf(h Header) string {
	parts := strings.Split(attribute(h, attributeTrace), "-")
	if len(parts) < 4 || len(parts[1]) != 32 {
		return ""
	}
	return parts[1]
}

// AttemptRecord says how an attempt ended, or that a delivery died without one.
type AttemptRecord struct {
	Delivery DeliveryID `json:"delivery"`
	Endpoint EndpointID `json:"endpoint"`
	// Event is what is known of it: id, source, type and subject.
	Event EventSummary `json:"of"`
	// Attempt's number is 0 if no request was made; its time is set all the same.
	Attempt Attempt `json:"attempt"`
	Kind    Kind    `json:"outcome"`
	// Replay is when this was asked for once more: of a replay's attempts only. They
	// come after all that was before, whatever the clocks say.
	Replay time.Time `json:"replay,omitzero"`
	Reason Reason    `json:"why"` // the outcome's; Attempt.Reason is what the attempt itself met
	// Next is when the next attempt is due: of a retry only.
	Next time.Time `json:"next,omitzero"`
	// Exchange is nil if no request was made.
	Exchange   *Exchange `json:"exchange,omitempty"`
	Dispatcher string    `json:"by,omitempty"` // the process
}

// ReplayRecord says that a delivery is made once more, and is on its way.
type ReplayRecord struct {
	Delivery DeliveryID `json:"delivery"`
	Endpoint EndpointID `json:"endpoint"`
	Asked    time.Time  `json:"asked"`         // [Replay.Asked]
	Job      string     `json:"job,omitempty"` // of which it is a part; empty for one alone
}

// Exchange is what an attempt sent and got, as a person needs it to see what went
// wrong. It has no secrets.
type Exchange struct {
	URL string `json:"url"` // without its query
	// Sent is the size of the request's body, in bytes.
	Sent int `json:"sent,omitempty"`
	// Header is the request's, but for what the endpoint's owner has set: of an
	// attempt that did not succeed.
	Header Header `json:"header,omitempty"`
	// Got is the size of the response's body, in bytes, as far as it was read; Body is
	// its beginning, at most [MaxResponse] bytes, with U+FFFD for what is no text.
	Got  int    `json:"got,omitempty"`
	Body string `json:"body,omitempty"`
	// Answer is the response's header: of an attempt that did not succeed, and at most
	// [MaxAnswer] bytes of it.
	Answer  Header  `json:"answer,omitempty"`
	Timings Timings `json:"timings,omitzero"`
}

const (
	// MaxResponse bounds Exchange.Body, in bytes.
	MaxResponse = 4 << 10
	// MaxAnswer bounds Exchange.Answer, in bytes.
	MaxAnswer = 2 << 10
)

// Timings are how long the phases of an exchange took. One that did not happen is 0,
// like connecting where a connection was open.
type Timings struct {
	DNS     Duration `json:"dns,omitempty"`
	Connect Duration `json:"connect,omitempty"`
	TLS     Duration `json:"tls,omitempty"`
	// FirstByte is from there being a connection to the end of the response's header:
	// the sending of the request is in it.
	FirstByte Duration `json:"first_byte,omitempty"`
	// Body is the reading of the response's body.
	Body Duration `json:"body,omitempty"`
}

// Journal takes a record into a tenant's delivery log. It does not wait: written is
// called once the record is stored, or as soon as it is clear that this takes too
// long. The log never stops deliveries.
type Journal func(tenant TenantID, r Record, written func())

// AppendRecord appends a record to a message of LOG. Details are shortened to
// [MaxDeadDetail].
func AppendRecord(to []byte, r Record) []byte {
	if e := r.Event; e != nil && len(e.Detail) > MaxDeadDetail {
		short := *e
		short.Detail = clip(e.Detail, MaxDeadDetail)
		r.Event = &short
	}
	if a := r.Attempt; a != nil && len(a.Attempt.Detail) > MaxDeadDetail {
		short := *a
		short.Attempt.Detail = clip(a.Attempt.Detail, MaxDeadDetail)
		r.Attempt = &short
	}
	b := bytes.NewBuffer(to)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(r) // strings, numbers and times of this century: cannot fail
	return b.Bytes()
}

// valid reports whether exactly one field is set.
func (r Record) valid() bool {
	set := 0
	for _, is := range []bool{r.Event != nil, r.Attempt != nil, r.Replay != nil} {
		if is {
			set++
		}
	}
	return set == 1
}

// ReadRecords reads a message of LOG. Lines that are no records are left out, and
// counted: another version may have written them.
func ReadRecords(subject string, body []byte) (tenant TenantID, records []Record, unread int, err error) {
	if tenant, err = LogTenant(subject); err != nil {
		return "", nil, 0, err
	}
	for line := range bytes.Lines(body) {
		var r Record
		if json.Unmarshal(line, &r) != nil || !r.valid() {
			unread++
			continue
		}
		records = append(records, r)
	}
	return tenant, records, unread, nil
}

// CutRecords is a message of LOG without the records that drop names, byte for byte:
// lines that are no records stay. Cut is how many records were dropped.
func CutRecords(body []byte, drop func(Record) bool) (kept []byte, cut int) {
	for line := range bytes.Lines(body) {
		var r Record
		if json.Unmarshal(line, &r) == nil && r.valid() && drop(r) {
			cut++
			continue
		}
		kept = append(kept, line...)
	}
	return kept, cut
}

// Of is the event that a record is about: when EVENTS stored it, and its sequence.
// An error means that the record names no delivery.
func (r Record) Of() (accepted time.Time, sequence uint64, err error) {
	switch {
	case r.Event != nil:
		return r.Event.Accepted, r.Event.Sequence, nil
	case r.Attempt != nil:
		return r.Attempt.Delivery.Accepted()
	case r.Replay != nil:
		return r.Replay.Delivery.Accepted()
	}
	return accepted, 0, Errorf(CodeInvalid, "the record is empty")
}
