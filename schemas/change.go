package schemas

// Change is one step in the life of the registry, as its watchers see it.
// Exactly one of Tenant, Endpoint and Subscription is set. For a removal it
// carries the ids only.
type Change struct {
	Tenant       *Tenant
	Endpoint     *Endpoint
	Subscription *Subscription
	Removed      bool
}
