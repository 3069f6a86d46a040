package pull

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	// keepEvery is how often the queues are looked through.
	keepEvery = 30 * time.Second
	// keepMost is how many deliveries of a queue are looked at each time, and
	// keepDead how many of a queue in which all die.
	keepMost = 2_000
	keepDead = 20_000
)

// Keeper lets die in the queues what nobody polls. Each api process may run one: what
// two of them find is stored once.
type Keeper struct {
	d     *Desk
	place map[string]uint64 // by subject: the sequence from which to look on
}

// NewKeeper keeps the queues of a desk.
func NewKeeper(d *Desk) *Keeper { return &Keeper{d, map[string]uint64{}} }

// Run looks through the queues until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		if err := k.Look(ctx); err != nil && ctx.Err() == nil {
			k.d.o.Log.WarnContext(ctx, "queues of pulled endpoints not looked through: tried again", "error", err)
		}
		select {
		case <-time.After(keepEvery):
		case <-ctx.Done():
			return nil
		}
	}
}

// Look looks through the queues once.
func (k *Keeper) Look(ctx context.Context) error {
	stream, err := k.d.js.Stream(ctx, schemas.StreamPull)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(schemas.PullSubjects))
	if err != nil {
		return err
	}
	for subject := range k.place {
		if info.State.Subjects[subject] == 0 {
			delete(k.place, subject)
		}
	}
	for subject := range info.State.Subjects {
		if err := k.queue(ctx, stream, subject); err != nil {
			return err
		}
	}
	return k.consumers(ctx, stream, info.State.Subjects)
}

// queue looks at the next deliveries of a queue, and from its beginning again once it
// has come to its end.
func (k *Keeper) queue(ctx context.Context, stream jetstream.Stream, subject string) error {
	id := schemas.QueueEndpoint(subject)
	t, err := k.target(ctx, id)
	if err != nil {
		return err
	}
	most := keepMost
	switch {
	case t == nil || !t.Pulled() || t.Disabled() || schemas.PullSubject(t.Tenant(), id) != subject:
		most = keepDead
	case t.Paused() || !t.Ages():
		return nil
	}
	for range (most + 127) / 128 {
		batch, err := direct.Batch(ctx, k.d.nc, schemas.StreamPull, subject, k.place[subject])
		if err != nil {
			return err
		}
		for _, m := range batch {
			if err := k.message(ctx, stream, t, subject, m); err != nil {
				return err
			}
			k.place[subject] = m.Sequence + 1
		}
		if len(batch) == 0 {
			delete(k.place, subject)
			return nil
		}
	}
	return nil
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

// message lets one delivery die that has to. What is handed out is not told apart, so
// one that is too old is left a while: it was not when it was handed out, and its
// receiver may be about to settle it.
func (k *Keeper) message(ctx context.Context, stream jetstream.Stream, t *attempt.Target, subject string, m direct.Message) error {
	delivery, err := schemas.ReadDelivery(subject, schemas.Header(m.Header), m.Data)
	if err != nil {
		return nil // whoever polls it buries it
	}
	verdict := t.Condemns(delivery)
	if verdict == nil || verdict.Reason == schemas.ReasonTooOld && !t.Outdated(delivery, schemas.MaxAckWait) {
		return nil
	}
	o := out{subject: subject, sequence: m.Sequence, delivery: delivery}
	if err := k.d.bury(ctx, o, schemas.Attempt{}, *verdict); err != nil {
		return err
	}
	return direct.Remove(ctx, k.d.nc, stream, subject, m.Sequence)
}

// consumers removes those of endpoints that are gone, once their queues are empty.
func (k *Keeper) consumers(ctx context.Context, stream jetstream.Stream, queues map[string]uint64) error {
	names := stream.ListConsumers(ctx)
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
		if err := stream.DeleteConsumer(ctx, c.Name); err != nil && !isNotFound(err) {
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
