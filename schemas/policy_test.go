package schemas_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

func TestPolicyValidate(t *testing.T) {
	type policy = schemas.Policy
	seconds := func(n ...int) (list []schemas.Duration) {
		for _, s := range n {
			list = append(list, schemas.Duration(time.Duration(s)*time.Second))
		}
		return list
	}
	hours := func(n int) schemas.Duration { return schemas.Duration(time.Duration(n) * time.Hour) }
	perSecond := schemas.Rate{Count: 10, Per: time.Second}
	for _, tt := range []struct {
		change func(*policy)
		want   string
	}{
		{func(*policy) {}, ""},
		{func(p *policy) { p.Timeout = seconds(300)[0] }, ""},
		{func(p *policy) { p.Timeout = seconds(301)[0] }, `policy.timeout 5m1s: use more than 0 and at most 5m0s`},
		{func(p *policy) { p.Timeout = -1 }, `policy.timeout -1ns: use more than 0 and at most 5m0s`},
		{func(p *policy) { p.Retry = []schemas.Duration{} }, ""},
		{func(p *policy) { p.Retry = seconds(1, 604800) }, ""},
		{func(p *policy) { p.Retry = seconds(1, 604801) }, `policy.retry[1] is 168h0m1s: use more than 0 and at most 168h0m0s`},
		{func(p *policy) { p.Retry = seconds(0) }, `policy.retry[0] is 0s: use more than 0 and at most 168h0m0s`},
		{func(p *policy) { p.Retry = seconds(make([]int, 101)...) }, `policy.retry has 101 delays: use at most 100`},
		{func(p *policy) { p.Rate = schemas.Rate{Count: 5, Per: time.Hour} }, ""},
		{func(p *policy) { p.Rate = schemas.Rate{Count: 5, Per: 2 * time.Second} }, `policy.rate "5/2s": write it like "10/s", "600/m" or "1000/h", at most 1000000`},
		{func(p *policy) { p.Rate = schemas.Rate{Count: -5, Per: time.Second} }, `policy.rate "-5/s": write it like "10/s", "600/m" or "1000/h", at most 1000000`},
		{func(p *policy) { p.Concurrency = 1000 }, ""},
		{func(p *policy) { p.Concurrency = 1001 }, `policy.concurrency 1001: use 1 to 1000`},
		{func(p *policy) { p.Concurrency = -1 }, `policy.concurrency -1: use 1 to 1000`},

		{func(p *policy) { p.Rate, p.Burst = perSecond, 10_000 }, ""},
		{func(p *policy) { p.Rate, p.Burst = perSecond, 10_001 }, `policy.burst 10001: use 1 to 10000`},
		{func(p *policy) { p.Rate, p.Burst = perSecond, -1 }, `policy.burst -1: use 1 to 10000`},
		{func(p *policy) { p.Burst = 1 }, `policy.burst 1: it goes with a rate only: give the rate too, or leave burst out`},
		{func(p *policy) { p.MaxAge = hours(720) }, ""},
		{func(p *policy) { p.MaxAge = hours(721) }, `policy.max_age 721h0m0s: use more than 0 and at most 720h0m0s`},
		{func(p *policy) { p.MaxPayload = 1 << 26 }, ""},
		{func(p *policy) { p.MaxPayload = 1<<26 + 1 }, `policy.max_payload 67108865: use 1 to 67108864`},
		{func(p *policy) { p.MaxPayload = -1 }, `policy.max_payload -1: use 1 to 67108864`},
		{func(p *policy) { p.MaxHeld = 10_000_000 }, ""},
		{func(p *policy) { p.MaxHeld = 10_000_001 }, `policy.max_held 10000001: use 1 to 10000000`},
		{func(p *policy) { p.MaxHeld = -1 }, `policy.max_held -1: use 1 to 10000000`},

		{func(p *policy) { p.Order = "fifo" }, ""},
		{func(p *policy) { p.Order = "FIFO" }, `policy.order "FIFO" is unknown: use "fifo", or leave it out`},
		{func(p *policy) { p.Backlog = "in_order" }, ""},
		{func(p *policy) { p.Backlog = "live_first" }, ""},
		{func(p *policy) { p.Backlog = "newest" }, `policy.backlog "newest" is unknown: use "in_order", "live_first", or leave it out`},
		{func(p *policy) { p.Backlog, p.Order = "in_order", "fifo" }, ""},
		{func(p *policy) { p.Backlog, p.Order = "live_first", "fifo" }, `policy.backlog "live_first": new deliveries would overtake those that wait, and order is "fifo": leave one of the two out`},

		{func(p *policy) { p.Breaker, p.AutoDisable = "on", "on" }, ""},
		{func(p *policy) { p.Breaker, p.AutoDisable = "off", "off" }, ""},
		{func(p *policy) { p.Breaker = "true" }, `policy.breaker "true" is unknown: use "on", "off", or leave it out`},
		{func(p *policy) { p.AutoDisable = "never" }, `policy.auto_disable "never" is unknown: use "on", "off", or leave it out`},
		{func(p *policy) { p.DisableAfter = hours(1) }, ""},
		{func(p *policy) { p.DisableAfter = hours(2160) }, ""},
		{func(p *policy) { p.DisableAfter, p.AutoDisable = hours(2), "off" }, ""}, // it is off for a while
		{func(p *policy) { p.DisableAfter = hours(1) - 1 }, `policy.disable_after 59m59.999999999s: use 1h0m0s to 2160h0m0s`},
		{func(p *policy) { p.DisableAfter = hours(2160) + 1 }, `policy.disable_after 2160h0m0.000000001s: use 1h0m0s to 2160h0m0s`},
		{func(p *policy) { p.DisableAfter = -hours(1) }, `policy.disable_after -1h0m0s: use 1h0m0s to 2160h0m0s`},
	} {
		e := schemas.Endpoint{ID: "ep_1", Tenant: "acme", URL: "https://example.com/hooks", Secrets: []schemas.Secret{schemas.NewSecret("s")}}
		tt.change(&e.Policy)
		want := tt.want
		if want != "" {
			want = "endpoint ep_1: " + want
		}
		wantError(t, e.Validate(), want)
	}
}

