package listen

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/tidings-dev/tidings/cmd/tidings/pipe"
	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/config/streams/streamstest"
	"github.com/tidings-dev/tidings/producers"
	"github.com/tidings-dev/tidings/schemas"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

const testTenant = schemas.TenantID("acme")

// service is a tenant's own: it publishes, and calls the API of a whole pipe, which is
// there for it alone.
type service struct {
	t        *testing.T
	registry *registry.Registry
	pub      *producers.Publisher
	api      http.Handler
	token    string
}

// startService starts the pipe, inside a synctest bubble.
func startService(t *testing.T) *service {
	t.Helper()
	streamstest.DropTimers(t)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p, err := pipe.Start(t.Context(), config.Settings{
		DataDir: t.TempDir(), Roles: []string{"all"}, Grace: time.Second, Streams: config.Streams{Partitions: 4, Shards: 2},
	}, slog.New(slog.DiscardHandler), pipe.Hooks{})
	check(err)
	t.Cleanup(func() {
		if err := p.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	check(p.Registry.PutTenant(t.Context(), schemas.Tenant{ID: testTenant}))
	nc, err := p.Connection("test")
	check(err)
	s := &service{t: t, registry: p.Registry}
	s.pub, err = producers.New(nc, producers.Options{Tenant: testTenant, Source: "/test"})
	check(err)
	s.api, _, err = p.Handlers(t.Context())
	check(err)
	token, hash := access.NewToken()
	s.token = token
	_, err = p.Registry.CreateToken(t.Context(), schemas.Token{ID: "tok_test", Hash: hash, Scope: schemas.TokenWrite, Tenant: testTenant})
	check(err)
	synctest.Wait()
	return s
}

// publish publishes an order.created that says its id.
func (s *service) publish(ctx context.Context, id string) {
	s.t.Helper()
	e := event.New()
	e.SetID(id)
	e.SetType("order.created")
	_ = e.SetData(event.ApplicationJSON, map[string]string{"id": id})
	if _, err := s.pub.Publish(ctx, e); err != nil {
		s.t.Fatal(err)
	}
}

// call has the API's answer read into what it is for.
func (s *service) call(method, path, body string, into any) {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "/v1/tenants/"+string(testTenant)+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil || w.Code >= 300 {
		s.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
}
