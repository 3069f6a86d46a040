package dialect_test

import (
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/schemas"
)

func TestNewSecretSuitsItsDialect(t *testing.T) {
	for _, d := range schemas.Dialects() {
		secret := dialect.NewSecret(d)
		e := schemas.Endpoint{ID: "ep_a", Tenant: "acme", URL: "https://example.com", Dialect: d}
		if secret != "" {
			e.Secrets = []schemas.Secret{schemas.NewSecret(secret)}
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", d, err)
		}
		if err := dialect.Check(e); err != nil {
			t.Errorf("%s: %v", d, err)
		}
		if secret != "" && (len(secret) < 43 || secret == dialect.NewSecret(d)) {
			t.Errorf("%s: a secret of %d characters, made once", d, len(secret))
		}
	}
}
