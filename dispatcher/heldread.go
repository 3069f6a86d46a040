package dispatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
)

// The client library has no batched direct get (NATS ADR-31), so these few
// requests are made by hand.
const (
	apiDirectGet = "$JS.API.DIRECT.GET."
	apiLeaderGet = "$JS.API.STREAM.MSG.GET."

	headerSequence = "Nats-Sequence"
	headerStatus   = "Status"
	statusEnd      = "204" // the batch is complete
	statusNone     = "404" // nothing at or after the sequence

	// heldBatch and heldBytes bound what one read of a held queue brings.
	heldBatch = 128
	heldBytes = 4 << 20
)

// getRequest asks for messages of a subject from a sequence on.
type getRequest struct {
	Sequence uint64 `json:"seq"`
	Subject  string `json:"next_by_subj"`
	Batch    int    `json:"batch,omitempty"`
	MaxBytes int    `json:"max_bytes,omitempty"`
}

// heldMessage is one message of a held queue.
type heldMessage struct {
	sequence uint64
	msg      *nats.Msg
}

// readHeld reads the next messages of a held queue, in order. Any replica of
// the stream may answer, and one that lags does not show the newest yet.
func (d *Dispatcher) readHeld(ctx context.Context, stream, subject string, from uint64) ([]heldMessage, error) {
	request, err := json.Marshal(getRequest{Sequence: max(from, 1), Subject: subject, Batch: heldBatch, MaxBytes: heldBytes})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, persistTry)
	defer cancel()
	inbox := d.nc.NewInbox()
	sub, err := d.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe() //nolint:errcheck // it ends with the connection too
	if err := d.nc.PublishRequest(apiDirectGet+stream, inbox, request); err != nil {
		return nil, err
	}
	var batch []heldMessage
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", subject, err)
		}
		switch status := m.Header.Get(headerStatus); status {
		case "":
			sequence, err := strconv.ParseUint(m.Header.Get(headerSequence), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", subject, err)
			}
			batch = append(batch, heldMessage{sequence, m})
		case statusEnd, statusNone:
			return batch, nil
		default:
			return nil, schemas.Errorf(schemas.CodeUnavailable, "read %s: JetStream answered %s", subject, status)
		}
	}
}

// heldEmpty asks the stream's leader whether nothing is in a held queue from a
// sequence on.
func (d *Dispatcher) heldEmpty(ctx context.Context, stream, subject string, from uint64) (bool, error) {
	request, err := json.Marshal(getRequest{Sequence: max(from, 1), Subject: subject})
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, persistTry)
	defer cancel()
	m, err := d.nc.RequestWithContext(ctx, apiLeaderGet+stream, request)
	if err != nil {
		return false, err
	}
	var answer struct {
		Error *struct {
			Code        int    `json:"code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return false, err
	}
	switch {
	case answer.Error == nil:
		return false, nil
	case strconv.Itoa(answer.Error.Code) == statusNone:
		return true, nil
	}
	return false, schemas.Errorf(schemas.CodeUnavailable, "read %s: %s", subject, answer.Error.Description)
}
