package direct

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
)

// Get reads the message at a sequence; nil if there is none. Any replica of the
// stream may have it, and only the leader can say that there is none.
func Get(ctx context.Context, nc *nats.Conn, stream string, sequence uint64) (*Message, error) {
	r := request{Sequence: max(sequence, 1)}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, apiDirectGet+stream, text)
	if err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", stream, sequence, err)
	}
	if added(m, headerSequence) == "" {
		if status := m.Header.Get(headerStatus); status != statusNone {
			return nil, schemas.Errorf(schemas.CodeUnavailable, "read %s at %d: JetStream answered %s", stream, sequence, status)
		}
		return ask(ctx, nc, stream, r)
	}
	at, err := time.Parse(time.RFC3339Nano, added(m, headerTime))
	if err != nil {
		return nil, fmt.Errorf("read %s at %d: %w", stream, sequence, err)
	}
	m.Subject = added(m, headerSubject)
	return &Message{m, sequence, at}, nil
}

// added is a header that JetStream adds to a message it was asked for, after all
// that whoever wrote the message gave it, of the same name too.
func added(m *nats.Msg, name string) string {
	values := m.Header[name]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}