func TestOrderKey(t *testing.T) {
	const (
		noOrder = `it makes no order, as it does not tell which events belong together: use "subject", "source", "type", or an extension like "partitionkey"`
		noName  = `name one attribute of the event, of a-z and 0-9, like "partitionkey"`
	)
	long := strings.Repeat("k", 255)
	for key, want := range map[string]string{
		"": "", "partitionkey": "", "subject": "", "source": "", "type": "", "k2": "", "2": "", long: "",
		"id": noOrder, "specversion": noOrder, "datacontenttype": noOrder, "dataschema": noOrder, "time": noOrder, "data": noOrder,
		"partition_key": noName, "PartitionKey": noName, "ce-subject": noName, "/customer/id": noName, "a,b": noName, " ": noName, "straße": noName,
	} {
		p := schemas.Policy{Order: schemas.OrderFIFO, OrderKey: key}
		e := schemas.Endpoint{ID: "ep_1", Tenant: "acme", URL: "https://example.com/hooks", Secrets: []schemas.Secret{schemas.NewSecret("s")}, Policy: p}
		if want != "" {
			want = `endpoint ep_1: policy.order_key "` + key + `": ` + want
		}
		wantError(t, e.Validate(), want)
		if e.Policy.Order = schemas.OrderNone; want == "" && key != "" {
			wantError(t, e.Validate(), `endpoint ep_1: policy.order_key "`+key+`": it goes with the order "fifo" only: set that too, or leave order_key out`)
		}
		e.Policy = schemas.Policy{Order: schemas.OrderFIFO, OrderKey: long + "k"}
		wantError(t, e.Validate(), `endpoint ep_1: policy.order_key has 256 bytes: use at most 255`)
	}
}

func TestBreakerOn(t *testing.T) {
	for dialect, byDefault := range map[schemas.Dialect]bool{
		"": true, schemas.DialectStandard: true, schemas.DialectCloudEvents: true,
		schemas.DialectROQ: false, schemas.DialectOneRoute: false, schemas.DialectRoam: false, schemas.DialectRelayBox: false,
	} {
		for breaker, want := range map[schemas.Switch]bool{"": byDefault, schemas.SwitchOn: true, schemas.SwitchOff: false} {
			if got := (schemas.Policy{Breaker: breaker}).BreakerOn(dialect); got != want {
				t.Errorf("breaker %q in the dialect %q is on: %t, want %t", breaker, dialect, got, want)
			}
		}
	}
}

func TestDisablesAfter(t *testing.T) {
	day := schemas.Duration(24 * time.Hour)
	for _, tt := range []struct {
		policy schemas.Policy
		want   time.Duration
	}{
		{schemas.Policy{}, 120 * time.Hour},
		{schemas.Policy{AutoDisable: schemas.SwitchOn}, 120 * time.Hour},
		{schemas.Policy{DisableAfter: day}, 24 * time.Hour},
		{schemas.Policy{AutoDisable: schemas.SwitchOff, DisableAfter: day}, 0},
	} {
		if got := tt.policy.DisablesAfter(); got != tt.want {
			t.Errorf("%+v disables after %s, want %s", tt.policy, got, tt.want)
		}
	}
}

// The registry keeps policies as JSON: "no retries" must not come back as "the
// default retries".
func TestPolicyJSONRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		policy schemas.Policy
		want   string
	}{
		{schemas.Policy{}, `{}`},
		{schemas.Policy{Retry: []schemas.Duration{}}, `{"retry":[]}`},
		{
			schemas.Policy{Timeout: schemas.Duration(time.Minute), Retry: []schemas.Duration{schemas.Duration(time.Second)}, Concurrency: 3},
			`{"timeout":"1m0s","retry":["1s"],"concurrency":3}`,
		},
		{
			schemas.Policy{
				Rate: schemas.Rate{Count: 5, Per: time.Second}, Burst: 2, MaxPayload: 3, Order: schemas.OrderFIFO, OrderKey: "k", Backlog: schemas.BacklogInOrder,
				MaxHeld: 4, Breaker: schemas.SwitchOn, AutoDisable: schemas.SwitchOff, DisableAfter: schemas.Duration(time.Hour),
			},
			`{"rate":"5/s","burst":2,"max_payload":3,"order":"fifo","order_key":"k","backlog":"in_order","max_held":4,"breaker":"on","auto_disable":"off","disable_after":"1h0m0s"}`,
		},
	} {
		out, err := json.Marshal(tt.policy)
		if err != nil || string(out) != tt.want {
			t.Errorf("got %s, %v; want %s", out, err, tt.want)
		}
		var back schemas.Policy
		if err := json.Unmarshal(out, &back); err != nil || !reflect.DeepEqual(back, tt.policy) {
			t.Errorf("%s came back as %#v, %v", out, back, err)
		}
	}
	out, err := json.Marshal(schemas.Endpoint{ID: "ep_1", Policy: schemas.Policy{Retry: []schemas.Duration{}}})
	if want := `{"id":"ep_1","tenant":"","policy":{"retry":[]}}`; err != nil || string(out) != want {
		t.Errorf("got %s, %v; want %s", out, err, want)
	}
}
