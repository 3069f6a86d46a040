package fanout

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// apiGet asks the leader of a stream for a message, which the client library
// does not where replicas may answer.
const apiGet = "$JS.API.STREAM.MSG.GET."

// getRequest asks for the first message of a subject from a sequence or a time
// on.
type getRequest struct {
	Sequence uint64     `json:"seq,omitempty"`
	Since    *time.Time `json:"start_time,omitempty"`
	Subject  string     `json:"next_by_subj"`
}

type getAnswer struct {
	Error   *jetstream.APIError `json:"error"`
	Message struct {
		Subject  string    `json:"subject"`
		Sequence uint64    `json:"seq"`
		Header   []byte    `json:"hdrs"`
		Data     []byte    `json:"data"`
		Time     time.Time `json:"time"`
	} `json:"message"`
}

// next is the first event of the subscription's history from a sequence on; 0 is
// where it begins. The stream's leader is asked: a replica that lags would end a
// history too soon.
func (f *Fanout) next(ctx context.Context, s schemas.Subscription, sequence uint64) (at stored, found bool, err error) {
	get := getRequest{Sequence: max(sequence, 1), Subject: f.o.Layout.TenantFilter(s.Tenant)}
	if sequence == 0 && !s.History.From.IsZero() {
		get.Sequence, get.Since = 0, &s.History.From
	}
	request, err := json.Marshal(get)
	if err != nil {
		return stored{}, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	m, err := f.nc.RequestWithContext(ctx, apiGet+schemas.StreamEvents, request)
	if err != nil {
		return stored{}, false, schemas.Errorf(schemas.CodeUnavailable, "read EVENTS: %w", err)
	}
	var answer getAnswer
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return stored{}, false, schemas.Errorf(schemas.CodeUnavailable, "read EVENTS: %w", err)
	}
	switch e := answer.Error; {
	case e != nil && e.Code == http.StatusNotFound:
		return stored{}, false, nil
	case e != nil:
		return stored{}, false, schemas.Errorf(schemas.CodeUnavailable, "read EVENTS: %w", e)
	}
	a := answer.Message
	header, err := nats.DecodeHeadersMsg(a.Header)
	if err != nil {
		header = nil // it has none, or is no event
	}
	return stored{a.Subject, header, a.Data, a.Sequence, a.Time}, true, nil
}

// nextOrEnd is next, and nothing is found only if EVENTS had come as far as the
// history's end before it was looked for: a leader that was deposed, and has not
// heard of it, would end a history too soon.
func (f *Fanout) nextOrEnd(ctx context.Context, s schemas.Subscription, sequence uint64) (at stored, found bool, err error) {
	at, found, err = f.next(ctx, s, sequence)
	if err != nil || found || s.History.Until == 0 {
		return at, found, err
	}
	if err := f.holds(ctx, s.History.Until); err != nil {
		return stored{}, false, err
	}
	return f.next(ctx, s, sequence)
}

// errNothing is of a history that ends with the first event there will be.
var errNothing = errors.New("EVENTS has had no event yet")

// holds returns an error unless EVENTS has come as far as a sequence.
func (f *Fanout) holds(ctx context.Context, sequence uint64) error {
	events, err := f.js.Stream(ctx, schemas.StreamEvents)
	if err != nil {
		return schemas.Errorf(schemas.CodeUnavailable, "read EVENTS: %w", err)
	}
	switch last := events.CachedInfo().State.LastSeq; {
	case last >= sequence:
		return nil
	case last == 0:
		return errNothing
	default:
		return schemas.Errorf(schemas.CodeUnavailable, "read EVENTS: it ends at %d, before %d: another has become its leader", last, sequence)
	}
}
