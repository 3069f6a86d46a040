package main

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/erasure"
	"github.com/tidings-dev/tidings/config/retention"
	"github.com/tidings-dev/tidings/schemas"
)

// startJanitor has the role api remove what has been kept long enough, and what is to
// be erased.
func (a *app) startJanitor(ctx context.Context) error {
	if !a.settings.Has(config.RoleAPI) {
		return nil
	}
	nc, err := a.connection("janitor")
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	s := a.settings.Streams
	janitor := retention.New(retention.Options{
		NC: nc, JS: js, Layout: a.streams.Layout, Tenants: a.tenants, Store: a.deliveries.open,
		EventsMaxAge: s.EventsMaxAge, LogMaxAge: s.LogMaxAge, LogMaxBytes: s.LogMaxBytes, Log: a.log,
	})
	a.background(ctx, "janitor", janitor.Run)
	a.eraser = erasure.New(erasure.Options{
		NC: nc, JS: js, Layout: a.streams.Layout, Registry: a.registry, Store: a.deliveries.open, Log: a.log,
	})
	a.background(ctx, "erasures", a.eraser.Run)
	return nil
}

// tenants are all there are.
func (a *app) tenants() []schemas.Tenant {
	var all []schemas.Tenant
	for _, rec := range a.picture.Tenants("", 0) {
		all = append(all, rec.Value)
	}
	return all
}
