package schemas_test

import (
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

func TestEndpointValidate(t *testing.T) {
	type endpoint = schemas.Endpoint
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
		{func(e *endpoint) { e.URL = "mailto:a@b.c" }, `endpoint ep_1: url scheme "mailto": use https`},
		{func(e *endpoint) { e.URL = "https://u:p@example.com:x/" }, `endpoint ep_1: url does not parse: write it like "https://example.com/hooks"`},
		{func(e *endpoint) { e.URL = "https://example.com/\n" }, `endpoint ep_1: url does not parse: write it like "https://example.com/hooks"`},
		{func(e *endpoint) { e.URL = "ftp://example.com/" }, `endpoint ep_1: url scheme "ftp": use https`},
		{func(e *endpoint) { e.URL = "https://user:pass@example.com/" }, `endpoint ep_1: url carries credentials: remove "user:password@"; deliveries prove their origin by signature`},
		{func(e *endpoint) { e.URL = "https://example.com:0/" }, `endpoint ep_1: url has no valid port: use one of 1 to 65535, or none for the scheme's own`},
		{func(e *endpoint) { e.URL = "https://example.com:4294967739/" }, `endpoint ep_1: url has no valid port: use one of 1 to 65535, or none for the scheme's own`},
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
		{func(e *endpoint) { e.Policy.Concurrency = -1 }, `endpoint ep_1: policy.concurrency -1: use 1 to 1000`},
	} {
		e := endpoint{ID: "ep_1", Tenant: "acme", URL: "https://example.com/hooks", Secrets: []schemas.Secret{schemas.NewSecret("s")}}
		tt.change(&e)
		wantError(t, e.Validate(), tt.want)
	}
}
