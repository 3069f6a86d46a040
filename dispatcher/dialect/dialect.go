// Package dialect holds how one webhook system words and signs a delivery: one
// file each.
package dialect

import (
	"net/http"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// Dialect is one way to word and sign a delivery. Implementations are values
// without state, used by many goroutines.
type Dialect interface {
	// Body is what is posted: the same on every attempt.
	Body(d *schemas.Delivery) ([]byte, error)
	// Sign sets the headers that name and prove the delivery, for one attempt.
	Sign(h http.Header, a Signing)
}

// Signing is what a dialect signs with and over.
type Signing struct {
	Delivery *schemas.Delivery
	Body     []byte
	Keys     []signing.Key // newest first
	At       time.Time     // of the attempt
}

// For finds a dialect by its name; the empty name is Standard Webhooks.
func For(name string) (Dialect, error) {
	switch name {
	case "", schemas.DialectStandard:
		return Standard{}, nil
	}
	return nil, schemas.Errorf(schemas.CodeInvalid, "dialect %q is unknown: use %q", name, schemas.DialectStandard)
}
