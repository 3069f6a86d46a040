package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/members"
	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/egress"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
)

func (a *app) startDispatcher(ctx context.Context) error {
	if !a.settings.Has(config.RoleDispatcher) {
		return nil
	}
	transport, err := a.transport()
	if err != nil {
		return err
	}
	var callback attempt.Callback
	if a.consents != nil {
		callback = a.consents.callback
	}
	nc, err := a.connection("dispatcher")
	if err != nil {
		return err
	}
	own, err := newAnnouncer(nc, a.tracers)
	if err != nil {
		return err
	}
	if err := a.startLag(ctx, nc, config.RoleDispatcher); err != nil {
		return err
	}
	d, err := dispatcher.New(nc, dispatcher.Options{
		Layout:      a.streams.Layout,
		Targets:     a.targets,
		Catalogue:   a.types,
		Fetch:       a.registry.Endpoint,
		Disable:     a.registry.DisableEndpoint,
		Failing:     failingNotes{a.registry},
		Announce:    own.notice,
		Agree:       a.registry.Agree,
		Origin:      a.settings.Origin,
		Callback:    callback,
		Transport:   a.measures.guarded(transport),
		Observe:     a.observeSent,
		Journal:     a.record,
		Name:        a.name,
		AckWait:     streams.AckWait,
		Grace:       a.settings.Grace,
		MaxRequests: a.settings.MaxRequests,
		UserAgent:   "Tidings/" + version(),
		Tracers:     a.tracers,
		Log:         a.log,
	})
	if err != nil {
		return err
	}
	a.measures.dispatcher = d
	if !a.hooks.unexpress {
		a.express = d.Express
	}
	a.share(ctx, string(config.RoleDispatcher), d.RunPartition)
	return nil
}

func (a *app) transport() (http.RoundTripper, error) {
	if a.hooks.transport != nil {
		return a.hooks.transport, nil
	}
	o, err := a.settings.Egress.Options()
	if err != nil {
		return nil, err
	}
	return egress.NewLight(o), nil
}

// observe logs what went wrong at the operator's level, and the rest for whoever
// looks closer.
func (a *app) observe(r dispatcher.Report) {
	level := slog.LevelDebug
	if r.Outcome.Kind == schemas.Dead {
		level = slog.LevelWarn
	}
	ctx := r.Context(context.Background())
	if a.log.Enabled(ctx, level) {
		a.log.Log(ctx, level, "attempt", "delivery", r.Delivery.ID, "endpoint", r.Delivery.Endpoint, "tenant", r.Delivery.Tenant,
			"attempt", r.Attempt.Number, "status", r.Attempt.Status, "outcome", r.Outcome.Kind, "reason", r.Outcome.Reason, "took", r.Attempt.Duration)
	}
	a.measures.settled(r)
	if a.hooks.observe != nil {
		a.hooks.observe(r)
	}
}

// observeSent is observe of what is sent. What is pulled is not remembered as waiting
// for its retry here: another process may hear how it ends.
func (a *app) observeSent(r dispatcher.Report) {
	a.observe(r)
	if p := a.measures.lags[config.RoleDispatcher]; p != nil {
		p.Settled(r.Delivery, r.Outcome.Kind)
	}
}

func (a *app) startFanout(ctx context.Context) error {
	if !a.settings.Has(config.RoleFanout) {
		return nil
	}
	nc, err := a.connection("fanout")
	if err != nil {
		return err
	}
	if err := a.startLag(ctx, nc, config.RoleFanout); err != nil {
		return err
	}
	f, err := fanout.New(nc, fanout.Options{
		Layout:    a.streams.Layout,
		Index:     a.index,
		Histories: a.histories,
		Registry:  pipeRegistry{a.registry, a.barrier},
		Catalogue: a.types,
		Express:   a.express,
		Counted:   a.limited,
		Stored:    a.meter(ctx).Count,
		Journal:   a.measures.journal(a.record),
		Tracers:   a.tracers,
		Log:       a.log,
	})
	if err != nil {
		return err
	}
	a.share(ctx, string(config.RoleFanout), f.RunPartition)
	return nil
}

// againPause is how long a part that could not run waits before it is tried again.
const againPause = time.Second

// share runs this member's share of a role's partitions.
func (a *app) share(ctx context.Context, role string, run func(context.Context, int) error) {
	m := members.New(a.streams.Members, members.Options{
		Role: role, ID: a.name, Partitions: a.streams.Layout.Partitions, TTL: streams.MemberTTL, Log: a.log,
	})
	a.background(ctx, role, func(ctx context.Context) error {
		return m.Run(ctx, func(ctx context.Context, partition int) {
			defer a.measures.owns(config.Role(role), partition)()
			a.again(ctx, fmt.Sprintf("%s partition %d", role, partition), func(ctx context.Context) error { return run(ctx, partition) })
		})
	})
}

// again runs a part until ctx ends, again whenever it stops by itself.
func (a *app) again(ctx context.Context, name string, run func(context.Context) error) {
	for {
		err := run(ctx)
		if ctx.Err() != nil {
			return
		}
		a.log.ErrorContext(ctx, "stopped; it is tried again", "part", name, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(againPause):
		}
	}
}

// processName is unique among processes and fit for a subject token.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "host"
	}
	host = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, host)
	return host + "-" + strings.ToLower(rand.Text()[:8])
}
