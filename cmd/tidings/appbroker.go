package main

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/config/broker"
	"github.com/tidings-dev/tidings/config/members"
	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/schemas"
)

func (a *app) startBroker(ctx context.Context) error {
	n := a.settings.NATS
	if n.URL != "" {
		remote := remoteBroker(n)
		remote.InboxPrefix, remote.Through = a.settings.Inbox(), a.hooks.broker
		a.connect = func(name string) (*nats.Conn, error) { return remote.Connect(name, a.log) }
		a.natsURL = n.URL
		return nil
	}
	s, err := broker.StartEmbedded(ctx, broker.Embedded{DataDir: a.settings.DataDir, Listen: n.Listen, Users: n.Users, SyncAlways: n.SyncFiles}, a.log)
	if err != nil {
		return err
	}
	a.onStop("broker", func() error { s.Close(); return nil })
	a.connect = func(name string) (*nats.Conn, error) { return s.Connect(name, a.log) }
	a.natsURL = s.URL()
	return nil
}

func remoteBroker(n config.NATS) broker.Remote {
	return broker.Remote{URL: n.URL, Creds: n.Creds, NKey: n.NKey, CA: n.CA, Cert: n.Cert, Key: n.Key, InboxPrefix: n.Inbox}
}

// connection opens a connection of the app's own, closed when it stops.
func (a *app) connection(name string) (*nats.Conn, error) {
	nc, err := a.connect("tidings " + name)
	if err != nil {
		return nil, err
	}
	a.onStop("connection of "+name, func() error { nc.Close(); return nil })
	a.ready = append(a.ready, func() api.Check {
		c := api.Check{Name: "nats connection of " + name}
		if !nc.IsConnected() {
			c.Problem = "the connection is " + strings.ToLower(nc.Status().String())
		}
		return c
	})
	return nc, nil
}

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
		DedupWindow:  s.DedupWindow,
	}
	err = broker.Allowed(ctx, a.nc, func(ctx context.Context) (err error) {
		if a.maker() {
			a.streams, err = streams.Apply(ctx, a.nc, o)
			return err
		}
		return a.awaitMade(ctx, func() (err error) {
			a.streams, err = streams.Find(ctx, a.nc, o)
			return err
		})
	})
	if err == nil && a.settings.NATS.URL == "" {
		err = members.Clear(ctx, a.streams.Members)
	}
	return err
}

// maker reports whether this process makes what all share: streams, and secrets of
// the pipe's own. Others need no right to.
func (a *app) maker() bool {
	return a.settings.Has(config.RoleAPI) || a.settings.NATS.URL == ""
}

// madePause is how long a process waits before it looks again for what another is
// to make.
const madePause = time.Second

// awaitMade looks for what a process with the role api makes, until it is there.
func (a *app) awaitMade(ctx context.Context, look func() error) error {
	for said := false; ; said = true {
		err := look()
		if !schemas.HasCode(err, schemas.CodeNotFound) {
			return err
		}
		if !said {
			a.log.WarnContext(ctx, "waiting", "for", err)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(madePause):
		}
	}
}
