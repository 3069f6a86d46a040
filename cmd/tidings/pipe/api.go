package pipe

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/config/api/roam"
	"github.com/tidings-dev/tidings/config/audit"
	"github.com/tidings-dev/tidings/config/live"
	"github.com/tidings-dev/tidings/config/quota"
	"github.com/tidings-dev/tidings/config/replay"
	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/dispatcher/egress"
	"github.com/tidings-dev/tidings/fanout"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/producers/ingest"
	"github.com/tidings-dev/tidings/schemas"
)

// control is the API, and what it does beyond the registry.
type control struct {
	process *Process
	js      jetstream.JetStream
	pub     *producers.Publisher
	// uses are yet to be noted.
	uses chan use
	jobs replay.Jobs
}

// Handlers are those of /v1 and of Roam's /v0.
func (p *Process) Handlers(ctx context.Context) (v1, v0 http.Handler, err error) {
	if err := p.adminTokens(ctx); err != nil {
		return nil, nil, err
	}
	nc, err := p.Connection("api")
	if err != nil {
		return nil, nil, err
	}
	c, err := newControl(p, nc)
	if err != nil {
		return nil, nil, err
	}
	p.background(ctx, "token uses", c.noteUses)
	gate := c.gate()
	out, err := p.settings.Egress.Options()
	if err != nil {
		return nil, nil, err
	}
	announced, err := p.startAnnouncing(ctx, nc)
	if err != nil {
		return nil, nil, err
	}
	quotas := p.quotas(c.js, announced.Reached)
	again, err := c.startReplays(ctx, nc)
	if err != nil {
		return nil, nil, err
	}
	desk, err := c.startPulling(ctx, nc)
	if err != nil {
		return nil, nil, err
	}
	v1 = api.New(api.Options{
		Registry: p.Registry, Picture: p.picture, Catalogue: p.Types, CaughtUp: p.Barrier.CaughtUp,
		Gate: gate, Keys: p.keys, Idempotency: p.Streams.Idempotency,
		ReadEvents:        func(r *http.Request) ([]schemas.Event, error) { return ingest.Read(r, ingest.Limits{}) },
		Publish:           c.publish,
		CheckSubscription: func(s schemas.Subscription) error { return fanout.CheckSubscription(s, p.Types) },
		Explain:           c.explain,
		Links:             c.links(),
		Audit:             p.audit,
		Watch:             c.watch,
		Stopping:          ctx.Done(),
		Test:              c.test,
		DeliveryLog:       p.deliveries.open,
		Pending:           again.pending,
		Resend:            again.resend,
		Replays:           c.jobs,
		Poll:              desk.Poll,
		Settle:            desk.Settle,
		Erase:             p.eraser.Erase,
		Erasures:          p.eraser.List,
		NewSecret:         dialect.NewSecret,
		RoamSecret:        p.roamSecret,
		CheckEndpoint:     func(e schemas.Endpoint) error { return checkEndpoint(e, out.Guard) },
		Admit:             quotas.Publish,
		Make:              quotas.Make,
		Published:         p.measures.recorder().Published,
		Log:               p.log,
	})
	return v1, p.roamHandler(gate, out.Guard, quotas), nil
}

func (p *Process) roamHandler(gate *access.Gate, guard egress.Guard, quotas *quota.Quotas) http.Handler {
	return roam.New(roam.Options{
		Registry: p.Registry, Gate: gate, Catalogue: p.Types, Log: p.log,
		CheckURL: func(u *url.URL) error { return open(guard, u) },
		Make:     quotas.Make,
		Note: func(ctx context.Context, e audit.Entry) {
			if err := p.audit.Add(ctx, e); err != nil {
				p.log.ErrorContext(ctx, "it was not kept who changed what", "token", e.Token, "tenant", e.Tenant, "method", e.Method, "object", e.Object, "error", err)
			}
		},
	})
}

func (p *Process) roamSecret(ctx context.Context, tenant schemas.TenantID, user string) (schemas.Secret, error) {
	return roam.Secret(ctx, p.Registry, tenant, user)
}

// gate lets in whoever has a token, as often as the settings say.
func (c *control) gate() *access.Gate {
	rate, burst := c.process.settings.API.Limits()
	return access.New(access.Options{Lookup: c.token, Links: c.links(), Used: c.used, Rate: rate, Burst: burst})
}

// watch sees a tenant's log as it is written.
func (c *control) watch(ctx context.Context, tenant schemas.TenantID, see func([]schemas.Record)) error {
	return live.Watch(ctx, c.js.Conn(), tenant, see)
}

// links are sealed by the keys of the registry, and end with the token that made them.
func (c *control) links() *access.Links {
	return &access.Links{Keys: c.process.keys, Lookup: func(id schemas.TokenID) (schemas.Token, bool) {
		t, ok := c.process.picture.Token(id)
		return t.Value, ok
	}}
}

// checkEndpoint names what keeps an endpoint from being delivered to.
func checkEndpoint(e schemas.Endpoint, guard egress.Guard) error {
	if e.Pull { // nothing is sent
		return dialect.Check(e)
	}
	u, err := schemas.ParseURL(e.URL)
	if err != nil {
		return err
	}
	return errors.Join(dialect.Check(e), open(guard, u))
}

