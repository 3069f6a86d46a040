package main

import (
	"context"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

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
		a.connect = func(name string) (*nats.Conn, error) { return remote.Connect(name, a.log) }
		a.natsURL = n.URL
		return nil
	}
	s, err := broker.StartEmbedded(ctx, broker.Embedded{DataDir: a.settings.DataDir, Listen: n.Listen, SyncAlways: n.SyncFiles}, a.log)
	if err != nil {
		return err
	}
	a.embedded = s
	a.onStop("broker", func() error { s.Close(); return nil })
	a.connect = func(name string) (*nats.Conn, error) { return s.Connect(name, a.log) }
	a.natsURL = s.URL()
	return nil
}

func remoteBroker(n config.NATS) broker.Remote {
	return broker.Remote{URL: n.URL, Creds: n.Creds, NKey: n.NKey, CA: n.CA, Cert: n.Cert, Key: n.Key}
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

const (
	// applyWait is how long a process that starts waits for JetStream: a cluster that
	// has lost its majority is back as a rule before whoever starts processes has
	// begun to start them less often.
	applyWait = 2 * time.Minute
	// applyPause is the time between two tries.
	applyPause = time.Second
)

func (a *app) applyStreams(ctx context.Context) error {
	nc, err := a.connection("registry")
	if err != nil {
		return err
	}
	s := a.settings.Streams
	options := streams.Options{
		Layout:       schemas.Layout{Partitions: s.Partitions, Shards: s.Shards},
		Replicas:     s.Replicas,
		EventsMaxAge: s.EventsMaxAge,
		DeadMaxAge:   s.DeadMaxAge,
		DedupWindow:  s.DedupWindow,
	}
	for began := time.Now(); ; {
		a.streams, err = streams.Apply(ctx, nc, options)
		if !schemas.HasCode(err, schemas.CodeUnavailable) || ctx.Err() != nil || time.Since(began) > applyWait {
			break
		}
		a.log.WarnContext(ctx, "JetStream cannot serve now; it is asked again", "error", err)
		select {
		case <-time.After(applyPause):
		case <-ctx.Done():
		}
	}
	if err != nil || a.settings.NATS.URL != "" {
		return err
	}
	// Whoever was there before has died with the broker.
	if err := members.Clear(ctx, a.streams.Members); err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	return streams.Release(ctx, js, a.streams.Layout)
}
