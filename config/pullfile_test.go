package config_test

import (
	"testing"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

func TestReadFileOfAPulledEndpoint(t *testing.T) {
	const secrets = "secrets: [{value: " + secretA + "}]"
	d, err := read(t, acme("pull: true", secrets, "policy: {retry: [1s], max_age: 1h, max_held: 5}", "subscribe: [order.*]"))
	if err != nil {
		t.Fatal(err)
	}
	e := d.Endpoints[0]
	if !e.Pull || e.URL != "" || e.Policy.MaxHeld != 5 || e.Policy.MaxAge.Std() != time.Hour || len(e.Policy.Retry) != 1 || len(d.Subscriptions) != 1 {
		t.Errorf("got %+v", e)
	}
	for name, row := range map[string]struct {
		text string
		want []string
	}{
		"neither":        {acme(secrets), []string{"endpoints[0].url: is missing: give the address to deliver to, or pull: true"}},
		"both":           {acme("url: https://example.com", "pull: true", secrets), []string{"endpoints[0].url: nothing is sent", "give either url or pull"}},
		"in words":       {acme("pull: perhaps", secrets), []string{"endpoints[0].pull: must be true or false"}},
		"with a rate":    {acme("pull: true", secrets, "policy: {rate: 5/s}"), []string{"endpoints[0].policy.rate: has no effect on an endpoint that is pulled from: leave it out"}},
		"with a timeout": {acme("pull: true", secrets, "policy: {timeout: 5s}"), []string{"policy.timeout: has no effect"}},
		"no secret":      {acme("pull: true"), []string{"it has no secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := read(t, row.text)
			refused(t, d, err, row.want...)
		})
	}
	if e.Dialect != "" && e.Dialect != schemas.DialectStandard {
		t.Errorf("dialect %q", e.Dialect)
	}
}
