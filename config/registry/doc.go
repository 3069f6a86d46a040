// Package registry keeps tenants, endpoints, subscriptions and event types in a
// JetStream key-value bucket, and tells every process of each change.
//
//	tenant.<id>           schemas.Tenant
//	endpoint.<id>         schemas.Endpoint, with its secrets
//	subscription.<id>     schemas.Subscription
//	type.<tenant>.<type>  schemas.EventType; tenant is "_" for all tenants
//
// One record is one key, so one change is one message to each watcher. An
// endpoint is written against the revision that was read: so disabling it never
// undoes a change made meanwhile, and its id is never taken by another tenant.
// Of two that replace a record at once the last wins. Removing an endpoint
// removes its subscriptions first: what was matched before still finds its way
// to a reason.
package registry
