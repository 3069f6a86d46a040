package pipe

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/config/broker"
)

func (p *Process) startBroker(ctx context.Context) error {
	n := p.settings.NATS
	if n.URL != "" {
		remote := Remote(n)
		remote.InboxPrefix, remote.Through = p.settings.Inbox(), p.hooks.Broker
		p.connect = func(name string) (*nats.Conn, error) { return remote.Connect(name, p.log) }
		p.NATSURL = n.URL
		return nil
	}
	s, err := broker.StartEmbedded(ctx, broker.Embedded{DataDir: p.settings.DataDir, Listen: n.Listen, Users: n.Users, SyncAlways: n.SyncFiles}, p.log)
	if err != nil {
		return err
	}
	p.embedded = s
	p.onStop("broker", func() error { s.Close(); return nil })
	p.connect = func(name string) (*nats.Conn, error) { return s.Connect(name, p.log) }
	p.NATSURL = s.URL()
	if !p.settings.Whole() {
		p.log.WarnContext(ctx, "only some roles, on this process's own broker: have the others' --nats-url name it, or this one's the broker of the pipe", "roles", p.settings.Roles, "nats", p.NATSURL)
	}
	return nil
}

// Remote is the broker of settings that name one elsewhere.
func Remote(n config.NATS) broker.Remote {
	return broker.Remote{URL: n.URL, Creds: n.Creds, NKey: n.NKey, CA: n.CA, Cert: n.Cert, Key: n.Key, InboxPrefix: n.Inbox}
}

// Connection opens a connection of the process's own, closed when it stops.
func (p *Process) Connection(name string) (*nats.Conn, error) {
	nc, err := p.connect("tidings " + name)
	if err != nil {
		return nil, err
	}
	p.onStop("connection of "+name, func() error { nc.Close(); return nil })
	p.measures.connected[name] = nc.IsConnected
	p.check(func() api.Check {
		c := api.Check{Name: "nats connection of " + name}
		if !nc.IsConnected() {
			c.Problem = "the connection is " + strings.ToLower(nc.Status().String())
		}
		return c
	})
	return nc, nil
}
