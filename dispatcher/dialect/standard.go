package dialect

import (
	"encoding/json"
	"net/http"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// standard is Standard Webhooks 1.0.0.
//
// The body is {"type": …, "timestamp": …, "data": …}: the CloudEvents type, the
// event's time in RFC 3339, and the event's data as its producer wrote it, or
// null. The headers are webhook-id, webhook-timestamp (of the attempt) and
// webhook-signature.
func standard() Dialect {
	return Dialect{
		Timeout:  Timeout,
		Schedule: retry.Standard(),
		Writer: func(e schemas.Endpoint) (Writer, error) {
			keys, err := parseKeys(e)
			return standardWriter{keys}, err
		},
	}
}

type standardWriter struct{ keys webhookKeys }

// Body wraps the event's data without parsing it: fanout has checked it.
func (standardWriter) Body(a Attempt) ([]byte, error) {
	d := a.Delivery
	data := orNull(d.Data)
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

func (w standardWriter) Head(h http.Header, a Attempt, body []byte) {
	h.Set("Content-Type", mediaJSON)
	w.keys.sign(h, a, body)
}

func orNull(data []byte) []byte {
	if len(data) == 0 {
		return []byte("null")
	}
	return data
}

// webhookKeys sign as Standard Webhooks 1.0.0 has it, which other dialects do
// too.
type webhookKeys []signing.Key // newest first

func parseKeys(e schemas.Endpoint) (webhookKeys, error) {
	keys := make(webhookKeys, len(e.Secrets))
	for i, s := range e.Secrets {
		k, err := signing.ParseKey(s.Reveal())
		if err != nil {
			return nil, schemas.Errorf(schemas.CodeInvalid, "secrets[%d]: %w", i, err)
		}
		if !k.CanSign() {
			return nil, schemas.Errorf(schemas.CodeInvalid, "secrets[%d]: it is a public key, which only verifies: give the secret one, which begins with \"whsk_\"", i)
		}
		keys[i] = k
	}
	return keys, nil
}

// sign sets the three headers of the specification, in lower case as it writes
// them; HTTP does not mind.
func (keys webhookKeys) sign(h http.Header, a Attempt, body []byte) {
	id := string(a.Delivery.ID)
	h[signing.HeaderID] = []string{id}
	h[signing.HeaderTimestamp] = []string{signing.Timestamp(a.At)}
	h[signing.HeaderSignature] = []string{signing.Signatures(keys, id, a.At, body)}
}
