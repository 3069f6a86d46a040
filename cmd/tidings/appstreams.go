package main

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
func (a *app) applyStreams(ctx context.Context) (err error) {
	if a.nc, err = a.connection("registry"); err != nil {
		return err
	}
	s := a.settings.Streams
	o := streams.Options{
		Layout:       schemas.Layout{Partitions: s.Partitions, Shards: s.Shards},
		Replicas:     s.Replicas,
		EventsMaxAge: s.EventsMaxAge,
		DeadMaxAge:   s.DeadMaxAge,
		LogMaxAge:    s.LogMaxAge,
		AuditMaxAge:  s.AuditMaxAge,
		DedupWindow:  s.DedupWindow,
	}
	err = broker.Allowed(ctx, a.nc, func(ctx context.Context) error {
		return a.await(ctx, func() (err error) {
			if a.maker() {
				a.streams, err = streams.Apply(ctx, a.nc, o)
			} else {
				a.streams, err = streams.Find(ctx, a.nc, o)
			}
			return err
		})
	})
	if err != nil || a.settings.NATS.URL != "" {
		return err
	}
	// Whoever was there before has died with the broker.
	if err := members.Clear(ctx, a.streams.Members); err != nil {
		return err
	}
	js, err := jetstream.New(a.nc)
	if err != nil {
		return err
	}
	return streams.Release(ctx, js, a.streams.Layout)
}

// maker reports whether this process makes what all share: streams, and secrets of
// the pipe's own. Others need no right to.
func (a *app) maker() bool {
	return a.settings.Has(config.RoleAPI) || a.settings.NATS.URL == ""
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
func (a *app) await(ctx context.Context, ask func() error) error {
	said := ""
	for began := time.Now(); ; {
		err := ask()
		unmade, down := schemas.HasCode(err, schemas.CodeNotFound), schemas.HasCode(err, schemas.CodeUnavailable)
		if !unmade && !down || down && time.Since(began) > clusterWait || ctx.Err() != nil {
			return err
		}
		if err.Error() != said {
			said = err.Error()
			a.log.WarnContext(ctx, "waiting", "for", err)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(askAgain):
		}
	}
}

// startJournal begins to write the delivery log. It ends after the stages.
func (a *app) startJournal(ctx context.Context) error {
	nc, err := a.connection("journal")
	if err != nil {
		return err
	}
	if a.journal, err = journal.New(nc, journal.Options{Log: a.log}); err != nil {
		return err
	}
	a.record = a.journal.Add
	if a.hooks.unlogged {
		a.record = func(_ schemas.TenantID, _ schemas.Record, written func()) { written() }
	}
	a.background(ctx, "journal", a.journal.Run)
	return nil
}
