// Package roam serves Roam's way to manage webhooks, /v0, so that what was
// written for Roam works with Tidings as it is:
//
//	POST /v0/webhook.subscribe    {"url", "event", "filter"}  200 {"id", "event", "url", "filter"}
//	POST /v0/webhook.unsubscribe  id=… as a form or a query   204, or 404
//
// Errors are {"error": "…"} with 400, 401 or 500; beyond Roam's documents there is
// 429 for who calls too often, 404 for another path and 405 for another method.
//
// A token of the scope tenant:write is Roam's organisation access: all events of
// the tenant. One of the scope personal is personal access: events that involve
// its user. Each is an API client of its own, with one signing secret for all its
// URLs (see [Secret]); it neither reaches nor learns of what another made here.
//
// What is stored are records like any other, under ids made of what they are for:
//
//	endpoint      ep_<uuid of tenant, user, url>          dialect roam
//	subscription  sub_<uuid of tenant, user, type, url>   the uuid is the id of /v0
//
// So to subscribe to the same again, or twice at once, changes one record, and
// needs no memory but the registry. Roam's filters become conditions on the field
// to which the catalogue says they lead. An endpoint goes with its last
// subscription; who subscribes meanwhile keeps it, by its version: see
// registry.JoinEndpoint.
package roam
