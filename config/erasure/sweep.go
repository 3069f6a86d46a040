package erasure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/schemas"
)

// place is what a delivery's id says of its event.
type place struct {
	accepted int64 // milliseconds since 1970
	sequence uint64
}

// sweep is one pass of an erasure over all that may have something of it.
type sweep struct {
	*Eraser
	r       *Record
	work    Work // the record's, as it was when the pass began: another may end it meanwhile
	scrub   bool // what was removed from the database before may still be in its files
	places  map[place]bool
	removed Removed // that is not in the record yet
	// looked is the sequence of LOG from which on nothing was looked at.
	looked uint64
	// news are lines of LOG that tell of events, or of endpoints, that work does not have.
	// They are still there: what they tell is first to be noted.
	news []schemas.EventRecord
}

func (e *Eraser) newSweep(r *Record) *sweep {
	s := &sweep{Eraser: e, r: r, work: *r.Work, scrub: r.State == Running && r.Found > 0, places: map[place]bool{}}
	for _, id := range s.work.Places {
		if at, sequence, err := id.Accepted(); err == nil {
			s.places[place{at.UnixMilli(), sequence}] = true
		}
	}
	return s
}

// run removes what there is now.
func (s *sweep) run(ctx context.Context) error {
	// First what would become something else, and last what tells where things are.
	for _, step := range []func(context.Context) error{s.deliveries, s.events, s.deadLetters, s.log, s.database} {
		if err := errors.Join(step(ctx), s.noteRemoved(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// counted notes what was removed, once that is much.
func (s *sweep) counted(ctx context.Context) error {
	if n := s.removed; n.Deliveries+n.Events+n.DeadLetters+n.LogRecords < noteEach {
		return nil
	}
	return s.noteRemoved(ctx)
}

func (s *sweep) noteRemoved(ctx context.Context) error {
	if s.removed == (Removed{}) {
		return nil
	}
	return s.note(ctx, func(*Record) {})
}

// note changes the record, and adds to it what was removed since the last note.
func (s *sweep) note(ctx context.Context, change func(*Record)) error {
	removed := s.removed
	s.removed = Removed{} // whether or not this is stored: it is never counted twice
	return s.Eraser.note(ctx, s.r, func(r *Record) {
		r.Removed.add(removed)
		change(r)
	})
}

// has reports whether a delivery's id is of one of the events.
func (s *sweep) has(id schemas.DeliveryID) bool {
	at, sequence, err := id.Accepted()
	return err == nil && s.places[place{at.UnixMilli(), sequence}]
}

// delivers reports whether a message is a delivery of one of the events, or one that died.
func (s *sweep) delivers(m direct.Message) bool {
	return s.has(schemas.DeliveryOf(schemas.Header(m.Header)))
}

// deliveries removes those that wait at the events' endpoints.
func (s *sweep) deliveries(ctx context.Context) error {
	for _, endpoint := range s.work.Endpoints {
		l := s.o.Layout
		stream := l.DeliveriesStream(l.Partition(endpoint))
		later := l.LaterSubject(endpoint, "*")
		pulled := schemas.PullSubject(s.r.Tenant, endpoint)
		for _, subject := range []string{later, l.ReadySubject(endpoint), l.HeldSubject(endpoint), pulled} {
			if subject == pulled {
				stream = schemas.StreamPull
			}
			if err := s.remove(ctx, stretch{stream: stream, subject: subject}, &s.removed.Deliveries, s.delivers); err != nil {
				return err
			}
		}
	}
	return nil
}

// events removes the events. One under the same sequence that was stored at another
// time, or for another tenant, is another.
func (s *sweep) events(ctx context.Context) error {
	stream, err := s.o.JS.Stream(ctx, schemas.StreamEvents)
	if err != nil {
		return fmt.Errorf("read stream %s: %w", schemas.StreamEvents, err)
	}
	for at := range s.places {
		// A replica that lags may say that there is none: it is asked again next time.
		m, err := stream.GetMsg(ctx, at.sequence)
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("read event %d: %w", at.sequence, err)
		}
		if err != nil || m.Time.UnixMilli() != at.accepted {
			continue
		}
		if tenant, _, err := schemas.StoredEvent(m.Subject); err != nil || tenant != s.r.Tenant {
			continue
		}
		if err := s.delete(ctx, stream, at.sequence, &s.removed.Events); err != nil {
			return err
		}
	}
	return nil
}

// deadLetters removes the events' deliveries that died, and the events that did.
func (s *sweep) deadLetters(ctx context.Context) error {
	since := s.work.since()
	for _, endpoint := range s.work.Endpoints {
		of := stretch{schemas.StreamDead, schemas.DeadSubject(s.r.Tenant, endpoint), 0, since}
		if err := s.remove(ctx, of, &s.removed.DeadLetters, s.delivers); err != nil {
			return err
		}
	}
	if len(s.work.Dead) == 0 {
		return nil
	}
	of := stretch{schemas.StreamDead, schemas.DeadEventSubject(s.r.Tenant), 0, since}
	return s.remove(ctx, of, &s.removed.DeadLetters, func(m direct.Message) bool {
		of := schemas.Summarize(schemas.Header(m.Header), 0)
		return slices.Contains(s.work.Dead, hash(s.r.Salt, of.ID, of.Source))
	})
}

// log stores the messages of LOG that have a line of the events anew, without that, and
// removes them as they were.
func (s *sweep) log(ctx context.Context) error {
	s.looked = s.work.Log
	stream, err := s.o.JS.Stream(ctx, schemas.StreamLog)
	if err != nil {
		return fmt.Errorf("read stream %s: %w", schemas.StreamLog, err)
	}
	subject := schemas.LogSubject(s.r.Tenant)
	// What it stores anew is behind last, and has nothing to remove.
	last := stream.CachedInfo().State.LastSeq
	return s.each(ctx, stretch{schemas.StreamLog, subject, s.looked, s.work.since()}, func(m direct.Message) (more bool, err error) {
		if m.Sequence > last {
			return false, nil
		}
		kept, cut := schemas.CutRecords(m.Data, s.cuts)
		if cut > 0 {
			removed, err := s.rewrite(ctx, stream, subject, m.Sequence, kept)
			if err != nil {
				return false, err
			}
			s.removed.LogRecords += cut * removed
		}
		s.looked = m.Sequence + 1
		return true, s.counted(ctx)
	})
}

// cuts reports whether a line of LOG is one of the events'. One that is news stays, and
// is kept: an event that announces that a delivery of theirs died, as the dispatcher had
// that in hand when they were looked for, or endpoints that nobody knew of.
func (s *sweep) cuts(r schemas.Record) bool {
	at, sequence, err := r.Of()
	if err != nil {
		return false
	}
	known := s.places[place{at.UnixMilli(), sequence}]
	e := r.Event
	if e == nil || known && s.hasAll(e.Endpoints) {
		return known
	}
	if known || s.has(schemas.DeliveryID(e.Subject)) {
		s.news = append(s.news, *e)
	}
	return false
}

// hasAll reports whether the work has all of the endpoints.
func (s *sweep) hasAll(endpoints []schemas.EndpointID) bool {
	return !slices.ContainsFunc(endpoints, func(id schemas.EndpointID) bool { return !slices.Contains(s.work.Endpoints, id) })
}

// rewrite puts other lines in the place of a message of LOG. Removed is 1, or 0 if another
// was quicker.
func (s *sweep) rewrite(ctx context.Context, stream jetstream.Stream, subject string, sequence uint64, kept []byte) (removed int, err error) {
	if len(kept) > 0 {
		id := "erasure." + strconv.FormatInt(stream.CachedInfo().Created.UnixNano(), 36) + "." + strconv.FormatUint(sequence, 10) + "." + hash(string(kept))
		if _, err := s.o.JS.Publish(ctx, subject, kept, jetstream.WithMsgID(id)); err != nil {
			return 0, fmt.Errorf("store lines of %s anew: %w", subject, err)
		}
	}
	if s.rewritten != nil {
		if err := s.rewritten(); err != nil {
			return 0, err
		}
	}
	return secureDelete(ctx, stream, sequence)
}

// database removes the rows, and goes through the files of what another may have left.
func (s *sweep) database(ctx context.Context) error {
	store, err := s.o.Store()
	if err != nil {
		return err
	}
	return store.EraseAt(ctx, s.r.Tenant, s.work.Places, s.scrub, func(removed deliverylog.Removed) error {
		s.removed.add(Removed{Database: removed})
		return s.noteRemoved(ctx)
	})
}

// remove removes the messages of a stretch that are meant, and counts them: into is one
// of s.removed.
func (s *sweep) remove(ctx context.Context, of stretch, into *int, meant func(direct.Message) bool) error {
	from, err := s.o.JS.Stream(ctx, of.stream)
	if err != nil {
		return fmt.Errorf("read stream %s: %w", of.stream, err)
	}
	return s.each(ctx, of, func(m direct.Message) (bool, error) {
		if !meant(m) {
			return true, nil
		}
		return true, s.delete(ctx, from, m.Sequence, into)
	})
}

// delete removes a message, and counts it if it was there.
func (s *sweep) delete(ctx context.Context, from jetstream.Stream, sequence uint64, into *int) error {
	n, err := secureDelete(ctx, from, sequence)
	*into += n
	return errors.Join(err, s.counted(ctx))
}

// stretch is messages of a subject: from a sequence on or, if that is 0, from a time on.
// The zero time is before all.
type stretch struct {
	stream, subject string
	from            uint64
	since           time.Time
}

// each calls f for the messages of a stretch in order, until it wants no more.
func (s *sweep) each(ctx context.Context, of stretch, f func(direct.Message) (more bool, err error)) error {
	first := func() ([]direct.Message, error) {
		if of.from == 0 && !of.since.IsZero() {
			return direct.Since(ctx, s.o.NC, of.stream, of.subject, of.since)
		}
		return direct.Batch(ctx, s.o.NC, of.stream, of.subject, of.from)
	}
	batch, err := first()
	for err == nil && len(batch) > 0 {
		for _, m := range batch {
			if more, err := f(m); err != nil || !more {
				return err
			}
		}
		batch, err = direct.Batch(ctx, s.o.NC, of.stream, of.subject, batch[len(batch)-1].Sequence+1)
	}
	return err
}

// secureDelete removes a message and has its bytes overwritten; 0 if it is gone.
func secureDelete(ctx context.Context, stream jetstream.Stream, sequence uint64) (n int, err error) {
	err = stream.SecureDeleteMsg(ctx, sequence)
	switch {
	case err == nil:
		return 1, nil
	case errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) && notFound(err):
		return 0, nil
	}
	return 0, fmt.Errorf("remove %d of %s: %w", sequence, stream.CachedInfo().Config.Name, err)
}

// notFound tells that the message was gone from other trouble: the client library
// keeps the server's words alone (errors.json: 10037, 10043).
func notFound(err error) bool { return strings.Contains(err.Error(), "found") }
