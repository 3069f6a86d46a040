package dialect_test

import (
	"net/http"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// An endpoint may not set a header that a dialect sets.
func TestHeadersOfDialectsAreReserved(t *testing.T) {
	c := catalogue.New()
	for _, name := range schemas.Dialects() {
		for _, mode := range append([]schemas.Mode{""}, name.Modes()...) {
			w := goldenWriter(t, name, mode)
			for _, known := range catalogue.Builtin() {
				words, ok := c.Words("acme", name, known.Type)
				if !ok {
					continue
				}
				d := delivery(t, known.Type, string(known.Valid[0]), accepted)
				a := dialect.Attempt{Delivery: d, Words: words, At: d.Accepted()}
				body, err := w.Body(a)
				if err != nil {
					t.Fatal(err)
				}
				h := http.Header{}
				w.Head(h, a, body)
				for header := range h {
					e := schemas.Endpoint{
						ID: "ep_a", Tenant: "acme", URL: "https://example.com", Secrets: []schemas.Secret{schemas.NewSecret("x")},
						Headers: map[string]schemas.Secret{header: schemas.NewSecret("v")},
					}
					if e.Validate() == nil {
						t.Errorf("%s %s: an endpoint may set %s", name, mode, header)
					}
				}
			}
		}
	}
}
