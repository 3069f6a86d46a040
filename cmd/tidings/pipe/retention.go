package pipe

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
func (p *Process) startJanitor(ctx context.Context) error {
	if !p.settings.Has(config.RoleAPI) {
		return nil
	}
	nc, err := p.Connection("janitor")
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	s := p.settings.Streams
	janitor := retention.New(retention.Options{
		NC: nc, JS: js, Layout: p.Streams.Layout, Tenants: p.tenants, Store: p.deliveries.open,
		EventsMaxAge: s.EventsMaxAge, LogMaxAge: s.LogMaxAge, LogMaxBytes: s.LogMaxBytes, Log: p.log,
	})
	p.background(ctx, "janitor", janitor.Run)
	p.eraser = erasure.New(erasure.Options{
		NC: nc, JS: js, Layout: p.Streams.Layout, Registry: p.Registry, Store: p.deliveries.open, Log: p.log,
	})
	p.background(ctx, "erasures", p.eraser.Run)
	return nil
}

// tenants are all there are.
func (p *Process) tenants() []schemas.Tenant {
	var all []schemas.Tenant
	for _, rec := range p.picture.Tenants("", 0) {
		all = append(all, rec.Value)
	}
	return all
}
