package attempt

import (
	"maps"
	"slices"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

// What others may know of a target is no secret.

// Tenant is whose endpoint it is.
func (t *Target) Tenant() schemas.TenantID { return t.endpoint.Tenant }

// Pulled reports whether nothing is sent to the endpoint: its receiver fetches what is
// due.
func (t *Target) Pulled() bool { return t.endpoint.Pull }

// Paused reports whether its deliveries wait.
func (t *Target) Paused() bool { return t.endpoint.Paused }

// Ages reports whether its deliveries may die by their age alone.
func (t *Target) Ages() bool {
	return t.endpoint.Policy.MaxAge > 0 || !t.endpoint.SkipBefore.IsZero()
}

// Host is that of the endpoint's URL, with its port if it names one; empty if no
// request can be made for it.
func (t *Target) Host() string {
	if t.url == nil {
		return ""
	}
	return t.url.Host
}

// DisablesAfter is after how long of nothing but failure the endpoint is
// disabled; 0 is never.
func (t *Target) DisablesAfter() time.Duration { return t.endpoint.Policy.DisablesAfter() }

// Changed is when the endpoint was last written to the registry, for whatever
// reason; the zero time if nobody said.
func (t *Target) Changed() time.Time { return t.changed }

// Anew reports whether what was known of the receiver before says nothing of it
// now: its URL, a secret or a header is another, or the endpoint was resumed,
// disabled or enabled.
func (t *Target) Anew(before *Target) bool {
	was, is := before.endpoint, t.endpoint
	same := func(a, b schemas.Secret) bool { return a.Reveal() == b.Reveal() }
	return was.URL != is.URL || !slices.EqualFunc(was.Secrets, is.Secrets, same) || !maps.EqualFunc(was.Headers, is.Headers, same) ||
		was.Paused && !is.Paused || (was.Disabled == "") != (is.Disabled == "")
}
