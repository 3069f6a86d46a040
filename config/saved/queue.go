package saved

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/direct"
)

// line is a message of a queue.
type line struct {
	Subject string      `json:"subject"`
	Header  nats.Header `json:"header,omitempty"`
	Data    []byte      `json:"data,omitempty"`
}

// queue is a file of lines that is being written.
type queue struct {
	zip   *gzip.Writer
	lines *json.Encoder
	count int
}

func newQueue(w io.Writer) *queue {
	zip, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // a level that there is
	return &queue{zip: zip, lines: json.NewEncoder(zip)}
}

func (q *queue) add(m *nats.Msg) error {
	q.count++
	return q.lines.Encode(line{m.Subject, own(m.Header), m.Data})
}

// own are the headers that are the message's own: not what JetStream adds where it is
// read, or where a schedule has made it, which it takes from nobody else; nor what it
// was to follow when it was first stored.
func own(all nats.Header) nats.Header {
	kept := nats.Header{}
	for name, values := range all {
		switch name {
		case "Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence", "Nats-UpTo-Sequence",
			"Nats-Scheduler", "Nats-Schedule-Next",
			"Nats-Expected-Stream", "Nats-Expected-Last-Msg-Id", "Nats-Expected-Last-Sequence", "Nats-Expected-Last-Subject-Sequence", "Nats-Expected-Last-Subject-Sequence-Subject":
		default:
			kept[name] = values
		}
	}
	return kept
}

// follow reads a stream in order until nothing is behind the last message. What is
// moved meanwhile is stored anew before it is removed, so it is still to come. Any
// replica tells what there is; the leader, that there is no more.
func follow(ctx context.Context, nc *nats.Conn, stream string, take func(*nats.Msg) error) error {
	for next := uint64(1); ; {
		found, err := direct.All(ctx, nc, stream, next)
		if err != nil {
			return unavailable("read "+stream, err)
		}
		if len(found) == 0 {
			m, err := direct.Next(ctx, nc, stream, ">", next)
			if err != nil {
				return unavailable("read "+stream, err)
			}
			if m == nil {
				return nil
			}
			found = []direct.Message{*m}
		}
		for _, m := range found {
			if err := take(m.Msg); err != nil {
				return err
			}
			next = m.Sequence + 1
		}
	}
}

// ahead is how many messages are published and not yet stored.
const ahead = 512

// publish stores a file's messages. Done is told of each.
func publish(ctx context.Context, nc *nats.Conn, r io.Reader, done func()) (err error) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(ahead))
	if err != nil {
		return err
	}
	zip, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	var futures []jetstream.PubAckFuture
	settle := func(least int) error {
		for len(futures) > least {
			select {
			case <-futures[0].Ok():
			case err := <-futures[0].Err():
				return fmt.Errorf("publish %s: %w", futures[0].Msg().Subject, err)
			case <-ctx.Done():
				return ctx.Err()
			}
			futures = futures[1:]
			done()
		}
		return nil
	}
	for lines := json.NewDecoder(zip); ; {
		var l line
		if err := lines.Decode(&l); errors.Is(err, io.EOF) {
			return settle(0)
		} else if err != nil {
			return fmt.Errorf("read the file: %w", err)
		}
		future, err := js.PublishMsgAsync(&nats.Msg{Subject: l.Subject, Header: l.Header, Data: l.Data})
		if err != nil {
			return fmt.Errorf("publish %s: %w", l.Subject, err)
		}
		futures = append(futures, future)
		if err := settle(ahead / 2); err != nil {
			return err
		}
	}
}

// returns are the deliveries that were moved from PULL to DELIVERIES while others are
// read.
type returns struct {
	sub    *nats.Subscription
	pulled map[string]bool // endpoints

	mu    sync.Mutex // guards what follows
	heard []*nats.Msg
}

// laterSubjects are all of package schemas' LaterSubject.
const laterSubjects = "later.*.*.*"

// hear hears of these endpoints' returns, from when it returns.
func hear(nc *nats.Conn, pulled map[string]bool) (r *returns, err error) {
	r = &returns{pulled: pulled}
	if r.sub, err = nc.Subscribe(laterSubjects, r.take); err != nil {
		return nil, err
	}
	if err := errors.Join(r.sub.SetPendingLimits(-1, -1), nc.Flush()); err != nil {
		return nil, errors.Join(err, r.end())
	}
	return r, nil
}

func (r *returns) take(m *nats.Msg) {
	if tokens := strings.Split(m.Subject, "."); !r.pulled[tokens[2]] {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, m)
}

func (r *returns) all() []*nats.Msg {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard
}

func (r *returns) end() error { return r.sub.Unsubscribe() }
