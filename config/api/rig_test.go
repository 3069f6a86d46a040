package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/config/audit"
	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/config/erasure"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/registry/picture"
	"github.com/tidings-dev/tidings/config/replay"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

// rig is the API on a real registry. What belongs to other stages is made up,
// and so simple that it is easy to see through.
type rig struct {
	tb       testing.TB
	api      *api.API
	env      *streamstest.Env
	store    *deliverylog.Store
	pending  []deliverylog.Event
	options  api.Options
	registry *registry.Registry
	picture  *picture.Picture
	log      bytes.Buffer
	admin    string
}

const madeSecret = "whsec_bWFkZS1mb3ItdGhpcy1lbmRwb2ludC0x"

func newRig(tb testing.TB, change ...func(*api.Options, *access.Options)) *rig {
	tb.Helper()
	env := streamstest.Start(tb, streamstest.Small())
	keys, err := seal.Parse(seal.NewKey())
	must(tb, err)
	js, err := jetstream.New(env.NC)
	must(tb, err)
	r := &rig{tb: tb, env: env, registry: registry.New(env.Registry, keys), picture: picture.New()}
	types := catalogue.New()
	ctx, cancel := context.WithCancel(context.Background())
	w, err := r.registry.Watch(ctx, slog.New(slog.DiscardHandler), r.picture.Apply, types.Apply)
	must(tb, err)
	ended := make(chan struct{})
	go func() { // ends with ctx; the clean-up waits
		defer close(ended)
		_ = w.Run(ctx)
	}()
	tb.Cleanup(func() { cancel(); <-ended })
	r.store, err = deliverylog.Open(ctx, filepath.Join(tb.TempDir(), "log.db"))
	must(tb, err)
	tb.Cleanup(func() { _ = r.store.Close() })
	links := &access.Links{Keys: keys, Lookup: func(id schemas.TokenID) (schemas.Token, bool) {
		rec, ok := r.picture.Token(id)
		return rec.Value, ok
	}}
	log, err := audit.New(env.NC)
	must(tb, err)
	stopping := make(chan struct{})
	close(stopping) // what has no end of its own ends at once
	guard := access.Options{Rate: -1, Links: links, Lookup: func(hash string) (schemas.Token, bool) {
		rec, ok := r.picture.TokenByHash(hash)
		return rec.Value, ok
	}}
	r.options = api.Options{
		Registry: r.registry, Picture: r.picture, Catalogue: types, Keys: keys, Idempotency: env.Idempotency,
		CaughtUp:   func(ctx context.Context) error { return w.CaughtUp(ctx, r.registry) },
		ReadEvents: readEvents, Publish: publishTo(js), Explain: r.explain,
		CheckSubscription: func(s schemas.Subscription) error {
			for _, f := range s.Filters {
				if f.CEL == "bad(" {
					return schemas.Errorf(schemas.CodeInvalid, "filters[0].cel: at 1:5: it ends too early")
				}
			}
			return nil
		},
		Test: func(_ context.Context, e schemas.Endpoint, eventType string) (schemas.DeliveryID, error) {
			if eventType == "no.such" {
				return "", schemas.Errorf(schemas.CodeInvalid, "type %q has no example: name another", eventType)
			}
			return schemas.NewDeliveryID(time.Now(), 1, e.ID), nil
		},
		Links: links, Audit: log, Stopping: stopping,
		Watch: func(ctx context.Context, _ schemas.TenantID, _ func([]schemas.Record)) error {
			<-ctx.Done()
			return nil
		},
		DeliveryLog: func() (*deliverylog.Store, error) { return r.store, nil },
		Pending:     func(context.Context, schemas.TenantID) ([]deliverylog.Event, error) { return r.pending, nil },
		Resend: func(_ context.Context, _ schemas.TenantID, d deliverylog.Delivery) (bool, error) {
			return d.Event.ID != "forgotten", nil
		},
		Replays: replay.Jobs{Registry: r.registry},
		Poll:    pollOne, Settle: settleAll,
		Erase: func(_ context.Context, tenant schemas.TenantID, q erasure.Request) (erasure.Record, error) {
			if q.Event == "" {
				return erasure.Record{}, schemas.Errorf(schemas.CodeInvalid, "event: name one")
			}
			return erased(tenant, "ers_1"), nil
		},
		Erasures: func(_ context.Context, tenant schemas.TenantID) ([]erasure.Record, error) {
			return []erasure.Record{erased(tenant, "ers_2"), erased(tenant, "ers_1")}, nil
		},
		NewSecret: func(d schemas.Dialect) string {
			if d == schemas.DialectOneRoute {
				return ""
			}
			return madeSecret
		},
		RoamSecret: func(ctx context.Context, tenant schemas.TenantID, user string) (schemas.Secret, error) {
			key, err := r.registry.TenantSecret(ctx, tenant, "roam"+user)
			return schemas.NewSecret("whsec_" + base64.StdEncoding.EncodeToString(key)), err
		},
		CheckEndpoint: func(e schemas.Endpoint) error {
			for _, s := range e.Secrets {
				if !strings.HasPrefix(s.Reveal(), "whsec_") {
					return schemas.Errorf(schemas.CodeInvalid, "endpoint %s: secrets[0]: write it as \"whsec_\" and base64", e.ID)
				}
			}
			return nil
		},
		Log: slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&r.options, &guard)
	}
	r.options.Gate = access.New(guard)
	r.api = api.New(r.options)
	r.admin = r.token(schemas.Token{Scope: schemas.TokenAdmin})
	return r
}

