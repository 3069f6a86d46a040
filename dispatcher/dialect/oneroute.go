package dialect

import (
	"net/http"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
	"github.com/tidings-dev/tidings/dispatcher/retry"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// oneRoute is OneRoute's webhooks.
//
// The body is {"event", "message", "conversation"}: the event's name, then the
// members of its data. It is what JSON.stringify would write, since receivers
// parse it and write it again to check the signature. Success is exactly 200.
//
// What OneRoute's documentation leaves open is chosen here:
//   - With a secret, x-oneroute-signature carries the newest one's signature;
//     without one, as the documentation first had it, nothing is signed.
//   - A channel's own endpoint takes the place of the account's: see
//     [schemas.Subscription].
//   - Timeout and schedule are those of Standard Webhooks.
func oneRoute() Dialect {
	return Dialect{
		Timeout:  Timeout,
		Schedule: retry.Standard(),
		Rules:    retry.Rules{Success: []int{http.StatusOK}},
		Writer:   func(e schemas.Endpoint) (Writer, error) { return oneRouteWriter{newest(e)}, nil },
	}
}

type oneRouteWriter struct{ key string }

func (oneRouteWriter) Body(a Attempt) ([]byte, error) {
	data, _, err := worded(a)
	if err != nil {
		return nil, err
	}
	return ecmascript.Stringify(nil, append(object{}.text("event", a.Words.Name), data.without("event")...).bytes())
}

func (w oneRouteWriter) Head(h http.Header, _ Attempt, body []byte) {
	h.Set("Content-Type", mediaJSON)
	if w.key != "" {
		h.Set(signing.HeaderOneRoute, signing.OneRouteSignature(w.key, body))
	}
}
