package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	schedulesSize = 10_000
	schedulesDue  = time.Hour
	// schedulesAtOnce is how many are published before the first is stored.
	schedulesAtOnce = 256
)

// schedulesReport is what retries that wait for their time cost the others.
type schedulesReport struct {
	Size     int     `json:"schedules"`
	Rate     versus  `json:"deliveries_per_second"` // base: none are outstanding
	Restart  versus  `json:"restart_seconds"`
	PerRetry float64 `json:"kib_per_schedule"` // heap after a restart
	Lost     count   `json:"lost"`
}

// measureSchedules compares two pipes that deliver the same, one of them with
// retries outstanding that are due in an hour.
func measureSchedules(ctx context.Context, b *bencher) (schedulesReport, error) {
	r := schedulesReport{Size: b.sized(schedulesSize)}
	none, err := measureScheduled(ctx, b, 0)
	if err != nil {
		return r, err
	}
	some, err := measureScheduled(ctx, b, r.Size)
	r.Rate = against(none.rate, some.rate)
	r.Restart = against(none.restart.Seconds(), some.restart.Seconds())
	r.PerRetry = (some.heap - none.heap) * kibPerMiB / float64(r.Size)
	r.Lost = none.lost + some.lost
	b.progress("  %d schedules: %.0f deliveries/s, without %.0f; restart in %.2f s, without %.2f", r.Size, some.rate, none.rate, r.Restart.Value, r.Restart.Base)
	return r, err
}

type scheduledResult struct {
	rate, heap float64
	restart    time.Duration
	lost       count
}

// measureScheduled runs and restarts a pipe with so many retries outstanding.
func measureScheduled(ctx context.Context, b *bencher, retries int) (r scheduledResult, err error) {
	p, err := newBenchPipe(ctx)
	if err != nil {
		return r, err
	}
	defer p.stop() //nolint:errcheck // a temporary folder
	if err := p.register(ctx, tenOnes.endpoints(b.sink.URL+benchPath), nil); err != nil {
		return r, err
	}
	if err := p.schedule(ctx, retries); err != nil {
		return r, err
	}
	run, err := tenOnes.run(ctx, b.sink, p, b.events/3)
	if err != nil {
		return r, err
	}
	r.rate, r.lost = run.Rate, run.Lost
	m, err := p.measureRestart(ctx)
	r.restart, r.heap = m.start, m.heap
	return r, err
}

// schedule stores retries of the endpoints of tenOnes, as the dispatcher does
// after a failed attempt.
func (p *benchPipe) schedule(ctx context.Context, retries int) error {
	nc, err := p.process.Connection("schedules")
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(schedulesAtOnce)
	for n := range retries {
		group.Go(func() error {
			m, id, err := p.retry(n)
			if err == nil {
				_, err = js.PublishMsg(each, m, jetstream.WithMsgID(id))
			}
			return err
		})
	}
	return group.Wait()
}

// retry is the second attempt of a delivery that failed once, number n.
func (p *benchPipe) retry(n int) (m *nats.Msg, id string, err error) {
	now, endpoint := time.Now(), benchEndpointID(n%tenOnes.types)
	e := benchEvent(-int64(n), benchType(n%tenOnes.types), now, p.data)
	e.SetSource("/bench")
	header, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		return nil, "", err
	}
	d := schemas.Delivery{
		ID:     schemas.NewDeliveryID(now, uint64(n), endpoint),
		Tenant: benchTenant, Endpoint: endpoint, Attempts: 1, Event: header, Data: data,
		History: []schemas.Attempt{{Number: 1, At: now.UTC(), Status: 503, Reason: schemas.ReasonServerError}},
	}
	layout := p.process.Streams.Layout
	h := nats.Header(d.Header())
	h.Set(jetstream.ScheduleHeader, "@at "+now.Add(schedulesDue).UTC().Format(time.RFC3339))
	h.Set(jetstream.ScheduleTargetHeader, layout.ReadySubject(endpoint))
	return &nats.Msg{Subject: layout.LaterSubject(endpoint, d.ID), Header: h, Data: d.Data}, d.MessageID(), nil
}

func (r schedulesReport) write(w io.Writer) {
	t := comparison{fmt.Sprintf("%d schedules outstanding", r.Size), "none", "with them"}
	t.head(w)
	t.row(w, "deliveries per second", r.Rate, "")
	t.row(w, "restart, s", r.Restart, "")
	t.lone(w, "heap per retry outstanding, KiB", r.PerRetry)
	t.lone(w, "lost", float64(r.Lost))
}