func erased(tenant schemas.TenantID, id string) erasure.Record {
	return erasure.Record{
		ID: id, Tenant: tenant, Of: "event", Salt: "s", Hash: strings.Repeat("a", 64), State: erasure.Watching, Found: 1,
		Created: time.Now(), Updated: time.Now(), Work: &erasure.Work{Places: []schemas.DeliveryID{"dlv_"}},
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func readEvents(r *http.Request) ([]schemas.Event, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	bodies := []json.RawMessage{body}
	header := schemas.Header{}
	maps.Copy(header, r.Header)
	if r.Header.Get("Content-Type") == "application/cloudevents-batch+json" {
		header["Content-Type"] = []string{"application/cloudevents+json"}
		if err := json.Unmarshal(body, &bodies); err != nil {
			return nil, schemas.Errorf(schemas.CodeInvalid, "the body is no list of events")
		}
	}
	var events []schemas.Event
	for _, b := range bodies {
		e, err := schemas.DecodeEvent(header, b)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

func publishTo(js jetstream.JetStream) func(context.Context, schemas.TenantID, []schemas.Event) ([]bool, error) {
	return func(ctx context.Context, tenant schemas.TenantID, events []schemas.Event) (duplicate []bool, err error) {
		for i := range events {
			header, body, err := schemas.EncodeEvent(&events[i])
			if err != nil {
				return nil, err
			}
			m := &nats.Msg{Subject: schemas.EventSubject(tenant, events[i].Type()), Header: header, Data: body}
			ack, err := js.PublishMsg(ctx, m, jetstream.WithMsgID(schemas.EventMessageID(&events[i])))
			if err != nil {
				return nil, schemas.Errorf(schemas.CodeUnavailable, "publish: %w", err)
			}
			duplicate = append(duplicate, ack.Duplicate)
		}
		return duplicate, nil
	}
}

func (r *rig) explain(tenant schemas.TenantID, _ schemas.Event) (found []schemas.Explanation) {
	for _, e := range r.picture.Endpoints(tenant, "", 0) {
		found = append(found, schemas.Explanation{Endpoint: e.Value.ID, Condition: "types", Detail: "no pattern is of its type"})
	}
	return found
}

// token makes a token and waits until it opens.
func (r *rig) token(t schemas.Token) string {
	r.tb.Helper()
	presented, hash := access.NewToken()
	t.ID, t.Hash = schemas.NewTokenID(time.Now()), hash
	_, err := r.registry.CreateToken(r.tb.Context(), t)
	must(r.tb, err)
	must(r.tb, r.options.CaughtUp(r.tb.Context()))
	return presented
}

// request is one call of the API.
type request struct {
	method, path, token, body string
	header                    map[string]string
}

var calls atomic.Int64

func (r *rig) send(q request) *httptest.ResponseRecorder {
	r.tb.Helper()
	req := httptest.NewRequestWithContext(r.tb.Context(), q.method, q.path, strings.NewReader(q.body))
	req.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", calls.Add(1)%256) // else wrong tokens are soon too many
	if q.token != "" {
		req.Header.Set("Authorization", "Bearer "+q.token)
	}
	if q.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range q.header {
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, req)
	return w
}

// do is a request by the administrator that has to have a status. It returns the
// answer's JSON object.
func (r *rig) do(status int, method, path, body string, header ...string) (map[string]any, http.Header) {
	r.tb.Helper()
	return r.as(r.admin, status, method+" "+path, body, header...)
}

func (r *rig) as(token string, status int, route, body string, header ...string) (map[string]any, http.Header) {
	r.tb.Helper()
	method, path, _ := strings.Cut(route, " ")
	q := request{method: method, path: path, token: token, body: body, header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		q.header[header[i]] = header[i+1]
	}
	w := r.send(q)
	if w.Code != status {
		r.tb.Fatalf("%s %s %s: got %d %s, want %d", method, path, body, w.Code, w.Body, status)
	}
	described(r.tb, q, w)
	var object map[string]any
	if w.Body.Len() > 0 && w.Header().Get("Content-Type") != "text/event-stream" {
		must(r.tb, json.Unmarshal(w.Body.Bytes(), &object))
	}
	return object, w.Header()
}

// tenants makes two tenants, each with an endpoint and a subscription, and returns
// the ids of the first one's.
func (r *rig) tenants() (endpoint, subscription string) {
	r.tb.Helper()
	for _, tenant := range []string{"other", "acme"} {
		r.do(201, "POST", "/v1/tenants", `{"id":"`+tenant+`"}`)
		e, _ := r.do(201, "POST", "/v1/tenants/"+tenant+"/endpoints", `{"url":"https://example.com/hooks","headers":{"X-Key":"hidden-value"}}`)
		s, _ := r.do(201, "POST", "/v1/tenants/"+tenant+"/subscriptions", `{"endpoint":"`+e["id"].(string)+`","types":["*"]}`)
		endpoint, subscription = e["id"].(string), s["id"].(string)
	}
	return endpoint, subscription
}
