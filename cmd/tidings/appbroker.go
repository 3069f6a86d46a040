package main

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/config/broker"
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
	a.embedded = s
	a.onStop("broker", func() error { s.Close(); return nil })
	a.connect = func(name string) (*nats.Conn, error) { return s.Connect(name, a.log) }
	a.natsURL = s.URL()
	if !a.settings.Whole() {
		a.log.Warn("only some roles, on this process's own broker: have the others' --nats-url name it, or this one's the broker of the pipe", "roles", a.settings.Roles, "nats", a.natsURL)
	}
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
	a.measures.connected[name] = nc.IsConnected
	a.check(func() api.Check {
		c := api.Check{Name: "nats connection of " + name}
		if !nc.IsConnected() {
			c.Problem = "the connection is " + strings.ToLower(nc.Status().String())
		}
		return c
	})
	return nc, nil
}
