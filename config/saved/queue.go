package saved

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/schemas"
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
// moved meanwhile is stored anew before it is removed, so it is still to come. Of
// several replicas any tells what there is, and only the leader that there is no more.
func follow(ctx context.Context, nc *nats.Conn, stream jetstream.Stream, take func(*nats.Msg) error) error {
	config := stream.CachedInfo().Config
	for next := uint64(1); ; {
		found, end, err := direct.All(ctx, nc, config.Name, next)
		if err != nil {
			return unavailable("read "+config.Name, err)
		}
		if end && config.Replicas > 1 && len(found) == 0 {
			m, err := direct.Next(ctx, nc, config.Name, ">", next)
			if err != nil {
				return unavailable("read "+config.Name, err)
			}
			if end = m == nil; !end {
				found = []direct.Message{*m}
			}
		}
		for _, m := range found {
			if err := take(m.Msg); err != nil {
				return err
			}
			next = m.Sequence + 1
		}
		if end && (config.Replicas <= 1 || len(found) == 0) {
			return nil
		}
	}
}

// ahead is how many messages are published and not yet stored.
const ahead = 512

// lines reads a queue's file.
func (s *Stream) lines(dir string, take func(n int, l *line) error) error {
	f, err := os.Open(filepath.Join(dir, s.File.Name))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	zip, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return fmt.Errorf("read %s: %w", s.File.Name, err)
	}
	lines := json.NewDecoder(zip)
	for n := 0; ; n++ {
		l := line{Header: nats.Header{}}
		err := lines.Decode(&l)
		switch {
		case errors.Is(err, io.EOF) && n != s.Messages:
			return schemas.Errorf(schemas.CodeInvalid, "%s has %d messages, and its manifest says %d", s.File.Name, n, s.Messages)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read %s: %w", s.File.Name, err)
		}
		if err := take(n, &l); err != nil {
			return err
		}
	}
}

// publisher stores messages, some at once.
type publisher struct {
	js      jetstream.JetStream
	futures []jetstream.PubAckFuture // not known to be stored
}

func (p *publisher) publish(ctx context.Context, l *line) error {
	future, err := p.js.PublishMsgAsync(&nats.Msg{Subject: l.Subject, Header: l.Header, Data: l.Data})
	if err != nil {
		return fmt.Errorf("publish %s: %w", l.Subject, err)
	}
	p.futures = append(p.futures, future)
	return p.settle(ctx, ahead/2)
}

// settle waits until no more than some are not stored.
func (p *publisher) settle(ctx context.Context, most int) error {
	for len(p.futures) > most {
		select {
		case <-p.futures[0].Ok():
		case err := <-p.futures[0].Err():
			return fmt.Errorf("publish %s: %w", p.futures[0].Msg().Subject, err)
		case <-ctx.Done():
			return ctx.Err()
		}
		p.futures = p.futures[1:]
	}
	return nil
}

// returns are the deliveries that were moved from PULL to DELIVERIES while others are
// read.
type returns struct {
	subs []*nats.Subscription

	mu    sync.Mutex // guards what follows
	heard []*nats.Msg
}

// hear hears what is stored in DELIVERIES for some endpoints, from when it returns.
func hear(nc *nats.Conn, endpoints []string) (r *returns, err error) {
	r = new(returns)
	for _, endpoint := range endpoints {
		for _, subject := range []string{"ready.*." + endpoint, "later.*." + endpoint + ".*"} {
			sub, err := nc.Subscribe(subject, r.take)
			if err != nil {
				return nil, errors.Join(err, r.end())
			}
			r.subs = append(r.subs, sub)
			if err := sub.SetPendingLimits(-1, -1); err != nil {
				return nil, errors.Join(err, r.end())
			}
		}
	}
	if err := nc.Flush(); err != nil {
		return nil, errors.Join(err, r.end())
	}
	return r, nil
}

func (r *returns) take(m *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, m)
}

func (r *returns) all() []*nats.Msg {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard
}

func (r *returns) end() (err error) {
	for _, sub := range r.subs {
		err = errors.Join(err, sub.Unsubscribe())
	}
	return err
}
