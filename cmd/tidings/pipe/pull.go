package pipe

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
	p := c.process
	key, err := p.secret(ctx, receiptsSecret)
	if err != nil {
		return nil, err
	}
	desk, err := pull.New(nc, pull.Options{
		Layout:    p.Streams.Layout,
		Targets:   p.targets,
		Catalogue: p.Types,
		Fetch:     p.Registry.Endpoint,
		Key:       key,
		Journal:   p.record,
		Name:      p.name,
		UserAgent: "Tidings/" + Version(),
		Observe:   p.observePulled,
		Log:       p.log,
	})
	if err != nil {
		return nil, err
	}
	p.desk = desk
	p.background(ctx, "pulled endpoints", pull.NewKeeper(desk).Run)
	return desk, nil
}

// observePulled counts what became of what was pulled as if it had been sent.
func (p *Process) observePulled(tenant schemas.TenantID, r *schemas.AttemptRecord) {
	d := &schemas.Delivery{ID: r.Delivery, Tenant: tenant, Endpoint: r.Endpoint}
	if pulled := p.measures.pulled.Load(); pulled != nil {
		pulled.Settled(d, r.Kind, r.Next)
	}
	p.observe(dispatcher.Report{
		Delivery: d,
		Result: attempt.Result{
			Attempt: r.Attempt,
			Outcome: schemas.Outcome{Kind: r.Kind, Reason: r.Reason, Detail: r.Attempt.Detail},
		},
	})
}
