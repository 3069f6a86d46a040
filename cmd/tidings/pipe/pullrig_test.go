package pipe

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/schemas"
)

// pulling runs a test in a bubble, with a pipe that has the endpoint ep_a to pull from,
// under a policy, and who calls its API.
func pulling(t *testing.T, policy schemas.Policy, test func(*testing.T, *caller)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := startPipe(t).caller()
		c.pulled("ep_a", policy)
		test(t, c)
	})
}

// pulled registers an endpoint that is pulled from and gets the events of orders.
func (p *pipe) pulled(id schemas.EndpointID, policy schemas.Policy) {
	p.t.Helper()
	p.put(schemas.Endpoint{ID: id, Pull: true, Policy: policy})
	p.subscribe(schemas.SubscriptionID("sub_"+string(id)), id, "order.*")
}

// change changes an endpoint as it is, and waits until the stages know it.
func (p *pipe) change(id schemas.EndpointID, change func(*schemas.Endpoint)) {
	p.t.Helper()
	_, err := p.registry.UpdateEndpoint(p.t.Context(), testTenant, id, 0, func(e *schemas.Endpoint) error {
		change(e)
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	synctest.Wait()
}

func (c *caller) poll(id schemas.EndpointID, body string) []schemas.Pulled {
	c.t.Helper()
	var got struct{ Deliveries []schemas.Pulled }
	c.call("POST", "/endpoints/"+string(id)+"/poll", body, &got)
	return got.Deliveries
}

func (c *caller) settle(id schemas.EndpointID, body string) []schemas.Settled {
	c.t.Helper()
	var got struct{ Settled []schemas.Settled }
	c.call("POST", "/endpoints/"+string(id)+"/settle", body, &got)
	return got.Settled
}

// settles settles one receipt, and wants a status.
func (c *caller) settles(id schemas.EndpointID, how, receipt string, want schemas.SettledStatus) schemas.Settled {
	c.t.Helper()
	body := fmt.Sprintf(`{"%s":["%s"]}`, how, receipt)
	if how == "nack" {
		body = fmt.Sprintf(`{"nack":[{"receipt":"%s","reason":"not now"}]}`, receipt)
	}
	got := c.settle(id, body)
	if len(got) != 1 || got[0].Status != want || got[0].Receipt != receipt {
		c.t.Fatalf("%s: %+v, want %s", how, got, want)
	}
	return got[0]
}

// one polls the one delivery that is due.
func (c *caller) one(id schemas.EndpointID) schemas.Pulled {
	c.t.Helper()
	got := c.poll(id, `{"wait":"1m"}`)
	if len(got) != 1 {
		c.t.Fatalf("%d deliveries, want 1", len(got))
	}
	return got[0]
}

func headerOf(p schemas.Pulled) http.Header {
	h := http.Header{}
	for name, value := range p.Headers {
		h.Set(name, value)
	}
	return h
}

func within(t *testing.T, took, from, to time.Duration) {
	t.Helper()
	if took < from || took > to {
		t.Errorf("it took %s, want %s to %s", took, from, to)
	}
}

// sentOnceMore replays what died, and takes it.
func (c *caller) sentOnceMore(id schemas.DeliveryID) {
	c.t.Helper()
	if j := c.replay(`{"endpoint":"ep_a","since":"1999-12-31T00:00:00Z","which":"failed"}`); j.Sent != 1 {
		c.t.Errorf("replay %+v", j)
	}
	again := c.one("ep_a")
	if again.ID != id || again.Attempt != 1 {
		c.t.Errorf("came %+v", again)
	}
	c.settles("ep_a", "ack", again.Receipt, schemas.SettledDelivered)
	if got := c.deliveries("endpoint=ep_a"); got[0].Status != deliverylog.Delivered {
		c.t.Errorf("the log says %+v", got)
	}
}
