package pipe

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/config/telemetry"
	"github.com/tidings-dev/tidings/schemas"
)

// scraped is what the process's metrics say.
func (p *pipe) scraped() string {
	p.t.Helper()
	w := httptest.NewRecorder()
	p.telemetry.Metrics().ServeHTTP(w, httptest.NewRequestWithContext(p.t.Context(), http.MethodGet, "/metrics", nil))
	page, err := io.ReadAll(w.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(page)
}

// What waits to be pulled has metrics of its own, from its queue and, once it is nacked,
// until its retry. It is not in those of what is sent, where nobody may hear how it ends.
func TestMetricsOfWhatIsPulled(t *testing.T) {
	measured, err := telemetry.Setup(t.Context(), telemetry.Options{Scraped: true, Endpoints: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = measured.Shutdown(t.Context()) })
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t)
		p.settings, p.telemetry = testSettings(t.TempDir()), measured
		p.start()
		t.Cleanup(p.stop)
		if err := p.registry.PutTenant(t.Context(), schemas.Tenant{ID: testTenant}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c := p.caller()
		c.pulled("ep_a", schemas.Policy{Retry: []schemas.Duration{schemas.Duration(10 * time.Minute)}})
		c.publish(t.Context(), "e1")
		c.publish(t.Context(), "e2")
		shows := func(want ...string) {
			t.Helper()
			<-time.After(time.Minute)
			synctest.Wait()
			page := p.scraped()
			for _, line := range append(want, "tidings_deliveries_oldest_age_seconds 0") {
				if !strings.Contains(page, "\n"+line) {
					t.Errorf("no %s in:\n%s", line, page)
				}
			}
		}
		shows("tidings_pull_waiting 2\n", "tidings_pull_endpoints 1\n", "tidings_pull_oldest_age_seconds 6", `tidings_pull_endpoint_waiting{tidings_endpoint="ep_a"} 2`)
		for i, d := range c.poll("ep_a", "") {
			c.settles("ep_a", []string{"nack", "ack"}[i], d.Receipt, []schemas.SettledStatus{schemas.SettledRetry, schemas.SettledDelivered}[i])
		}
		shows("tidings_pull_waiting 0\n", "tidings_pull_endpoints 0\n", "tidings_pull_oldest_age_seconds 12")
		for _, e := range p.process.measures.lags[config.RoleDispatcher].Picture().Endpoints {
			t.Errorf("counted as sent: %+v", e)
		}
		<-time.After(10 * time.Minute)
		c.settles("ep_a", "ack", c.one("ep_a").Receipt, schemas.SettledDelivered)
		shows("tidings_pull_waiting 0\n", "tidings_pull_oldest_age_seconds 0\n")
	})
}
