package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/config/registry"
	"github.com/tidings-dev/tidings/schemas"
)

// subscriptionInput is what can be set of a subscription at any time.
type subscriptionInput struct {
	Types   []string         `json:"types,omitempty"`
	Filters []schemas.Filter `json:"filters,omitempty"`
	Channel string           `json:"channel,omitempty"`
	User    []string         `json:"user,omitempty"`
}

type subscriptionView struct {
	schemas.Subscription
	Updated time.Time `json:"updated"`
}

func showSubscription(rec registry.Record[schemas.Subscription]) (any, error) {
	return subscriptionView{rec.Value, shown(rec.Updated)}, nil
}

func subscriptionReply(status int, rec registry.Record[schemas.Subscription], err error) (reply, error) {
	if err != nil {
		return reply{}, document.About(err, subscriptionInput{})
	}
	body, err := showSubscription(rec)
	return reply{status: status, body: body, version: rec.Version}, err
}

func (a *API) createSubscription(ctx context.Context, c *call) (reply, error) {
	var in struct {
		subscriptionInput
		Endpoint    schemas.EndpointID `json:"endpoint"`
		DeliverFrom string             `json:"deliver_from"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	e, err := a.endpointOf(c, in.Endpoint)
	if err != nil {
		return reply{}, &document.Error{Field: "endpoint", Err: err}
	}
	s := schemas.Subscription{ID: schemas.NewSubscriptionID(now()), Tenant: c.tenant, Endpoint: in.Endpoint}
	if s.History, err = history(in.DeliverFrom); err != nil {
		return reply{}, err
	}
	a.notBefore(&s)
	if err := a.roomForSubscription(c); err != nil {
		return reply{}, err
	}
	if err := a.setSubscription(c, in.subscriptionInput, e.Value, &s); err != nil {
		return reply{}, ofNew("subscription", string(s.ID), err)
	}
	rec, err := a.Registry.CreateSubscription(ctx, s)
	if err == nil {
		err = a.settle(ctx, e.Value.Dialect, s)
	}
	answer, err := subscriptionReply(http.StatusCreated, rec, ofNew("subscription", string(s.ID), err))
	answer.location = "/v1/tenants/" + string(c.tenant) + "/subscriptions/" + string(s.ID)
	return answer, err
}

// checkSubscription says what createSubscription would of types and filters, and makes
// nothing.
func (a *API) checkSubscription(_ context.Context, c *call) (reply, error) {
	var in struct {
		subscriptionInput
		Dialect schemas.Dialect `json:"dialect"`
	}
	if err := c.decode(&in); err != nil {
		return reply{}, err
	}
	to := schemas.Endpoint{ID: "ep_check", Dialect: cmp.Or(in.Dialect, schemas.DialectStandard)}
	if !slices.Contains(schemas.Dialects(), to.Dialect) {
		return reply{}, document.Invalid("dialect", "%q: use standard, cloudevents, roq, oneroute, roam or relaybox", in.Dialect)
	}
	s := schemas.Subscription{ID: "sub_check", Tenant: c.tenant, Endpoint: to.ID}
	if err := a.setSubscription(c, in.subscriptionInput, to, &s); err != nil {
		return reply{}, ofNew("subscription", string(s.ID), err)
	}
	return reply{status: http.StatusOK, body: struct {
		Types []schemas.TypePattern `json:"types"`
	}{s.Types}}, nil
}

// history is from when a new subscription gets stored events; nil for none.
func history(from string) (*schemas.History, error) {
	h := &schemas.History{State: schemas.HistoryReading}
	switch from {
	case "":
		return nil, nil
	case "all":
		return h, nil
	}
	at, err := time.Parse(time.RFC3339, from)
	if err != nil || at.IsZero() {
		return nil, document.Invalid("deliver_from", "write \"all\", or a time like \"2026-01-31T12:00:00Z\"; leave it out for events from now on")
	}
	if at.After(time.Now().Add(time.Minute)) { // a clock may be fast
		return nil, document.Invalid("deliver_from", "the time is to come: leave it out for events from now on")
	}
	h.From = at.UTC()
	return h, nil
}

// notBefore keeps a history from what was published to an earlier tenant of the
// same id.
func (a *API) notBefore(s *schemas.Subscription) {
	if t, ok := a.Picture.Tenant(s.Tenant); ok && s.History != nil && s.History.From.Before(t.Value.Created) {
		s.History.From = t.Value.Created
	}
}

// settle makes sure that the endpoint of a subscription that was just made is
// there still, and speaks the dialect that the subscription was checked by. If
// not, the subscription goes.
func (a *API) settle(ctx context.Context, checked schemas.Dialect, s schemas.Subscription) error {
	var err error
	if checked == schemas.DialectRoam { // /v0 may be about to remove it
		err = a.Registry.JoinEndpoint(ctx, s)
	}
	if err == nil {
		var e schemas.Endpoint
		if e, err = a.Registry.Endpoint(ctx, s.Endpoint); err == nil && e.Dialect != checked {
			err = schemas.Errorf(schemas.CodeConflict, "endpoint %s was given another dialect meanwhile: try again", s.Endpoint)
		}
	}
	if schemas.HasCode(err, schemas.CodeNotFound) || schemas.HasCode(err, schemas.CodeConflict) {
		return errors.Join(&document.Error{Field: "endpoint", Err: err}, a.Registry.RemoveSubscription(ctx, s.ID))
	}
	return err
}

// setSubscription gives the subscription what was put in, and checks it. A
// personal token's is always for its own user, and one of a user's own endpoint
// for some user.
func (a *API) setSubscription(c *call, in subscriptionInput, to schemas.Endpoint, s *schemas.Subscription) error {
	s.Types = nil
	for i, text := range in.Types {
		p, err := a.Catalogue.Pattern(c.tenant, to.Dialect, text)
		if err != nil {
			return document.Invalid("types["+strconv.Itoa(i)+"]", "%w", err)
		}
		s.Types = append(s.Types, p)
	}
	s.Filters, s.Channel, s.User = in.Filters, in.Channel, in.User
	switch foreign := func(id string) bool { return !slices.Contains(c.who.User, id) }; {
	case c.who.Scope != schemas.TokenPersonal && to.Owner != "" && len(in.User) == 0:
		return document.Invalid("user", "the endpoint is the user %q's own: list the ids of a user, since only what involves one may go there", to.Owner)
	case c.who.Scope == schemas.TokenPersonal && slices.ContainsFunc(in.User, foreign):
		return document.Invalid("user", "a personal token's subscriptions are for its own user: leave user out")
	case c.who.Scope == schemas.TokenPersonal:
		s.User = c.who.User
	}
	err := s.Validate()
	if err == nil {
		err = a.CheckSubscription(*s)
	}
	return document.About(err, in)
}

// subscription is the one that the path names. To a personal token those of the
// user's own endpoints exist, if they are for the user.
func (a *API) subscription(c *call) (registry.Record[schemas.Subscription], error) {
	id := schemas.SubscriptionID(c.r.PathValue("subscription"))
	rec, ok := a.Picture.Subscription(c.tenant, id)
	if !ok || !a.seesSubscription(c, &rec.Value) {
		return registry.Record[schemas.Subscription]{}, notFound("subscription", string(id))
	}
	return rec, nil
}

func (a *API) seesSubscription(c *call, s *schemas.Subscription) bool {
	_, err := a.endpointOf(c, s.Endpoint)
	return err == nil || c.who.Scope != schemas.TokenPersonal
}

func (a *API) listSubscriptions(_ context.Context, c *call) (reply, error) {
	endpoint := schemas.EndpointID(c.r.URL.Query().Get("endpoint"))
	if endpoint != "" {
		if _, err := a.endpointOf(c, endpoint); err != nil {
			return reply{}, err
		}
	}
	return list(c, func(s *schemas.Subscription) string { return string(s.ID) },
		func(after string, limit int) []registry.Record[schemas.Subscription] {
			return a.Picture.Subscriptions(c.tenant, endpoint, schemas.SubscriptionID(after), limit)
		}, func(s *schemas.Subscription) bool { return a.seesSubscription(c, s) }, showSubscription)
}

func (a *API) getSubscription(_ context.Context, c *call) (reply, error) {
	rec, err := a.subscription(c)
	return subscriptionReply(http.StatusOK, rec, err)
}

func (a *API) patchSubscription(ctx context.Context, c *call) (reply, error) {
	version, err := c.ifMatch()
	if err != nil {
		return reply{}, err
	}
	current, err := a.subscription(c)
	if err != nil {
		return reply{}, err
	}
	e, err := a.endpointOf(c, current.Value.Endpoint)
	if err != nil {
		return reply{}, err
	}
	rec, err := a.Registry.UpdateSubscription(ctx, c.tenant, current.Value.ID, version, func(s *schemas.Subscription) error {
		in := subscriptionInput{Filters: s.Filters, Channel: s.Channel, User: s.User}
		for _, p := range s.Types {
			in.Types = append(in.Types, string(p))
		}
		if err := document.Patch(&in, c.body); err != nil {
			return err
		}
		return a.setSubscription(c, in, e.Value, s)
	})
	return subscriptionReply(http.StatusOK, rec, err)
}

func (a *API) deleteSubscription(ctx context.Context, c *call) (reply, error) {
	version, err := c.ifMatch()
	if err != nil {
		return reply{}, err
	}
	current, err := a.subscription(c)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, a.Registry.DeleteSubscription(ctx, c.tenant, current.Value.ID, version)
}
