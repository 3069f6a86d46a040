package config

import (
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/schemas"
)

// endpoint reads an endpoint and its subscriptions.
func (r *reading) endpoint(p place, tenant schemas.TenantID) schemas.Endpoint {
	if !p.record("id", "name", "url", "pull", "dialect", "mode", "handshake", "paused", "secrets", "headers", "policy", "subscribe", "channel", "subscriptions") {
		p.lacks("an id, a url (or pull: true) and secrets")
		return schemas.Endpoint{}
	}
	e := schemas.Endpoint{
		ID: schemas.EndpointID(p.member("id").text()), Tenant: tenant, Name: p.member("name").text(), URL: p.member("url").text(), Pull: p.member("pull").flag(),
		Dialect: schemas.Dialect(p.member("dialect").text()), Mode: schemas.Mode(p.member("mode").text()),
		Handshake: p.member("handshake").flag(), Paused: p.member("paused").flag(),
		Policy: p.member("policy").policy(),
	}
	if !r.identify(p.member("id"), e.ID.Validate()) {
		e.ID = "ep_" + unknown
	}
	for _, item := range p.member("secrets").items() {
		e.Secrets = append(e.Secrets, r.secret(item))
	}
	for name, value := range p.member("headers").members() {
		if e.Headers == nil {
			e.Headers = map[string]schemas.Secret{}
		}
		e.Headers[name] = r.secret(value)
		if e.Headers[name].Reveal() == "" {
			value.refuse("%s", subject(r.src.secrets[value.field], "is empty: give a value, or leave the header out"))
		}
		if expires := value.member("expires"); expires.given() {
			expires.refuse("is for secrets that sign: leave it out")
		}
	}
	checkEndpoint(p, e)
	r.d.Endpoints = append(r.d.Endpoints, e)
	r.subscriptions(p, e)
	return e
}

func (p place) policy() (policy schemas.Policy) {
	if !p.record("timeout", "retry", "concurrency", "rate", "burst", "max_age", "max_payload", "order", "order_key", "backlog",
		"max_held", "breaker", "auto_disable", "disable_after", "statuses", "trace") {
		return policy
	}
	policy = schemas.Policy{
		Timeout: p.member("timeout").duration(), Concurrency: p.member("concurrency").number(), Burst: p.member("burst").number(),
		MaxAge: p.member("max_age").duration(), MaxPayload: p.member("max_payload").number(), MaxHeld: p.member("max_held").number(),
		Order: schemas.Order(p.member("order").text()), OrderKey: p.member("order_key").text(), Backlog: schemas.Backlog(p.member("backlog").text()),
		Breaker: schemas.Switch(p.member("breaker").text()), AutoDisable: schemas.Switch(p.member("auto_disable").text()),
		DisableAfter: p.member("disable_after").duration(), Trace: p.member("trace").flag(),
	}
	if retry := p.member("retry"); retry.given() { // an empty list is one attempt only
		policy.Retry = []schemas.Duration{}
		for _, item := range retry.items() {
			policy.Retry = append(policy.Retry, item.duration())
		}
	}
	if rate := p.member("rate"); rate.given() {
		policy.Rate = schemas.Rate{Count: 1, Per: time.Second} // some rate, if this one is refused: what needs one has it
		rate.blame(policy.Rate.UnmarshalText([]byte(rate.text())))
	}
	for status, action := range p.member("statuses").members() {
		if policy.Statuses == nil {
			policy.Statuses = map[string]schemas.StatusAction{}
		}
		policy.Statuses[status] = schemas.StatusAction(action.text())
	}
	return policy
}

// checkEndpoint tells all that is wrong with the values of an endpoint, where
// its Validate stops at the first: parts of it are held to that one by one.
func checkEndpoint(p place, e schemas.Endpoint) {
	for _, part := range partsOf(e) {
		if part.URL == "" && !part.Pull {
			part.URL = "https://example.com"
		}
		if part.Secrets == nil {
			part.Secrets = []schemas.Secret{schemas.NewSecret(someSecret)}
		}
		part.ID, part.Tenant = e.ID, e.Tenant
		p.blame(part.Validate())
	}
	switch err := e.Validate(); {
	case !p.member("url").given() && !e.Pull:
		p.member("url").refuse("is missing: give the address to deliver to, or pull: true to have deliveries fetched")
	case err != nil:
		p.blame(err)
	default:
		p.blame(dialect.Check(e))
	}
}

// partsOf are endpoints that have one thing each to be judged.
func partsOf(e schemas.Endpoint) []schemas.Endpoint {
	of, known := e.Policy, e.Dialect
	if schemas.ValidateDialect(known, "") != nil {
		known = schemas.DialectCloudEvents // which takes all
	}
	parts := []schemas.Endpoint{
		{URL: e.URL, Pull: e.Pull},
		{Name: e.Name},
		{Dialect: e.Dialect, Mode: e.Mode},
		{Dialect: known, Handshake: e.Handshake},
		{Dialect: known, Secrets: e.Secrets},
		{Headers: e.Headers},
		{Policy: schemas.Policy{Timeout: of.Timeout}},
		{Policy: schemas.Policy{Retry: of.Retry}},
		{Policy: schemas.Policy{Concurrency: of.Concurrency}},
		{Policy: schemas.Policy{Rate: of.Rate}},
		{Policy: schemas.Policy{Rate: of.Rate, Burst: of.Burst}},
		{Policy: schemas.Policy{MaxAge: of.MaxAge}},
		{Policy: schemas.Policy{MaxPayload: of.MaxPayload}},
		{Policy: schemas.Policy{Order: of.Order, OrderKey: of.OrderKey}},
		{Policy: schemas.Policy{Order: of.Order, Backlog: of.Backlog}},
		{Policy: schemas.Policy{MaxHeld: of.MaxHeld}},
		{Policy: schemas.Policy{Breaker: of.Breaker}},
		{Policy: schemas.Policy{AutoDisable: of.AutoDisable}},
		{Policy: schemas.Policy{DisableAfter: of.DisableAfter}},
	}
	for name, value := range e.Headers {
		parts = append(parts, schemas.Endpoint{Headers: map[string]schemas.Secret{name: value}})
	}
	for status, action := range of.Statuses {
		parts = append(parts, schemas.Endpoint{Policy: schemas.Policy{Statuses: map[string]schemas.StatusAction{status: action}}})
	}
	return parts
}
