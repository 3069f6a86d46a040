package main

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/dispatcher"
	"github.com/tidings-dev/tidings/dispatcher/attempt"
	"github.com/tidings-dev/tidings/dispatcher/pull"
	"github.com/tidings-dev/tidings/schemas"
)

// receiptsSecret ties the receipts of pulled deliveries to their endpoints.
const receiptsSecret = "receipts"

// startPulling is where deliveries are handed out to those who fetch them.
func (c *control) startPulling(ctx context.Context, nc *nats.Conn) (*pull.Desk, error) {
	a := c.app
	key, err := a.secret(ctx, receiptsSecret)
	if err != nil {
		return nil, err
	}
	desk, err := pull.New(nc, pull.Options{
		Layout:    a.streams.Layout,
		Targets:   a.targets,
		Catalogue: a.types,
		Fetch:     a.registry.Endpoint,
		Key:       key,
		Journal:   a.record,
		Name:      a.name,
		UserAgent: "Tidings/" + version(),
		Observe:   a.observePulled,
		Log:       a.log,
	})
	if err != nil {
		return nil, err
	}
	a.desk = desk
	a.background(ctx, "pulled endpoints", pull.NewKeeper(desk).Run)
	return desk, nil
}

// observePulled counts what became of what was pulled as if it had been sent.
func (a *app) observePulled(tenant schemas.TenantID, r *schemas.AttemptRecord) {
	d := &schemas.Delivery{ID: r.Delivery, Tenant: tenant, Endpoint: r.Endpoint}
	if p := a.measures.pulled.Load(); p != nil {
		p.Settled(d, r.Kind, r.Next)
	}
	a.observe(dispatcher.Report{
		Delivery: d,
		Result: attempt.Result{
			Attempt: r.Attempt,
			Outcome: schemas.Outcome{Kind: r.Kind, Reason: r.Reason, Detail: r.Attempt.Detail},
		},
	})
}
