package pull

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	// keepEvery is how often the queues are looked through, and keepSoon how soon again
	// if there was more to do than one look takes on.
	keepEvery, keepSoon = 30 * time.Second, time.Second
	// keepMost is how many deliveries of a queue are read for the first time in a look,
	// and keepDead how many die.
	keepMost, keepDead = 20_000, 20_000
	// keepKnown is for how long what is known of a queue's ages is believed: a replica of
	// the stream that lagged may have left something out.
	keepKnown = time.Hour
	// keepConsumers is how many looks it takes until consumers that nobody needs are
	// looked for.
	keepConsumers = 10
)

// Keeper lets die in the queues what nobody polls. Each api process may run one: what
// two of them find is stored once. While nothing is stored in any queue, and nothing in
// them is due to die, a look is one request.
type Keeper struct {
	d      *Desk
	stream jetstream.Stream // PULL; nil before the first look
	ages   map[string]*ages // by subject: of queues in which something may die of its age
	last   uint64           // where the stream ended at the look before
	looks  int
}

// NewKeeper keeps the queues of a desk.
func NewKeeper(d *Desk) *Keeper { return &Keeper{d: d, ages: map[string]*ages{}} }

// Run looks through the queues until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		more, err := k.Look(ctx)
		if err != nil && ctx.Err() == nil {
			k.d.o.Log.WarnContext(ctx, "queues of pulled endpoints not looked through: tried again", "error", err)
		}
		wait := keepEvery
		if more {
			wait = keepSoon
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// Look looks through the queues once, and reports whether there is more to do.
func (k *Keeper) Look(ctx context.Context) (more bool, err error) {
	if k.stream == nil {
		if k.stream, err = k.d.js.Stream(ctx, schemas.StreamPull); err != nil {
			return false, err
		}
	}
	info, err := k.stream.Info(ctx, jetstream.WithSubjectFilter(schemas.PullSubjects))
	if err != nil {
		return false, err
	}
	maps.DeleteFunc(k.ages, func(subject string, _ *ages) bool { return info.State.Subjects[subject] == 0 })
	for subject := range info.State.Subjects {
		rest, err := k.queue(ctx, subject, info.State.LastSeq)
		if err != nil {
			return false, err
		}
		more = more || rest
	}
	k.last = info.State.LastSeq
	if k.looks++; k.looks%keepConsumers != 1 {
		return more, nil
	}
	return more, k.consumers(ctx, info.State.Subjects)
}

// queue looks through a queue of a stream that ends at last.
func (k *Keeper) queue(ctx context.Context, subject string, last uint64) (more bool, err error) {
	id := schemas.QueueEndpoint(subject)
	t, err := k.target(ctx, id)
	if err != nil {
		return false, err
	}
	switch {
	case t == nil || !t.Pulled() || t.Disabled() || schemas.PullSubject(t.Tenant(), id) != subject:
		delete(k.ages, subject)
		left := keepDead
		_, err := k.through(ctx, t, handed{}, stretch{subject: subject, from: 1, to: math.MaxUint64}, &left)
		return left <= 0, err
	case t.Paused() || !t.Ages():
		delete(k.ages, subject)
		return false, nil
	}
	a := k.ages[subject]
	if a == nil || time.Since(a.made) > keepKnown {
		a = &ages{subject: subject, made: time.Now()}
		k.ages[subject] = a
	}
	if a.quiet != last {
		if more, err = k.learn(ctx, a); err != nil {
			return false, err
		}
		if !more {
			a.quiet = k.last // and not last: a replica may not have had the newest yet
		}
	}
	late, err := k.prune(ctx, t, a)
	return more || late, err
}

// learn reads the next deliveries of a queue, and reports whether there may be more.
func (k *Keeper) learn(ctx context.Context, a *ages) (more bool, err error) {
	for read := 0; read < keepMost; {
		batch, err := direct.Batch(ctx, k.d.nc, schemas.StreamPull, a.subject, a.next)
		if err != nil || len(batch) == 0 {
			return false, err
		}
		for _, m := range batch {
			a.next = m.Sequence + 1
			if delivery, err := schemas.ReadDelivery(a.subject, schemas.Header(m.Header), m.Data); err == nil { // or whoever polls it buries it
				a.add(m.Sequence, delivery.Since())
			}
		}
		read += len(batch)
	}
	return true, nil
}

// prune lets die what is due in the stretches that have any of it, and reports whether
// there may be more.
func (k *Keeper) prune(ctx context.Context, t *attempt.Target, a *ages) (more bool, err error) {
	var h *handed
	left := keepDead
	for n := 0; n < len(a.stretches); {
		s := a.stretches[n]
		if !t.Expired(s.oldest) {
			n++
			continue
		}
		if h == nil {
			if h, err = k.handed(ctx, a.subject); err != nil {
				return false, err
			}
		}
		found, err := k.through(ctx, t, *h, s, &left)
		if err != nil {
			return false, err
		}
		if left <= 0 {
			return true, nil // the stretch has been read in part
		}
		a.stretches = slices.Replace(a.stretches, n, n+1, found...)
		n += len(found)
	}
	return false, nil
}

// through lets die what has to in a stretch of a queue, but no more than is left to, and
// returns the stretches of what stays.
func (k *Keeper) through(ctx context.Context, t *attempt.Target, h handed, s stretch, left *int) ([]stretch, error) {
	stay := ages{subject: s.subject}
	for from := s.from; from <= s.to; {
		batch, err := direct.Batch(ctx, k.d.nc, schemas.StreamPull, s.subject, from)
		if err != nil {
			return nil, err
		}
		for _, m := range batch {
			if from = m.Sequence + 1; m.Sequence > s.to {
				break
			}
			since, err := k.message(ctx, t, h, s.subject, m)
			switch {
			case err != nil:
				return nil, err
			case !since.IsZero():
				stay.add(m.Sequence, since)
				continue
			}
			if *left--; *left <= 0 {
				return nil, nil
			}
		}
		if len(batch) == 0 {
			break
		}
	}
	return stay.stretches, nil
}

// handed is what may be handed out of a queue.
type handed struct {
	to   uint64        // the last sequence of which something is; 0 is nothing
	hold time.Duration // how long it belongs to who has it
}

// handed asks the queue's consumer, by which programs that read natively take too.
func (k *Keeper) handed(ctx context.Context, subject string) (*handed, error) {
	c, err := k.d.js.Consumer(ctx, schemas.StreamPull, schemas.PullConsumer(schemas.QueueEndpoint(subject)))
	if err != nil {
		if isNotFound(err) {
			return &handed{}, nil
		}
		return nil, err
	}
	info := c.CachedInfo()
	if info.NumAckPending == 0 || info.Config.FilterSubject != subject {
		return &handed{}, nil
	}
	return &handed{info.Delivered.Stream, info.Config.AckWait}, nil
}

// target is the endpoint as the registry has it; nil if that does not.
func (k *Keeper) target(ctx context.Context, id schemas.EndpointID) (*attempt.Target, error) {
	if t := k.d.o.Targets.Get(id); t != nil {
		return t, nil
	}
	_, err := k.d.o.Fetch(ctx, id)
	switch {
	case schemas.HasCode(err, schemas.CodeNotFound):
		return nil, nil
	case err == nil: // newer than what is known here: another time
		err = schemas.Errorf(schemas.CodeUnavailable, "endpoint %s is not known here yet", id)
	}
	return nil, err
}

// message lets one delivery die that has to; since is for others since when they count.
// What may be handed out is left to its receiver for as long as a hand-out lasts: it was
// not too old then, and may be about to be settled.
func (k *Keeper) message(ctx context.Context, t *attempt.Target, h handed, subject string, m direct.Message) (since time.Time, err error) {
	delivery, err := schemas.ReadDelivery(subject, schemas.Header(m.Header), m.Data)
	if err != nil {
		return time.Now(), nil // whoever polls it buries it
	}
	verdict := t.Condemns(delivery)
	if verdict == nil || verdict.Reason == schemas.ReasonTooOld && m.Sequence <= h.to && !t.Outdated(delivery, h.hold) {
		return delivery.Since(), nil
	}
	o := out{subject: subject, sequence: m.Sequence, delivery: delivery}
	if err := k.d.bury(ctx, o, schemas.Attempt{}, *verdict); err != nil {
		return time.Time{}, err
	}
	return time.Time{}, direct.Remove(ctx, k.d.nc, k.stream, subject, m.Sequence)
}

// consumers removes those of endpoints that are gone, once their queues are empty.
func (k *Keeper) consumers(ctx context.Context, queues map[string]uint64) error {
	names := k.stream.ListConsumers(ctx)
	for c := range names.Info() {
		id := schemas.EndpointID(c.Name)
		if id.Validate() != nil || queues[c.Config.FilterSubject] > 0 {
			continue
		}
		t, err := k.target(ctx, id)
		if err != nil {
			return err
		}
		if t != nil && t.Pulled() && schemas.PullSubject(t.Tenant(), id) == c.Config.FilterSubject {
			continue
		}
		k.d.forget(id)
		if err := k.stream.DeleteConsumer(ctx, c.Name); err != nil && !isNotFound(err) {
			return err
		}
	}
	return names.Err()
}

// Waiting is how many deliveries are in each queue, handed out or not, by endpoint.
func (d *Desk) Waiting(ctx context.Context) (map[schemas.EndpointID]uint64, error) {
	stream, err := d.js.Stream(ctx, schemas.StreamPull)
	if err != nil {
		return nil, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(schemas.PullSubjects))
	if err != nil {
		return nil, err
	}
	waiting := make(map[schemas.EndpointID]uint64, len(info.State.Subjects))
	for subject, n := range info.State.Subjects {
		waiting[schemas.QueueEndpoint(subject)] = n
	}
	return waiting, nil
}
