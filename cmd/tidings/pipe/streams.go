package pipe

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/journal"
	"github.com/tidings-dev/tidings/config/members"
	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/schemas"
)

// applyStreams makes the streams, or waits for them: to make and change them is the
// role api's, or of whoever has the broker for itself.
func (p *Process) applyStreams(ctx context.Context) (err error) {
	if p.nc, err = p.Connection("registry"); err != nil {
		return err
	}
	s := p.settings.Streams
	o := streams.Options{
		Layout:       schemas.Layout{Partitions: s.Partitions, Shards: s.Shards},
		Replicas:     s.Replicas,
		EventsMaxAge: s.EventsMaxAge,
		DeadMaxAge:   s.DeadMaxAge,
		LogMaxAge:    s.LogMaxAge,
		AuditMaxAge:  s.AuditMaxAge,
		DedupWindow:  s.DedupWindow,
	}
	err = broker.Allowed(ctx, p.nc, func(ctx context.Context) error {
		return p.await(ctx, func() (err error) {
			if p.maker() {
				p.Streams, err = streams.Apply(ctx, p.nc, o)
			} else {
				p.Streams, err = streams.Find(ctx, p.nc, o)
			}
			return err
		})
	})
	if err != nil || p.settings.NATS.URL != "" {
		return err
	}
	// Whoever was there before has died with the broker.
	if err := members.Clear(ctx, p.Streams.Members); err != nil {
		return err
	}
	js, err := jetstream.New(p.nc)
	if err != nil {
		return err
	}
	return streams.Release(ctx, js, p.Streams.Layout)
}

// maker reports whether this process makes what all share: streams, and secrets of
// the pipe's own. Others need no right to.
func (p *Process) maker() bool {
	return p.settings.Has(config.RoleAPI) || p.settings.NATS.URL == ""
}

const (
	// askAgain is how long a process that starts waits before it asks JetStream again.
	askAgain = time.Second
	// clusterWait is how long it waits for a cluster that has lost its majority: that
	// is back as a rule before whoever starts processes does so less often.
	clusterWait = 2 * time.Minute
)

// await asks until what is asked for is there: what a process with the role api is
// to make as long as it takes, a JetStream that cannot serve for some time.
func (p *Process) await(ctx context.Context, ask func() error) error {
	said := ""
	for began := time.Now(); ; {
		err := ask()
		unmade, down := schemas.HasCode(err, schemas.CodeNotFound), schemas.HasCode(err, schemas.CodeUnavailable)
		if !unmade && !down || down && time.Since(began) > clusterWait || ctx.Err() != nil {
			return err
		}
		if err.Error() != said {
			said = err.Error()
			p.log.WarnContext(ctx, "waiting", "for", err)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(askAgain):
		}
	}
}

// startJournal begins to write the delivery log. It ends after the stages.
func (p *Process) startJournal(ctx context.Context) error {
	nc, err := p.Connection("journal")
	if err != nil {
		return err
	}
	if p.journal, err = journal.New(nc, journal.Options{Log: p.log}); err != nil {
		return err
	}
	p.record = p.journal.Add
	if p.hooks.Unlogged {
		p.record = func(_ schemas.TenantID, _ schemas.Record, written func()) { written() }
	}
	p.background(ctx, "journal", p.journal.Run)
	return nil
}
