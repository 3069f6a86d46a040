package schemas

// Change is one step in the life of the registry, as its watchers see it.
// Exactly one of its pointers is set. For a removal it carries the ids only.
type Change struct {
	Tenant       *Tenant
	Endpoint     *Endpoint
	Subscription *Subscription
	EventType    *EventType
	Removed      bool
}
