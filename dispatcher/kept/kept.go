// Package kept stores what is known of deliveries that wait in their place, in
// their endpoint's held queue, for their next attempt: the attempts so far, and
// when the next is due. It lies beside the queue, under the subject that the
// delivery's schedule would have, until the delivery is settled. The body is in
// the queue.
package kept

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/dispatcher/persist"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/fault"
)

// headerAfter is how long after it was kept the delivery is to be attempted again. A
// schedule has none.
const headerAfter = "Tidings-After"

// Store is what is kept in one delivery stream. Its methods try again until they
// succeed or ctx ends.
type Store struct {
	NC     *nats.Conn
	JS     jetstream.JetStream
	Stream jetstream.Stream
	Name   string // of the stream
	Layout schemas.Layout
	Now    func() time.Time // by the stream's clock
	Log    *slog.Logger
}

// Keep stores a delivery as it is after an attempt, and how long it is to wait.
func (s Store) Keep(ctx context.Context, d *schemas.Delivery, after time.Duration) error {
	m := &nats.Msg{Subject: s.Layout.LaterSubject(d.Endpoint, d.ID), Header: nats.Header(d.Header())}
	m.Header.Set(headerAfter, after.String())
	fault.Here(fault.FIFOFailed)
	err := persist.Do(ctx, s.Log, "store "+m.Subject, func(ctx context.Context) error {
		_, err := s.JS.PublishMsg(ctx, m, jetstream.WithMsgID(d.MessageID()+".kept"))
		return err
	})
	if err == nil {
		fault.Here(fault.FIFOKept)
		// The newest is enough; if the others stay they go with it.
		_ = s.Stream.Purge(ctx, jetstream.WithPurgeSubject(m.Subject), jetstream.WithPurgeKeep(1))
	}
	return err
}

// Recall gives a delivery what was kept of it, under which sequence; 0 if nothing
// was. It is never due later than it would be if it were kept now: the clock may have
// gone back since.
func (s Store) Recall(ctx context.Context, d *schemas.Delivery) (due time.Time, sequence uint64, err error) {
	var m *direct.Message
	err = persist.Do(ctx, s.Log, "recall "+string(d.ID), func(ctx context.Context) (err error) {
		m, err = direct.Last(ctx, s.NC, s.Name, s.Layout.LaterSubject(d.Endpoint, d.ID))
		return err
	})
	if err != nil || m == nil {
		return due, 0, err
	}
	after, err := time.ParseDuration(m.Header.Get(headerAfter))
	if err != nil {
		return time.Time{}, 0, nil //nolint:nilerr // a schedule: this copy of the delivery is a former owner's, who left before it was removed
	}
	known, err := schemas.ReadDelivery(s.Layout.HeldSubject(d.Endpoint), m.Header, nil)
	if err != nil {
		s.Log.ErrorContext(ctx, "attempts unreadable", "delivery", d.ID, "error", err)
		return time.Time{}, 0, nil
	}
	d.Attempts, d.History = known.Attempts, known.History
	return time.Now().Add(after - max(0, s.Now().Sub(m.Time))), m.Sequence, nil
}

// Forget removes what was kept of a delivery up to a sequence. A schedule that
// has taken its place since stays.
func (s Store) Forget(ctx context.Context, d *schemas.Delivery, last uint64) error {
	subject := s.Layout.LaterSubject(d.Endpoint, d.ID)
	return persist.Do(ctx, s.Log, "purge "+subject, func(ctx context.Context) error {
		return s.Stream.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(last+1))
	})
}

// List names the deliveries of an endpoint of which something may be kept: those
// that are scheduled are among them.
func (s Store) List(ctx context.Context, endpoint schemas.EndpointID) (map[schemas.DeliveryID]bool, error) {
	info, err := s.Stream.Info(ctx, jetstream.WithSubjectFilter(s.Layout.LaterSubject(endpoint, "*")))
	if err != nil {
		return nil, err
	}
	ids := make(map[schemas.DeliveryID]bool, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		ids[schemas.DeliveryID(subject[strings.LastIndexByte(subject, '.')+1:])] = true
	}
	return ids, nil
}
