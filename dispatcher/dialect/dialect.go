// Package dialect holds how each webhook system words, proves and retries a
// delivery: one file each.
//
// A [Dialect] names an event as the catalogue says, builds the body, sets the
// headers and signs, and brings the rules of its system: what counts as
// success, how long an attempt may take, when to try again. An endpoint's
// policy may override timeout and schedule.
package dialect

import (
	"net/http"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// Dialect is one webhook system.
type Dialect struct {
	// Timeout of one attempt, where the endpoint's policy names none.
	Timeout time.Duration
	// Schedule of the retries, where the endpoint's policy names none.
	Schedule retry.Schedule
	// Rules say what a receiver's answer means.
	Rules retry.Rules
	// Writer prepares an endpoint: it reads its secrets and mode.
	Writer func(schemas.Endpoint) (Writer, error)
}

// Writer writes the requests of one endpoint. It is used by many goroutines.
type Writer interface {
	// Body is what is posted.
	Body(Attempt) ([]byte, error)
	// Head sets the headers, those that prove the delivery among them.
	Head(http.Header, Attempt, []byte)
}

// Attempt is what a request is written from.
type Attempt struct {
	Delivery *schemas.Delivery
	// Words are how the dialect words the event's type; zero in an open dialect.
	Words catalogue.Words
	At    time.Time
}

// For finds a dialect by its name; the empty name is Standard Webhooks.
func For(name schemas.Dialect) (Dialect, error) {
	switch name {
	case "", schemas.DialectStandard:
		return standard(), nil
	case schemas.DialectCloudEvents:
		return cloudEvents(), nil
	case schemas.DialectROQ:
		return roq(), nil
	case schemas.DialectOneRoute:
		return oneRoute(), nil
	case schemas.DialectRoam:
		return roam(), nil
	case schemas.DialectRelayBox:
		return relayBox(), nil
	}
	return Dialect{}, schemas.ValidateDialect(name, "")
}

// Check says what keeps an endpoint's dialect from writing its requests: a
// secret that does not parse, as a rule.
func Check(e schemas.Endpoint) error {
	d, err := For(e.Dialect)
	if err == nil {
		_, err = d.Writer(e)
	}
	if err != nil {
		return schemas.Errorf(schemas.CodeInvalid, "endpoint %s: %w", e.ID, err)
	}
	return nil
}

// Timeout is where a system leaves the timeout open: the lower end of what
// Standard Webhooks 1.0.0 advises (15 to 30 s).
const Timeout = 15 * time.Second

const mediaJSON = "application/json"
