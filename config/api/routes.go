package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/tidings-dev/tidings/config/access"
)

// route is one method of one path.
type route struct {
	method, path string
	right        access.Right // empty for what every token may
	do           func(context.Context, *call) (reply, error)
	// stream is in place of do: it writes what it answers, bit by bit. An error means
	// that it has not begun.
	stream func(context.Context, *call, http.ResponseWriter) error
	// organisation refuses personal tokens: what it touches is the tenant's.
	organisation bool
	// events takes CloudEvents, in the modes of HTTP and up to their own bound.
	events bool
	// unkept refuses an Idempotency-Key: to be given the same answer again would be of no
	// use.
	unkept bool
	// takes is of a receiver that fetches what is its own: nothing is changed that
	// somebody has configured.
	takes bool
	// query are the parameters that may come behind the path; others are refused.
	query []string
}

// paged are the parameters of every list.
var paged = []string{"limit", "cursor"}

// with are the parameters of a list that has some of its own.
func with(more ...string) []string { return slices.Concat(more, paged) }

const (
	tenantPath       = "/v1/tenants/{tenant}"
	endpointPath     = tenantPath + "/endpoints/{endpoint}"
	subscriptionPath = tenantPath + "/subscriptions/{subscription}"
	typePath         = tenantPath + "/types/{type}"
	deliveryPath     = tenantPath + "/deliveries/{delivery}"
	replayPath       = tenantPath + "/replays/{replay}"
	tokenPath        = "/v1/tokens/{token}" //nolint:gosec // a path, no credential
)

// routes are all that need a token.
func (a *API) routes() []route {
	return slices.Concat(a.registryRoutes(), a.eventRoutes(), a.callerRoutes())
}

const get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete

// registryRoutes are of what a tenant configures.
func (a *API) registryRoutes() []route {
	return []route{
		{method: post, path: "/v1/tenants", right: access.Admin, do: a.createTenant},
		{method: get, path: "/v1/tenants", right: access.Admin, do: a.listTenants, query: paged},
		{method: get, path: tenantPath, right: access.Read, do: a.getTenant},
		{method: patch, path: tenantPath, right: access.Admin, do: a.patchTenant},
		{method: del, path: tenantPath, right: access.Admin, do: a.deleteTenant},

		{method: get, path: tenantPath + "/roam", right: access.Secrets, do: a.getRoam, query: []string{"user"}},

		{method: post, path: tenantPath + "/endpoints", right: access.Write, do: a.createEndpoint},
		{method: get, path: tenantPath + "/endpoints", right: access.Read, do: a.listEndpoints, query: paged},
		{method: get, path: endpointPath, right: access.Read, do: a.getEndpoint},
		{method: patch, path: endpointPath, right: access.Write, do: a.patchEndpoint},
		{method: del, path: endpointPath, right: access.Write, do: a.deleteEndpoint},
		{method: get, path: endpointPath + "/secrets", right: access.Secrets, do: a.listSecrets},
		{method: post, path: endpointPath + "/rotate", right: access.Write, do: a.rotateSecret},
		{method: post, path: endpointPath + "/pause", right: access.Write, do: a.pauseEndpoint},
		{method: post, path: endpointPath + "/resume", right: access.Write, do: a.resumeEndpoint},
		{method: post, path: endpointPath + "/disable", right: access.Write, do: a.disableEndpoint},
		{method: post, path: endpointPath + "/enable", right: access.Write, do: a.enableEndpoint},
		{method: post, path: endpointPath + "/test", right: access.Write, do: a.testEndpoint},
		{method: post, path: endpointPath + "/poll", right: access.Write, unkept: true, takes: true, do: a.pollEndpoint},
		{method: post, path: endpointPath + "/settle", right: access.Write, takes: true, do: a.settleEndpoint},

		{method: post, path: tenantPath + "/subscriptions", right: access.Write, do: a.createSubscription},
		{method: get, path: tenantPath + "/subscriptions", right: access.Read, do: a.listSubscriptions, query: with("endpoint")},
		{method: post, path: tenantPath + "/subscriptions/check", right: access.Read, do: a.checkSubscription},
		{method: get, path: subscriptionPath, right: access.Read, do: a.getSubscription},
		{method: patch, path: subscriptionPath, right: access.Write, do: a.patchSubscription},
		{method: del, path: subscriptionPath, right: access.Write, do: a.deleteSubscription},

		{method: get, path: tenantPath + "/types", right: access.Read, do: a.listTypes, query: paged},
		{method: get, path: typePath, right: access.Read, do: a.getType},
		{method: put, path: typePath, right: access.Write, organisation: true, do: a.putType},
		{method: del, path: typePath, right: access.Write, organisation: true, do: a.deleteType},
	}
}

