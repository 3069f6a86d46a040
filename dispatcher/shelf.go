package dispatcher

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
)

// shelf stores deliveries on the queues from which they are pulled. How long a queue
// is JetStream knows; it is asked again only when what was written since might have
// made it as long as it may be. Others that write to a queue, as while a partition
// changes hands, may make it a little longer.
type shelf struct {
	js  jetstream.JetStream
	log *slog.Logger

	mu    sync.Mutex // guards what follows
	depth map[schemas.EndpointID]*depth
}

// depth is how long a queue can be at most.
type depth struct {
	length int       // when it was counted, and what was written since
	full   time.Time // when it was last found full
}

// recount is how long a queue that was found full counts as full.
const recount = 100 * time.Millisecond

func newShelf(js jetstream.JetStream, log *slog.Logger) *shelf {
	return &shelf{js: js, log: log, depth: map[schemas.EndpointID]*depth{}}
}

// put stores a delivery, unless so many wait there already. It returns an error if ctx
// ends before.
func (s *shelf) put(ctx context.Context, d *schemas.Delivery, maxHeld int) (full bool, err error) {
	subject := schemas.PullSubject(d.Tenant, d.Endpoint)
	if full, err = s.full(ctx, d.Endpoint, subject, maxHeld); full || err != nil {
		return full, err
	}
	m := &nats.Msg{Subject: subject, Header: nats.Header(d.Header()), Data: d.Body()}
	return false, persist.Do(ctx, s.log, "store "+subject, func(ctx context.Context) error {
		_, err := s.js.PublishMsg(ctx, m, jetstream.WithMsgID(d.MessageID()))
		return err
	})
}

// full reports whether a queue is as long as it may be, and else counts one more.
func (s *shelf) full(ctx context.Context, endpoint schemas.EndpointID, subject string, maxHeld int) (bool, error) {
	s.mu.Lock()
	known := s.depth[endpoint]
	switch {
	case known == nil:
	case known.length < maxHeld:
		known.length++
		s.mu.Unlock()
		return false, nil
	case time.Since(known.full) < recount:
		s.mu.Unlock()
		return true, nil
	}
	s.mu.Unlock()
	length := 0
	err := persist.Do(ctx, s.log, "count "+subject, func(ctx context.Context) (err error) {
		length, err = s.count(ctx, subject)
		return err
	})
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if length >= maxHeld {
		s.depth[endpoint] = &depth{length, time.Now()}
		return true, nil
	}
	s.depth[endpoint] = &depth{length: length + 1}
	return false, nil
}

func (s *shelf) count(ctx context.Context, subject string) (int, error) {
	stream, err := s.js.Stream(ctx, schemas.StreamPull)
	if err != nil {
		return 0, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, err
	}
	return int(info.State.Subjects[subject]), nil //nolint:gosec // of messages on a disk
}
