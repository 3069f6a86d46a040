package pipe

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/config/replay"
	"github.com/tidings-dev/tidings/dispatcher/direct"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
)

// replays makes deliveries once more.
type replays struct {
	*control
	nc     *nats.Conn
	events jetstream.Stream
}

// startReplays runs the replays that are in the registry.
func (c *control) startReplays(ctx context.Context, nc *nats.Conn) (*replays, error) {
	r := &replays{control: c, nc: nc}
	var err error
	if r.events, err = c.js.Stream(ctx, schemas.StreamEvents); err != nil {
		return nil, schemas.Errorf(schemas.CodeUnavailable, "stream EVENTS: %w", err)
	}
	runner := replay.NewRunner(replay.Options{
		Jobs: replay.Jobs{Registry: c.process.Registry}, Name: c.process.name,
		Count: r.count, Next: r.next, Send: r.send, Log: c.process.log,
	})
	c.jobs = replay.Jobs{Registry: c.process.Registry, Started: runner.Kick}
	c.process.background(ctx, "replays", runner.Run)
	return r, nil
}

// resend is a replay of one delivery.
func (r *replays) resend(ctx context.Context, tenant schemas.TenantID, d deliverylog.Delivery) (sent bool, err error) {
	skip, err := r.send(ctx, replay.Job{Tenant: tenant}, replay.Found{Delivery: d.ID, Endpoint: d.Endpoint, After: d.Last})
	return skip == "" && err == nil, err
}

// send puts a delivery on its endpoint's queue once more, or says why it cannot. For a
// dry run it looks for the same, and stops short of the queue.
func (r *replays) send(ctx context.Context, j replay.Job, f replay.Found) (replay.Skip, error) {
	if skip, err := r.takes(j.Tenant, f.Endpoint); err != nil {
		if j.ID != "" && j.Endpoint == "" { // others go on
			return skip, nil
		}
		return "", err
	}
	asked := j.Created
	if asked.IsZero() {
		asked = time.Now()
	}
	asked = asked.UTC().Truncate(time.Millisecond)
	d, record, err := r.delivery(ctx, j.Tenant, f, &schemas.Replay{Asked: asked, After: f.After})
	if schemas.HasCode(err, schemas.CodeNotFound) {
		return replay.EventNotStored, nil
	}
	if err != nil || j.DryRun {
		return "", err
	}
	m, id := fanout.Message(r.process.Streams.Layout, d)
	ack, err := r.js.PublishMsg(ctx, m, jetstream.WithMsgID(id))
	if err != nil {
		return "", schemas.Errorf(schemas.CodeUnavailable, "the delivery is not stored: try again: %w", err)
	}
	if ack.Duplicate { // who asked before has told the log
		return "", nil
	}
	if j.Which == replay.Missing {
		r.process.journal.Add(j.Tenant, record, func() {})
	}
	r.process.journal.Add(j.Tenant, schemas.Record{Replay: &schemas.ReplayRecord{
		Delivery: f.Delivery, Endpoint: f.Endpoint, Asked: asked, Job: j.ID,
	}}, func() {})
	return "", nil
}

// takes refuses an endpoint that is gone, or at which everything dies.
func (r *replays) takes(tenant schemas.TenantID, id schemas.EndpointID) (replay.Skip, error) {
	e, ok := r.process.picture.Endpoint(tenant, id)
	switch {
	case !ok:
		return replay.EndpointDeleted, schemas.Errorf(schemas.CodeNotFound, "endpoint %s does not exist any more", id)
	case e.Value.Disabled != "":
		return replay.EndpointDisabled, schemas.Errorf(schemas.CodeInvalid, "endpoint %s is disabled: enable it, then replay again", id)
	}
	return "", nil
}

// delivery is the delivery as it was, and what the log is to know of it if it never
// was one. It comes from EVENTS or from its dead letter. An error with
// [schemas.CodeNotFound] means that neither has it.
func (r *replays) delivery(ctx context.Context, tenant schemas.TenantID, f replay.Found, how *schemas.Replay) (*schemas.Delivery, schemas.Record, error) {
	past, err := r.event(ctx, tenant, f.Delivery)
	if err == nil {
		return past.To(f.Endpoint, how), past.Record(f.Endpoint), nil
	}
	if f.After.IsZero() || !schemas.HasCode(err, schemas.CodeNotFound) { // what never was a delivery has no dead letter
		return nil, schemas.Record{}, err
	}
	d, err := r.buried(ctx, tenant, f)
	if err != nil {
		return nil, schemas.Record{}, err
	}
	d.Attempts, d.History, d.Replay = 0, nil, how
	return d, schemas.Record{}, nil
}

// event is the event of a delivery, if EVENTS still has it.
func (r *replays) event(ctx context.Context, tenant schemas.TenantID, id schemas.DeliveryID) (fanout.PastEvent, error) {
	at, sequence, err := id.Accepted()
	if err != nil {
		return fanout.PastEvent{}, err
	}
	if err := r.process.own(tenant, id); err != nil {
		return fanout.PastEvent{}, err
	}
	m, err := r.events.GetMsg(ctx, sequence)
	gone := errors.Is(err, jetstream.ErrMsgNotFound)
	switch {
	case err != nil && !gone:
		return fanout.PastEvent{}, schemas.Errorf(schemas.CodeUnavailable, "read event %d: %w", sequence, err)
	case gone || m.Time.UnixMilli() != at.UnixMilli(): // a test's, or of a stream that was made anew
		return fanout.PastEvent{}, schemas.Errorf(schemas.CodeNotFound, "EVENTS does not have event %d any more", sequence)
	}
	return fanout.Past(r.process.Types, m, tenant)
}