// eventRoutes are of events, and of what became of them.
func (a *API) eventRoutes() []route {
	return []route{
		{method: post, path: tenantPath + "/events", right: access.Publish, events: true, do: a.publishEvents},
		{method: get, path: tenantPath + "/events", right: access.Read, organisation: true, do: a.listEvents, query: with("id", "source", "type", "subject", "unmatched", "dead", "since", "until")},
		{method: get, path: tenantPath + "/events/{event}", right: access.Read, organisation: true, do: a.getEvent},
		{method: get, path: tenantPath + "/deliveries", right: access.Read, do: a.listDeliveries, query: with("id", "endpoint", "event", "source", "type", "subject", "status", "reason", "code", "since", "until")},
		{method: get, path: deliveryPath, right: access.Read, do: a.getDelivery},
		{method: post, path: deliveryPath + "/resend", right: access.Write, do: a.resendDelivery},
		{method: get, path: tenantPath + "/live", right: access.Read, organisation: true, stream: a.watchLive},
		{method: get, path: tenantPath + "/counts", right: access.Read, do: a.getCounts, query: []string{"endpoint", "since", "until", "step"}},
		{method: get, path: tenantPath + "/counts/endpoints", right: access.Read, organisation: true, do: a.listFailing, query: []string{"since", "until", "limit"}},
		{method: post, path: tenantPath + "/replays", right: access.Write, do: a.createReplay},
		{method: get, path: tenantPath + "/replays", right: access.Read, do: a.listReplays, query: append([]string{"dry_run"}, paged...)},
		{method: get, path: replayPath, right: access.Read, do: a.getReplay},
		{method: post, path: replayPath + "/cancel", right: access.Write, do: a.cancelReplay},

		{method: post, path: tenantPath + "/erasures", right: access.Write, organisation: true, do: a.createErasure},
		{method: get, path: tenantPath + "/erasures", right: access.Read, organisation: true, do: a.listErasures, query: paged},
		{method: post, path: tenantPath + "/explain", right: access.Read, events: true, do: a.explainEvent},
	}
}

// callerRoutes are of who may call, and who did.
func (a *API) callerRoutes() []route {
	return []route{
		{method: get, path: "/v1/me", do: a.getMe},
		{method: get, path: "/v1/audit", right: access.Admin, do: a.listAudit, query: paged},
		{method: get, path: tenantPath + "/audit", right: access.Read, organisation: true, do: a.listAudit, query: paged},
		{method: post, path: tenantPath + "/links", right: access.Write, organisation: true, do: a.createLink},

		{method: post, path: "/v1/tokens", right: access.Admin, do: a.createToken},
		{method: get, path: "/v1/tokens", right: access.Admin, do: a.listTokens, query: with("tenant")},
		{method: get, path: tokenPath, right: access.Admin, do: a.getToken},
		{method: del, path: tokenPath, right: access.Admin, do: a.deleteToken},
		{method: post, path: tokenPath + "/revoke", right: access.Admin, do: a.revokeToken},
	}
}
