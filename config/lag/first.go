package lag

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stored is a message of a stream.
type stored struct {
	Subject string
	Header  nats.Header
	Data    []byte
	Time    time.Time
}

const (
	// apiGet reads from the leader of a stream (NATS ADR-31): every role that consumes
	// a stream may, while not all may read from its copies.
	apiGet  = "$JS.API.STREAM.MSG.GET."
	getWait = 5 * time.Second
)

// first is the first message of a subject from a sequence on; nil if there is none.
func first(ctx context.Context, nc *nats.Conn, stream string, sequence uint64, filter string) (*stored, error) {
	text, err := json.Marshal(struct {
		Sequence uint64 `json:"seq"`
		Subject  string `json:"next_by_subj"`
	}{sequence, filter})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, getWait)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, apiGet+stream, text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", stream, err)
	}
	var answer struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Subject string    `json:"subject"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return nil, fmt.Errorf("read %s: %w", stream, err)
	}
	if answer.Error != nil {
		if answer.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound {
			return nil, nil
		}
		return nil, fmt.Errorf("read %s: %w", stream, answer.Error)
	}
	found := &stored{Subject: answer.Message.Subject, Data: answer.Message.Data, Time: answer.Message.Time}
	if len(answer.Message.Header) > 0 {
		if found.Header, err = nats.DecodeHeadersMsg(answer.Message.Header); err != nil && !errors.Is(err, nats.ErrBadHeaderMsg) {
			return nil, fmt.Errorf("read %s: %w", stream, err)
		}
	}
	return found, nil
}
