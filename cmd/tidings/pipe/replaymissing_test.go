package pipe

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/config/telemetry"
	"github.com/tidings-dev/tidings/schemas"
)

// What an endpoint never got is as old as its replay: neither is it too old for the
// endpoint's max_age, nor was it skipped when that was resumed. How late it comes is no
// latency of the pipe, nor is that of a subscription's history.
func TestReplayOfWhatIsMissingIsAsYoungAsItsAsking(t *testing.T) {
	measured, err := telemetry.Setup(t.Context(), telemetry.Options{Scraped: true})
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
		p.endpoint("ep_a", schemas.Policy{}, "order.*")
		const n = 20
		for i := range n {
			p.publish(t.Context(), fmt.Sprint("e", i))
		}
		p.ends(n)
		<-time.After(19 * time.Minute)
		p.endpoint("ep_young", schemas.Policy{MaxAge: schemas.Duration(time.Minute)}, "order.*")
		p.endpoint("ep_resumed", schemas.Policy{}, "order.*")
		p.change("ep_resumed", func(e *schemas.Endpoint) { e.SkipBefore = time.Now() })
		<-time.After(5 * time.Second)
		for _, endpoint := range []schemas.EndpointID{"ep_young", "ep_resumed"} {
			j := c.replayAsCounted(`"endpoint":"` + string(endpoint) + `","which":"missing","since":"1999-12-31T00:00:00Z"`)
			p.ends(n)
			if taken := c.deliveries("status=delivered&endpoint=" + string(endpoint)); j.Sent != n || len(taken) != n || taken[0].Attempts != 1 {
				t.Errorf("%s: %d were sent, and taken were %+v", endpoint, j.Sent, taken)
			}
			if ids := p.idsOf(endpoint); len(slices.Compact(ids)) != n {
				t.Errorf("%s got %d", endpoint, len(ids))
			}
		}
		p.putEndpoint("ep_history", "http://receiver.test/ep_history", schemas.Policy{})
		c.call("POST", "/subscriptions", `{"endpoint":"ep_history","types":["order.*"],"deliver_from":"all"}`, &struct{}{})
		p.ends(n)
		if d := c.deliveries("endpoint=ep_history")[0]; d.Status != deliverylog.Delivered {
			t.Errorf("the history: %+v", d)
		}
		if page := p.scraped(); !strings.Contains(page, `tidings_delivery_latency_seconds_count{tidings_attempt="first"} 20`) {
			t.Errorf("the latency is not of the %d that came live:\n%s", n, page)
		}
		p.noMore(time.Minute)
	})
}
