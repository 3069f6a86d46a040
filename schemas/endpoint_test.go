package schemas_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

func TestEndpointValidate(t *testing.T) {
	type endpoint = schemas.Endpoint
	seconds := func(n ...int) (list []schemas.Duration) {
		for _, s := range n {
			list = append(list, schemas.Duration(time.Duration(s)*time.Second))
		}
		return list
	}
	for _, tt := range []struct {
		change func(*endpoint)
		want   string
	}{
		{func(*endpoint) {}, ""},
		{func(e *endpoint) { e.ID = "x" }, `endpoint id "x": use "ep_" followed by 1 to 60 of a-z, A-Z, 0-9, '-' and '_'`},
		{func(e *endpoint) { e.Tenant = "" }, `tenant id "": use 1 to 63 of a-z, 0-9, '-' and '_', starting with a letter or a digit`},

		{func(e *endpoint) { e.URL = "http://[::1]:8080/a?b=c" }, ""},
		{func(e *endpoint) { e.URL = "HTTPS://example.com" }, ""},
		{func(e *endpoint) { e.URL = "" }, `endpoint ep_1: url is not absolute: write it like "https://example.com/hooks"`},
		{func(e *endpoint) { e.URL = "/hooks" }, `endpoint ep_1: url is not absolute: write it like "https://example.com/hooks"`},
		{func(e *endpoint) { e.URL = "//example.com" }, `endpoint ep_1: url is not absolute: write it like "https://example.com/hooks"`},
		{func(e *endpoint) { e.URL = "https:///hooks" }, `endpoint ep_1: url is not absolute: write it like "https://example.com/hooks"`},
		{func(e *endpoint) { e.URL = "https://:443/hooks" }, `endpoint ep_1: url is not absolute: write it like "https://example.com/hooks"`},
		{func(e *endpoint) { e.URL = "mailto:a@b.c" }, `endpoint ep_1: url is not absolute: write it like "https://example.com/hooks"`},
		{func(e *endpoint) { e.URL = "https://u:p@example.com:x/" }, `endpoint ep_1: url does not parse: write it like "https://example.com/hooks"`},
		{func(e *endpoint) { e.URL = "https://example.com/\n" }, `endpoint ep_1: url does not parse: write it like "https://example.com/hooks"`},
		{func(e *endpoint) { e.URL = "ftp://example.com/" }, `endpoint ep_1: url scheme "ftp": use https`},
		{func(e *endpoint) { e.URL = "https://user:pass@example.com/" }, `endpoint ep_1: url carries credentials: remove "user:password@"; deliveries prove their origin by signature`},
		{func(e *endpoint) { e.URL = "https://@example.com/" }, `endpoint ep_1: url carries credentials: remove "user:password@"; deliveries prove their origin by signature`},

		{func(e *endpoint) { e.Dialect = "standard" }, ""},
		{func(e *endpoint) { e.Dialect = "morse" }, `endpoint ep_1: dialect "morse" is unknown: use "standard", "cloudevents", "roq", "oneroute", "roam", "relaybox"`},
		{func(e *endpoint) { e.Dialect, e.Mode = "cloudevents", "batched" }, ""},
		{func(e *endpoint) { e.Dialect, e.Mode = "cloudevents", "body" }, `endpoint ep_1: mode "body" is unknown to dialect "cloudevents": use "structured", "binary", "batched"`},
		{func(e *endpoint) { e.Mode = "binary" }, `endpoint ep_1: mode "binary": dialect "standard" has one form only: leave mode out`},
		{func(e *endpoint) { e.Dialect, e.Mode = "roq", "binary" }, `endpoint ep_1: mode "binary": dialect "roq" has one form only: leave mode out`},
		{func(e *endpoint) { e.Dialect, e.Handshake = "cloudevents", true }, ""},
		{func(e *endpoint) { e.Handshake = true }, `endpoint ep_1: handshake belongs to the dialect "cloudevents": leave it out, or use that one`},

		{func(e *endpoint) { e.Dialect, e.Secrets = "oneroute", nil }, ""},
		{func(e *endpoint) { e.Secrets = nil }, `endpoint ep_1: it has no secret: give at least one to sign with`},
		{func(e *endpoint) { e.Secrets = append(e.Secrets, schemas.Secret{}) }, `endpoint ep_1: secrets[1] is empty: give one to sign with, or leave it out`},

		{func(e *endpoint) { e.Policy.Timeout = seconds(300)[0] }, ""},
		{func(e *endpoint) { e.Policy.Timeout = seconds(301)[0] }, `endpoint ep_1: policy.timeout 5m1s: use more than 0 and at most 5m0s`},
		{func(e *endpoint) { e.Policy.Timeout = -1 }, `endpoint ep_1: policy.timeout -1ns: use more than 0 and at most 5m0s`},
		{func(e *endpoint) { e.Policy.Retry = []schemas.Duration{} }, ""},
		{func(e *endpoint) { e.Policy.Retry = seconds(1, 604800) }, ""},
		{func(e *endpoint) { e.Policy.Retry = seconds(1, 604801) }, `endpoint ep_1: policy.retry[1] is 168h0m1s: use more than 0 and at most 168h0m0s`},
		{func(e *endpoint) { e.Policy.Retry = seconds(0) }, `endpoint ep_1: policy.retry[0] is 0s: use more than 0 and at most 168h0m0s`},
		{func(e *endpoint) { e.Policy.Retry = seconds(make([]int, 101)...) }, `endpoint ep_1: policy.retry has 101 delays: use at most 100`},
		{func(e *endpoint) { e.Policy.Rate = schemas.Rate{Count: 5, Per: time.Hour} }, ""},
		{func(e *endpoint) { e.Policy.Rate = schemas.Rate{Count: 5, Per: 2 * time.Second} }, `endpoint ep_1: policy.rate "5/2s": write it like "10/s", "600/m" or "1000/h", at most 1000000`},
		{func(e *endpoint) { e.Policy.Rate = schemas.Rate{Count: -5, Per: time.Second} }, `endpoint ep_1: policy.rate "-5/s": write it like "10/s", "600/m" or "1000/h", at most 1000000`},
		{func(e *endpoint) { e.Policy.Concurrency = 1000 }, ""},
		{func(e *endpoint) { e.Policy.Concurrency = 1001 }, `endpoint ep_1: policy.concurrency 1001: use 1 to 1000`},
		{func(e *endpoint) { e.Policy.Concurrency = -1 }, `endpoint ep_1: policy.concurrency -1: use 1 to 1000`},
	} {
		e := endpoint{ID: "ep_1", Tenant: "acme", URL: "https://example.com/hooks", Secrets: []schemas.Secret{schemas.NewSecret("s")}}
		tt.change(&e)
		wantError(t, e.Validate(), tt.want)
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
	if want := `{"id":"ep_1","tenant":"","url":"","policy":{"retry":[]}}`; err != nil || string(out) != want {
		t.Errorf("got %s, %v; want %s", out, err, want)
	}
}