func newControl(p *Process, nc *nats.Conn) (*control, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	// What the API has let pass by the tenant's wish is not checked again.
	pub, err := producers.New(nc, producers.Options{
		Tenant: anyTenant, Catalogue: p.Types, Validation: schemas.ValidationQuarantine, GiveUp: publishWait, Tracers: p.Tracers,
	})
	if err != nil {
		return nil, err
	}
	return &control{process: p, js: js, pub: pub, uses: make(chan use, 1000)}, nil
}

// publishWait is how long a caller waits for events to be stored: less than most
// callers do of themselves.
const publishWait = 10 * time.Second

// anyTenant owns a publisher that publishes on behalf of others only.
const anyTenant = schemas.TenantID("any")

// open tells of a URL what the guard will, as far as it can be told before the
// name resolves: so that who writes it hears of it.
func open(guard egress.Guard, u *url.URL) error {
	if denied, ok := errors.AsType[*egress.Denied](guard.CheckURL(u)); ok {
		return schemas.Errorf(schemas.CodeInvalid, "url: %s: use a public https URL; only the operator can open others (--egress-allow, --egress-http, --egress-ports)", denied.Reason)
	}
	return nil
}

// use is a token's, some time ago.
type use struct {
	token schemas.TokenID
	at    time.Time
}

// token finds a token. One that is not known may have been made a moment ago, by
// another process.
func (c *control) token(hash string) (schemas.Token, bool) {
	t, ok := c.process.picture.TokenByHash(hash)
	if !ok && c.process.Barrier.CaughtUp(context.Background()) == nil {
		t, ok = c.process.picture.TokenByHash(hash)
	}
	return t.Value, ok
}

// used notes when a token was last used. A caller does not wait for that: if
// there is too much to note, it is left out.
func (c *control) used(id schemas.TokenID, at time.Time) {
	select {
	case c.uses <- use{id, at}:
	default:
	}
}

func (c *control) noteUses(ctx context.Context) error {
	for {
		select {
		case u := <-c.uses:
			if err := c.process.Registry.SetUsed(ctx, u.token, u.at); err != nil {
				c.process.log.DebugContext(ctx, "use of a token not noted", "token", u.token, "error", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// publish returns once JetStream has stored all events.
func (c *control) publish(ctx context.Context, tenant schemas.TenantID, events []schemas.Event) (duplicate []bool, err error) {
	pub, err := c.pub.For(tenant)
	if err != nil {
		return nil, err
	}
	results, err := pub.PublishBatch(ctx, events)
	if err != nil {
		return nil, err
	}
	duplicate = make([]bool, len(results))
	for i, r := range results {
		duplicate[i] = r.Receipt.Duplicate
		if r.Err != nil {
			err = errors.Join(err, r.Err)
		}
	}
	if schemas.HasCode(err, schemas.CodeFull) { // the cause names our own machines
		return nil, schemas.Errorf(schemas.CodeFull, "the storage is full, and not all events are stored: send them again later, what is stored will not be doubled; the operator has to make room")
	}
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeUnavailable, "not all events are stored: send them again, what is stored will not be doubled: %w", err)
	}
	return duplicate, nil
}

func (c *control) explain(tenant schemas.TenantID, e schemas.Event) []schemas.Explanation {
	header, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		return nil // cannot be: the event is valid
	}
	return c.process.Index.Explain(fanout.Event{
		Tenant: tenant, Type: e.Type(), Known: c.process.Types.Find(tenant, e.Type()), Header: header, Data: data,
	})
}

// testType is the type of a test event in a dialect that carries any.
const testType = "tidings.test"

func (c *control) test(ctx context.Context, e schemas.Endpoint, eventType string) (schemas.DeliveryID, error) {
	known := c.process.Types.Find(e.Tenant, eventType)
	switch {
	case eventType == "" && e.Dialect.Open():
		eventType = testType
	case eventType == "":
		types := c.process.Types.Types(e.Tenant)
		for _, name := range slices.Sorted(maps.Keys(types)) {
			if types[name].In(e.Dialect) {
				known, eventType = types[name], name
				break
			}
		}
	case !known.In(e.Dialect):
		return "", schemas.Errorf(schemas.CodeInvalid, "the dialect %s has no word for the type %q: leave type out, or take one that it has (GET /v1/tenants/%s/types)", e.Dialect, eventType, e.Tenant)
	}
	id, m, err := fanout.Example(c.process.Streams.Layout, e, eventType, known)
	if err != nil {
		return "", err
	}
	if _, err := c.js.PublishMsg(ctx, m, jetstream.WithMsgID(string(id))); err != nil {
		return "", schemas.Errorf(schemas.CodeUnavailable, "the test delivery is not stored: try again: %w", err)
	}
	at, sequence, _ := id.Accepted() // Example has made it
	c.process.journal.Add(e.Tenant, schemas.Record{Event: &schemas.EventRecord{
		Sequence: sequence, Accepted: at, EventSummary: schemas.Summarize(m.Header, len(m.Data)), Endpoints: []schemas.EndpointID{e.ID},
	}}, func() {})
	return id, nil
}
