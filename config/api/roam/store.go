package roam

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/google/uuid"

	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// space is the namespace of the ids that are made here (RFC 9562, section 5.5).
var space = uuid.MustParse("5f1f7a0e-6a0c-4f0b-9a55-6d1c2b7e4a90")

const uuidLen = 36

// named is a uuid of parts. Only one of them, a user's id, can hold a NUL: so no
// two lists of parts are the same text.
func named(parts ...string) string {
	return uuid.NewSHA1(space, []byte(strings.Join(parts, "\x00"))).String()
}

func endpointID(c caller, url string) schemas.EndpointID {
	return schemas.EndpointID("ep_" + named("endpoint", string(c.tenant), c.owner(), url))
}

func subscriptionID(id string) schemas.SubscriptionID { return schemas.SubscriptionID("sub_" + id) }

// Secret is the secret that signs all that a tenant's API client is sent: that of
// the organisation, or that of a user as a personal token names them first. It is
// made when it is first asked for, and goes with the tenant.
func Secret(ctx context.Context, r *registry.Registry, tenant schemas.TenantID, user string) (schemas.Secret, error) {
	name := "roam"
	if user != "" {
		name = "roam-" + named("secret", string(tenant), user)
	}
	key, err := r.TenantSecret(ctx, tenant, name)
	if err != nil {
		return schemas.Secret{}, err
	}
	return schemas.NewSecret("whsec_" + base64.StdEncoding.EncodeToString(key)), nil
}

var errTenantGone = schemas.Errorf(schemas.CodeUnauthenticated, "the token's tenant does not exist: use another token")

// maxTries bounds how often somebody may remove what is being stored.
const maxTries = 100

// store makes the subscription, or changes the one there is, and returns its id.
func (h *handler) store(ctx context.Context, c caller, asked wish) (id string, err error) {
	secret, err := Secret(ctx, h.Registry, c.tenant, c.owner())
	if schemas.HasCode(err, schemas.CodeNotFound) {
		return "", errTenantGone
	} else if err != nil {
		return "", err
	}
	e := schemas.Endpoint{
		ID: endpointID(c, asked.URL), Tenant: c.tenant, Owner: c.owner(), Name: "Roam /v0",
		URL: asked.URL, Dialect: schemas.DialectRoam, Secrets: []schemas.Secret{secret},
	}
	id = named("subscription", string(c.tenant), c.owner(), asked.Type, asked.URL)
	s := schemas.Subscription{
		ID: subscriptionID(id), Tenant: c.tenant, Endpoint: e.ID,
		Types: []schemas.TypePattern{schemas.TypePattern(asked.Type)}, Filters: asked.Exact, User: c.user,
	}
	for range maxTries {
		if err = h.putEndpoint(ctx, e); err == nil {
			if err = h.putSubscription(ctx, s); err == nil {
				err = h.Registry.JoinEndpoint(ctx, s)
			}
		}
		if !overtaken(err) {
			return id, err
		}
	}
	return "", schemas.Errorf(schemas.CodeUnavailable, "subscribe: others kept removing endpoint %s: %w", e.ID, err)
}

// overtaken reports that somebody made or removed meanwhile what was to be
// changed or made.
func overtaken(err error) bool {
	return schemas.HasCode(err, schemas.CodeNotFound) || schemas.HasCode(err, schemas.CodeConflict)
}

// putEndpoint makes the endpoint, or makes the one there is work again. That the
// tenant is gone is the caller's business: its token is too.
func (h *handler) putEndpoint(ctx context.Context, e schemas.Endpoint) error {
	_, err := h.Registry.UpdateEndpoint(ctx, e.Tenant, e.ID, registry.AnyVersion, func(old *schemas.Endpoint) error {
		old.URL, old.Dialect, old.Owner, old.Disabled = e.URL, e.Dialect, e.Owner, ""
		return nil
	})
	if schemas.HasCode(err, schemas.CodeNotFound) {
		done, err := h.Make(ctx, e.Tenant, e.ID)
		if err != nil {
			return err
		}
		defer done()
		if _, err = h.Registry.CreateEndpoint(ctx, e); schemas.HasCode(err, schemas.CodeNotFound) {
			return errTenantGone
		}
		return err
	}
	return err
}

func (h *handler) putSubscription(ctx context.Context, s schemas.Subscription) error {
	_, err := h.Registry.UpdateSubscription(ctx, s.Tenant, s.ID, registry.AnyVersion, func(old *schemas.Subscription) error {
		old.Types, old.Filters, old.User = s.Types, s.Filters, s.User
		return nil
	})
	if schemas.HasCode(err, schemas.CodeNotFound) {
		_, err = h.Registry.CreateSubscription(ctx, s)
	}
	return err
}

// remove removes a subscription that store made for the same caller, and its
// endpoint if that has no other. Anybody else's does not exist.
func (h *handler) remove(ctx context.Context, c caller, id schemas.SubscriptionID) error {
	s, err := h.Registry.Subscription(ctx, id)
	switch {
	case err != nil:
		return err
	case s.Tenant != c.tenant || !sameOwner(s.User, c.user) || s.Origin == schemas.OriginFile:
		return schemas.Errorf(schemas.CodeNotFound, "subscription %s is another's", id)
	}
	return h.Registry.LeaveEndpoint(ctx, c.tenant, id)
}

func sameOwner(a, b []string) bool {
	return caller{user: a}.owner() == caller{user: b}.owner()
}
