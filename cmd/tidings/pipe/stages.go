package pipe

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/members"
	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/egress"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/schemas"
)

func (p *Process) startDispatcher(ctx context.Context) error {
	if !p.settings.Has(config.RoleDispatcher) {
		return nil
	}
	transport, err := p.transport()
	if err != nil {
		return err
	}
	var callback attempt.Callback
	if p.consents != nil {
		callback = p.consents.callback
	}
	nc, err := p.Connection("dispatcher")
	if err != nil {
		return err
	}
	own, err := newAnnouncer(nc, p.Tracers)
	if err != nil {
		return err
	}
	if err := p.startLag(ctx, nc, config.RoleDispatcher); err != nil {
		return err
	}
	d, err := dispatcher.New(nc, dispatcher.Options{
		Layout:      p.Streams.Layout,
		Targets:     p.targets,
		Catalogue:   p.Types,
		Fetch:       p.Registry.Endpoint,
		Disable:     p.Registry.DisableEndpoint,
		Failing:     failingNotes{p.Registry},
		Announce:    own.notice,
		Agree:       p.Registry.Agree,
		Origin:      p.settings.Origin,
		Callback:    callback,
		Transport:   p.measures.guarded(transport),
		Observe:     p.observeSent,
		Journal:     p.record,
		Name:        p.name,
		AckWait:     streams.AckWait,
		Grace:       p.settings.Grace,
		MaxRequests: p.settings.MaxRequests,
		UserAgent:   "Tidings/" + Version(),
		Tracers:     p.Tracers,
		Log:         p.log,
	})
	if err != nil {
		return err
	}
	p.measures.dispatcher = d
	if !p.hooks.Unexpress {
		p.express = d.Express
	}
	return p.share(ctx, string(config.RoleDispatcher), d.RunPartition)
}

func (p *Process) transport() (http.RoundTripper, error) {
	if p.hooks.Transport != nil {
		return p.hooks.Transport, nil
	}
	o, err := p.settings.Egress.Options()
	if err != nil {
		return nil, err
	}
	o.MaxOpen = dispatcher.MaxConnections(cmp.Or(p.settings.MaxRequests, dispatcher.DefaultMaxRequests()))
	return egress.NewLight(o), nil
}

// observe logs what went wrong at the operator's level, and the rest for whoever
// looks closer.
func (p *Process) observe(r dispatcher.Report) {
	level := slog.LevelDebug
	if r.Outcome.Kind == schemas.Dead {
		level = slog.LevelWarn
	}
	ctx := r.Context(context.Background())
	if p.log.Enabled(ctx, level) {
		p.log.Log(ctx, level, "attempt", "delivery", r.Delivery.ID, "endpoint", r.Delivery.Endpoint, "tenant", r.Delivery.Tenant,
			"attempt", r.Attempt.Number, "status", r.Attempt.Status, "outcome", r.Outcome.Kind, "reason", r.Outcome.Reason, "took", r.Attempt.Duration)
	}
	p.measures.settled(r)
	if p.hooks.Observe != nil {
		p.hooks.Observe(r)
	}
}

// observeSent is observe of what is sent. What is pulled is not remembered as waiting
// for its retry here: another process may hear how it ends.
func (p *Process) observeSent(r dispatcher.Report) {
	p.observe(r)
	if lag := p.measures.lags[config.RoleDispatcher]; lag != nil {
		lag.Settled(r.Delivery, r.Outcome.Kind)
	}
}

func (p *Process) startFanout(ctx context.Context) error {
	if !p.settings.Has(config.RoleFanout) {
		return nil
	}
	nc, err := p.Connection("fanout")
	if err != nil {
		return err
	}
	if err := p.startLag(ctx, nc, config.RoleFanout); err != nil {
		return err
	}
	f, err := fanout.New(nc, fanout.Options{
		Layout:    p.Streams.Layout,
		Index:     p.Index,
		Histories: p.histories,
		Registry:  pipeRegistry{p.Registry, p.Barrier},
		Catalogue: p.Types,
		Express:   p.express,
		Counted:   p.limited,
		Stored:    p.meter(ctx).Count,
		Journal:   p.measures.journal(p.record),
		Tracers:   p.Tracers,
		Log:       p.log,
	})
	if err != nil {
		return err
	}
	return p.share(ctx, string(config.RoleFanout), f.RunPartition)
}

// againPause is how long a part that could not run waits before it is tried again.
const againPause = time.Second

// share runs this member's share of a role's partitions.
func (p *Process) share(ctx context.Context, role string, run func(context.Context, int) error) error {
	var m *members.Member
	err := broker.Allowed(ctx, p.nc, func(ctx context.Context) (err error) {
		watching, begun := outliving(ctx)
		defer begun()
		m, err = members.New(watching, p.Streams.Members, members.Options{
			Role: role, ID: p.name, Partitions: p.Streams.Layout.Partitions, TTL: streams.MemberTTL, Log: p.log,
		})
		return err
	})
	if err != nil {
		return err
	}
	p.background(ctx, role, func(ctx context.Context) error {
		return m.Run(ctx, func(ctx context.Context, partition int) {
			defer p.measures.owns(config.Role(role), partition)()
			p.again(ctx, fmt.Sprintf("%s partition %d", role, partition), func(ctx context.Context) error { return run(ctx, partition) })
		})
	})
	return nil
}

// again runs a part until ctx ends, again whenever it stops by itself.
func (p *Process) again(ctx context.Context, name string, run func(context.Context) error) {
	for {
		err := run(ctx)
		if ctx.Err() != nil {
			return
		}
		p.log.ErrorContext(ctx, "stopped; it is tried again", "part", name, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(againPause):
		}
	}
}

// Name is unique among processes and fit for a subject token.
func Name() string {
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
