package dialect

import (
	"maps"
	"net/http"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// Working are the secrets that sign now, and when the first of them stops; the
// zero time is never. Where all have expired the newest goes on: a delivery is
// never sent unsigned, and a receiver that knows one of them knows that one.
func Working(secrets []schemas.Secret, now time.Time) (working []schemas.Secret, until time.Time) {
	for _, s := range secrets {
		if !s.Works(now) {
			continue
		}
		working = append(working, s)
		if !s.Expires.IsZero() && (until.IsZero() || s.Expires.Before(until)) {
			until = s.Expires
		}
	}
	if len(working) == 0 && len(secrets) > 0 {
		working = secrets[:1]
	}
	return working, until
}

// Own are an endpoint's own headers.
func Own(e schemas.Endpoint) http.Header {
	h := make(http.Header, len(e.Headers))
	for name, value := range e.Headers {
		h.Set(name, value.Reveal())
	}
	return h
}

// Under adds an endpoint's own headers to those of its dialect, which win.
func Under(dialects, own http.Header) http.Header {
	h := maps.Clone(own)
	for name, values := range dialects {
		delete(h, http.CanonicalHeaderKey(name)) // some dialects write theirs in lower case
		h[name] = values
	}
	return h
}
