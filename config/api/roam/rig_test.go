package roam_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api/roam"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

const (
	subscribe   = "/v0/webhook.subscribe"
	unsubscribe = "/v0/webhook.unsubscribe"
	asJSON      = "application/json"
	asForm      = "application/x-www-form-urlencoded"
)

// tokens are what the API clients of the tests present.
var tokens = map[string]schemas.Token{
	"acme-org":     {ID: "tok_1", Scope: schemas.TokenWrite, Tenant: "acme"},
	"acme-dana":    {ID: "tok_2", Scope: schemas.TokenPersonal, Tenant: "acme", User: []string{"U-dana", "dana@example.test"}},
	"acme-kim":     {ID: "tok_3", Scope: schemas.TokenPersonal, Tenant: "acme", User: []string{"U-kim"}},
	"beta-org":     {ID: "tok_4", Scope: schemas.TokenWrite, Tenant: "beta"},
	"beta-dana":    {ID: "tok_5", Scope: schemas.TokenPersonal, Tenant: "beta", User: []string{"U-dana"}},
	"gone-org":     {ID: "tok_6", Scope: schemas.TokenWrite, Tenant: "gone"},
	"acme-read":    {ID: "tok_7", Scope: schemas.TokenRead, Tenant: "acme"},
	"acme-publish": {ID: "tok_8", Scope: schemas.TokenPublish, Tenant: "acme"},
	"admin":        {ID: "tok_9", Scope: schemas.TokenAdmin},
	// Dana's next token, with one more id.
	"acme-dana-2": {ID: "tok_10", Scope: schemas.TokenPersonal, Tenant: "acme", User: []string{"U-dana", "d@example.test"}},
}

func gate(o access.Options) *access.Gate {
	byHash := map[string]schemas.Token{}
	for presented, token := range tokens {
		byHash[access.Hash(presented)] = token
	}
	o.Lookup = func(hash string) (schemas.Token, bool) { t, ok := byHash[hash]; return t, ok }
	return access.New(o)
}

// rig is /v0 on a real registry.
type rig struct {
	t        *testing.T
	env      *streamstest.Env
	registry *registry.Registry
	options  roam.Options
	handler  http.Handler
	log      *strings.Builder
}

func inRig(t *testing.T, test func(*testing.T, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		keys, err := seal.Parse(seal.NewKey())
		if err != nil {
			t.Fatal(err)
		}
		env := streamstest.Start(t, streamstest.Small())
		r := &rig{t: t, env: env, registry: registry.New(env.Registry, keys), log: &strings.Builder{}}
		for _, id := range []schemas.TenantID{"acme", "beta"} {
			if err := r.registry.PutTenant(t.Context(), schemas.Tenant{ID: id}); err != nil {
				t.Fatal(err)
			}
		}
		r.use(roam.Options{
			Registry: r.registry, Gate: gate(access.Options{Rate: -1}), Catalogue: catalogue.New(),
			CheckURL: func(u *url.URL) error {
				if u.Scheme == "https" || u.Hostname() == "127.0.0.1" {
					return nil
				}
				return schemas.Errorf(schemas.CodeInvalid, "url is not https: use https")
			},
			Log: slog.New(slog.NewTextHandler(r.log, nil)),
		})
		test(t, r)
	})
}

func (r *rig) use(o roam.Options) { r.options, r.handler = o, roam.New(o) }

// post makes a request with a token, unless that is empty.
func (r *rig) post(token, target, contentType, body string) *httptest.ResponseRecorder {
	q := httptest.NewRequestWithContext(r.t.Context(), http.MethodPost, target, strings.NewReader(body))
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		q.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, q)
	return w
}

// subscribed subscribes, and returns the id.
func (r *rig) subscribed(token, body string) string {
	r.t.Helper()
	w := r.post(token, subscribe, asJSON, body)
	id, ok := strings.CutPrefix(w.Body.String(), `{"id":"`)
	if w.Code != http.StatusOK || !ok || len(id) < 36 {
		r.t.Fatalf("subscribe %s: %d %s", body, w.Code, w.Body)
	}
	return id[:36]
}

// stored is the subscription of an id, and its endpoint.
func (r *rig) stored(id string) (schemas.Subscription, schemas.Endpoint) {
	r.t.Helper()
	s, err := r.registry.Subscription(r.t.Context(), schemas.SubscriptionID("sub_"+id))
	if err != nil {
		r.t.Fatal(err)
	}
	e, err := r.registry.Endpoint(r.t.Context(), s.Endpoint)
	if err != nil {
		r.t.Fatal(err)
	}
	return s, e
}

// counts are how many endpoints and subscriptions there are.
func (r *rig) counts() [2]int {
	r.t.Helper()
	all, err := r.registry.List(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return [2]int{len(all.Endpoints), len(all.Subscriptions)}
}

func check(t *testing.T, w *httptest.ResponseRecorder, status int, body string) {
	t.Helper()
	if w.Code != status || w.Body.String() != body {
		t.Errorf("got  %d %s\nwant %d %s", w.Code, w.Body, status, body)
	}
	if want := asJSON; body != "" && w.Header().Get("Content-Type") != want {
		t.Errorf("Content-Type is %q, want %q", w.Header().Get("Content-Type"), want)
	}
}
