package api

import (
	"github.com/tidings-dev/tidings/schemas"
)

// A user may have this many endpoints, and as many subscriptions of them all, by
// personal tokens: nobody looks after what each user of a tenant makes. Of many
// requests at once some more may pass.
const (
	maxUserEndpoints     = 100
	maxUserSubscriptions = 1000
)

// roomForEndpoint refuses a personal token one endpoint too many.
func (a *API) roomForEndpoint(c *call) error {
	if c.who.Scope != schemas.TokenPersonal || len(a.Picture.EndpointsOf(c.tenant, c.owner(), "", maxUserEndpoints)) < maxUserEndpoints {
		return nil
	}
	return schemas.Errorf(schemas.CodeConflict, "a user may have %d endpoints: remove one, or ask for one of the tenant's own", maxUserEndpoints)
}

// roomForSubscription refuses a personal token one subscription too many.
func (a *API) roomForSubscription(c *call) error {
	if c.who.Scope != schemas.TokenPersonal {
		return nil
	}
	count := 0
	for _, e := range a.Picture.EndpointsOf(c.tenant, c.owner(), "", 0) {
		if count += len(a.Picture.Subscriptions(c.tenant, e.Value.ID, "", maxUserSubscriptions)); count >= maxUserSubscriptions {
			return schemas.Errorf(schemas.CodeConflict, "a user may have %d subscriptions: remove one, or give one more types", maxUserSubscriptions)
		}
	}
	return nil
}