// buriedBefore is how long before the last attempt began its dead letter may have been
// stored, by clocks that differ.
const buriedBefore = time.Minute

// buried is a delivery as its newest dead letter has it.
func (r *replays) buried(ctx context.Context, tenant schemas.TenantID, f replay.Found) (*schemas.Delivery, error) {
	if err := r.process.own(tenant, f.Delivery); err != nil {
		return nil, err
	}
	var newest *schemas.Delivery
	subject := schemas.DeadSubject(tenant, f.Endpoint)
	letters, err := direct.Since(ctx, r.nc, schemas.StreamDead, subject, f.After.Add(-buriedBefore))
	for err == nil && len(letters) > 0 {
		for _, m := range letters {
			if d, err := schemas.ReadDelivery(subject, m.Header, m.Data); err == nil && d.ID == f.Delivery {
				newest = d
			}
		}
		if newest != nil {
			return newest, nil
		}
		letters, err = direct.Batch(ctx, r.nc, schemas.StreamDead, subject, letters[len(letters)-1].Sequence+1)
	}
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeUnavailable, "read dead letters: %w", err)
	}
	return nil, schemas.Errorf(schemas.CodeNotFound, "neither EVENTS nor DEAD has delivery %s any more", f.Delivery)
}

func filterOf(j replay.Job) (deliverylog.DeliveryFilter, deliverylog.EventFilter) {
	span := deliverylog.Span{From: j.Since, To: j.Until}
	d := deliverylog.DeliveryFilter{Endpoint: j.Endpoint, Reason: j.Reason, Accepted: span}
	if j.Which == replay.Failed {
		d.Status = deliverylog.Dead
	}
	if j.Again {
		d.OrAsked = j.Created
	}
	e := deliverylog.EventFilter{Accepted: span}
	if len(j.Types) == 1 && !strings.Contains(string(j.Types[0]), schemas.Wildcard) {
		d.Type, e.Type = string(j.Types[0]), string(j.Types[0])
	}
	return d, e
}

// count is how many deliveries or events next will look at.
func (r *replays) count(ctx context.Context, j replay.Job) (int, error) {
	store, err := r.process.deliveries.open()
	if err != nil {
		return 0, err
	}
	deliveries, events := filterOf(j)
	if j.Which == replay.Missing {
		return store.CountEvents(ctx, j.Tenant, events)
	}
	return store.CountDeliveries(ctx, j.Tenant, deliveries)
}

// next looks on in the log.
func (r *replays) next(ctx context.Context, j replay.Job, limit int) (replay.Page, error) {
	store, err := r.process.deliveries.open()
	if err != nil {
		return replay.Page{}, err
	}
	deliveries, events := filterOf(j)
	page := deliverylog.Page{Cursor: j.Place, Limit: limit, Oldest: true}
	if j.Which == replay.Missing {
		return r.missing(ctx, store, j, events, page)
	}
	found, next, err := store.Deliveries(ctx, j.Tenant, deliveries, page)
	if err != nil {
		return replay.Page{}, err
	}
	p := replay.Page{Seen: len(found), Place: next, End: next == ""}
	for i, d := range found {
		sent := sentBy(j, d)
		if wants(j, d.Type) && (sent || d.Status == deliverylog.Delivered || d.Status == deliverylog.Dead) {
			p.Found = append(p.Found, replay.Found{Delivery: d.ID, Endpoint: d.Endpoint, After: d.Last, Sent: sent, Seen: i + 1, Place: d.Cursor()})
		}
	}
	return p, nil
}

// sentBy reports whether it was this job that last had a delivery made.
func sentBy(j replay.Job, d deliverylog.Delivery) bool { return d.Asked.Equal(j.Created) }

func wants(j replay.Job, eventType string) bool {
	return len(j.Types) == 0 || slices.ContainsFunc(j.Types, func(p schemas.TypePattern) bool { return p.Matches(eventType) })
}

// missing looks for events that the endpoint never got and that would go to it now.
func (r *replays) missing(ctx context.Context, store *deliverylog.Store, j replay.Job, filter deliverylog.EventFilter, page deliverylog.Page) (replay.Page, error) {
	if _, err := r.takes(j.Tenant, j.Endpoint); err != nil {
		return replay.Page{}, err
	}
	found, next, err := store.Events(ctx, j.Tenant, filter, page)
	if err != nil {
		return replay.Page{}, err
	}
	p := replay.Page{Seen: len(found), Place: next, End: next == ""}
	for i, e := range found {
		if e.Dead != "" || !wants(j, e.Type) {
			continue
		}
		id := schemas.NewDeliveryID(e.Accepted, e.Sequence, j.Endpoint)
		had, _, err := store.Deliveries(ctx, j.Tenant, deliverylog.DeliveryFilter{Delivery: id}, deliverylog.Page{Limit: 1})
		if err != nil {
			return replay.Page{}, err
		}
		late := replay.Found{Delivery: id, Endpoint: j.Endpoint, Seen: i + 1, Place: e.Cursor()}
		if len(had) > 0 {
			if late.Sent = sentBy(j, had[0]); late.Sent {
				p.Found = append(p.Found, late)
			}
			continue
		}
		past, err := r.event(ctx, j.Tenant, id)
		if err != nil && !schemas.HasCode(err, schemas.CodeNotFound) {
			return replay.Page{}, err
		}
		if err == nil && past.Goes(r.process.Index, j.Endpoint) {
			p.Found = append(p.Found, late)
		}
	}
	return p, nil
}
