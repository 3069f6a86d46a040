// Package direct reads messages of a stream by subject or by sequence, without a
// consumer (NATS ADR-31): from any replica, or one by one from the leader, who
// alone knows what is there now.
package direct

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/schemas"
)

// The client library has no batched direct get, and asks the leader only where
// a stream allows no direct get, so these few requests are made by hand.
const (
	apiDirectGet = "$JS.API.DIRECT.GET."
	apiLeaderGet = "$JS.API.STREAM.MSG.GET."

	headerSequence = "Nats-Sequence"
	headerSubject  = "Nats-Subject"
	headerTime     = "Nats-Time-Stamp"
	headerStatus   = "Status"
	statusEnd      = "204" // the batch is complete
	statusNone     = "404" // nothing at or after the sequence

	// noMessage is the API's error where there is none (nats-server, errors.json).
	noMessage = 10037

	// maxBatch and maxBytes bound what [Batch] brings.
	maxBatch = 128
	maxBytes = 4 << 20

	// wait is how long an answer may take.
	wait = 5 * time.Second
)

// request asks for messages of a subject from a sequence on, or for its last; for
// the very message at the sequence without a subject.
type request struct {
	Sequence uint64    `json:"seq,omitempty"`
	Since    time.Time `json:"start_time,omitzero"`
	Subject  string    `json:"next_by_subj,omitempty"`
	Last     string    `json:"last_by_subj,omitempty"`
	Batch    int       `json:"batch,omitempty"`
	MaxBytes int       `json:"max_bytes,omitempty"`
}

// Message is a stored message and its sequence in the stream.
type Message struct {
	*nats.Msg
	Sequence uint64
	Time     time.Time // when it was stored; [Batch] leaves it out
}

// Batch reads the next messages of a subject from a sequence on, in order, at
// most 128. Any replica of the stream may answer, and one that lags does not
// show the newest yet.
func Batch(ctx context.Context, nc *nats.Conn, stream, subject string, from uint64) ([]Message, error) {
	return batch(ctx, nc, stream, request{Sequence: max(from, 1), Subject: subject, Batch: maxBatch, MaxBytes: maxBytes})
}

// Since is Batch from the first message on that was stored at a time or later. It
// tells of each when, and of what subject it is.
func Since(ctx context.Context, nc *nats.Conn, stream, subject string, from time.Time) ([]Message, error) {
	found, err := batch(ctx, nc, stream, request{Since: from.UTC(), Subject: subject, Batch: maxBatch, MaxBytes: maxBytes})
	for i, m := range found {
		if found[i].Time, err = time.Parse(time.RFC3339Nano, m.Header.Get(headerTime)); err != nil {
			return nil, fmt.Errorf("read %s: %w", subject, err)
		}
		found[i].Subject = m.Header.Get(headerSubject)
	}
	return found, err
}

// All is Batch of whatever subject. It tells of each of what subject it is, and whether
// nothing was behind them at that moment where they were read, while JetStream let
// nobody write.
func All(ctx context.Context, nc *nats.Conn, stream string, from uint64) (found []Message, end bool, err error) {
	found, err = Batch(ctx, nc, stream, ">", from)
	size := 0
	for i, m := range found {
		size += m.Size()
		found[i].Subject = added(m.Msg, headerSubject)
	}
	return found, err == nil && len(found) < maxBatch && size < maxBytes/2, err
}

// Before is the sequence below which all messages of a subject were stored before a
// time; 0 if there is none of these. A replica that lags may name too low a sequence,
// and never one too high.
func Before(ctx context.Context, nc *nats.Conn, stream, subject string, at time.Time) (sequence uint64, err error) {
	one := func(r request) (*Message, error) {
		r.Batch = 1
		found, err := batch(ctx, nc, stream, r)
		if err != nil || len(found) == 0 {
			return nil, err
		}
		return &found[0], nil
	}
	oldest, err := one(request{Sequence: 1, Subject: subject})
	if err != nil || oldest == nil {
		return 0, err
	}
	next, err := one(request{Since: at.UTC(), Subject: subject})
	switch {
	case err != nil:
		return 0, err
	case next != nil && next.Sequence > oldest.Sequence:
		return next.Sequence, nil
	case next != nil:
		return 0, nil
	}
	return before(ctx, nc, stream, subject, at)
}

