package dialect

import (
	"encoding/json"
	"net/http"

	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// Standard is Standard Webhooks 1.0.0.
//
// The body is {"type": …, "timestamp": …, "data": …}: the CloudEvents type, the
// event's time in RFC 3339, and the event's data as its producer wrote it, or
// null. The headers are webhook-id, webhook-timestamp (of the attempt) and
// webhook-signature.
type Standard struct{}

// Body wraps the event's data without parsing it: fanout has checked it.
func (Standard) Body(d *schemas.Delivery) ([]byte, error) {
	data := d.Data
	if len(data) == 0 {
		data = []byte("null")
	}
	eventType, err := json.Marshal(d.EventType())
	if err != nil {
		return nil, err
	}
	const around = len(`{"type":,"timestamp":"","data":}`)
	timestamp := d.EventTime()
	b := make([]byte, 0, around+len(eventType)+len(timestamp)+len(data))
	b = append(b, `{"type":`...)
	b = append(b, eventType...)
	b = append(b, `,"timestamp":"`...)
	b = append(b, timestamp...) // RFC 3339: nothing to escape
	b = append(b, `","data":`...)
	b = append(b, data...)
	return append(b, '}'), nil
}

// Sign sets the three headers of the specification.
func (Standard) Sign(h http.Header, s Signing) {
	id := string(s.Delivery.ID)
	// Lower case as the specification writes them; HTTP does not mind.
	h[signing.HeaderID] = []string{id}
	h[signing.HeaderTimestamp] = []string{signing.Timestamp(s.At)}
	h[signing.HeaderSignature] = []string{signing.Signatures(s.Keys, id, s.At, s.Body)}
}
