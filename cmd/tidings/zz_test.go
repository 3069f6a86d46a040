package main

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/dispatchertest"
	"github.com/tidings-dev/tidings/schemas"
)

func TestZZ(t *testing.T) {
	real := time.Now()
	synctest.Test(t, func(t *testing.T) {
		var o streams.Options
		o.Layout.Partitions, o.Layout.Shards = 1, 1
		env := streamstest.Start(t, o)
		rec := dispatchertest.New(t)
		rec.Script(func(dispatchertest.Request) dispatchertest.Answer { return dispatchertest.Status(500) })
		reg := registry.New(env.Registry)
		targets := dispatcher.NewTargets()
		w, err := reg.Watch(t.Context(), slog.New(slog.DiscardHandler), targets.Apply)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go w.Run(ctx)
		done := make(chan dispatcher.Report, 100)
		d, _ := dispatcher.New(env.NC, dispatcher.Options{Layout: env.Layout, Targets: targets, Fetch: reg.Endpoint, Disable: reg.DisableEndpoint, Transport: rec.Transport(t),
			Observe: func(r dispatcher.Report) { done <- r }})
		reg.PutTenant(ctx, schemas.Tenant{ID: "acme"})
		e := schemas.Endpoint{ID: "ep_a", Tenant: testTenant, URL: "http://receiver.test/", Secrets: []schemas.Secret{schemas.NewSecret(testSecret)}}
		if err := reg.PutEndpoint(ctx, e); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ended := make(chan error)
		go func() { ended <- d.RunPartition(ctx, 0) }()
		start := time.Now()
		del := schemas.Delivery{ID: schemas.NewDeliveryID(time.Now(), 1, "ep_a"), Tenant: "acme", Endpoint: "ep_a"}
		env.NC.PublishMsg(natsMsg(env.Layout.ReadySubject("ep_a"), del))
		for {
			if r := <-done; r.Outcome.Kind == schemas.Dead {
				break
			}
		}
		t.Log(time.Since(start))
		cancel()
		<-ended
	})
	t.Log(time.Since(real))
}