// before is Before where nothing seems to have been stored since: a replica that lags
// is believed what it has.
func before(ctx context.Context, nc *nats.Conn, stream, subject string, at time.Time) (uint64, error) {
	text, err := json.Marshal(request{Last: subject})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, apiDirectGet+stream, text)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", subject, err)
	}
	if added(m, headerSequence) == "" { // it has been removed meanwhile
		return 0, nil
	}
	stored, err := time.Parse(time.RFC3339Nano, added(m, headerTime))
	if err != nil || !stored.Before(at) {
		return 0, err
	}
	sequence, err := strconv.ParseUint(added(m, headerSequence), 10, 64)
	return sequence + 1, err
}

func batch(ctx context.Context, nc *nats.Conn, stream string, of request) ([]Message, error) {
	r, err := json.Marshal(of)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe() //nolint:errcheck // it ends with the connection too
	if err := nc.PublishRequest(apiDirectGet+stream, inbox, r); err != nil {
		return nil, err
	}
	var batch []Message
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", of.Subject, err)
		}
		switch status := m.Header.Get(headerStatus); status {
		case "":
			sequence, err := strconv.ParseUint(added(m, headerSequence), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", of.Subject, err)
			}
			batch = append(batch, Message{Msg: m, Sequence: sequence})
		case statusEnd, statusNone:
			return batch, nil
		default:
			return nil, schemas.Errorf(schemas.CodeUnavailable, "read %s: JetStream answered %s", of.Subject, status)
		}
	}
}

// Next asks the leader for the first message of a subject from a sequence on;
// nil if there is none.
func Next(ctx context.Context, nc *nats.Conn, stream, subject string, from uint64) (*Message, error) {
	return ask(ctx, nc, stream, request{Sequence: max(from, 1), Subject: subject})
}

// Last asks the leader for the last message of a subject; nil if there is none.
func Last(ctx context.Context, nc *nats.Conn, stream, subject string) (*Message, error) {
	return ask(ctx, nc, stream, request{Last: subject})
}

func ask(ctx context.Context, nc *nats.Conn, stream string, r request) (*Message, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, apiLeaderGet+stream, text)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Error *struct {
			Code        int    `json:"err_code"`
			Description string `json:"description"`
		} `json:"error"`
		Message struct {
			Subject  string    `json:"subject"`
			Sequence uint64    `json:"seq"`
			Header   []byte    `json:"hdrs"`
			Data     []byte    `json:"data"`
			Time     time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return nil, err
	}
	switch {
	case answer.Error == nil:
	case answer.Error.Code == noMessage:
		return nil, nil
	default:
		return nil, schemas.Errorf(schemas.CodeUnavailable, "read %s: %s", r.Subject+r.Last, answer.Error.Description)
	}
	found := &nats.Msg{Subject: answer.Message.Subject, Header: nats.Header{}, Data: answer.Message.Data}
	if len(answer.Message.Header) > 0 {
		if found.Header, err = nats.DecodeHeadersMsg(answer.Message.Header); err != nil {
			return nil, err
		}
	}
	return &Message{found, answer.Message.Sequence, answer.Message.Time}, nil
}

// At asks the leader for the message of a subject under a sequence; nil if there
// is none.
func At(ctx context.Context, nc *nats.Conn, stream, subject string, sequence uint64) (*Message, error) {
	m, err := Next(ctx, nc, stream, subject, sequence)
	if err != nil || m == nil || m.Sequence != sequence {
		return nil, err
	}
	return m, nil
}

// Remove deletes the message of a subject under a sequence, unless that has been
// done.
func Remove(ctx context.Context, nc *nats.Conn, stream jetstream.Stream, subject string, sequence uint64) error {
	err := stream.DeleteMsg(ctx, sequence)
	if !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
		return err
	}
	m, lookErr := At(ctx, nc, stream.CachedInfo().Config.Name, subject, sequence)
	if lookErr == nil && m == nil {
		return nil
	}
	return err
}
