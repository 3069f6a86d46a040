package schemas

import "time"

// Change is one step in the life of the registry, as its watchers see it.
// Exactly one of its pointers is set. For a removal it carries the ids only.
type Change struct {
	Tenant       *Tenant
	Endpoint     *Endpoint
	Subscription *Subscription
	EventType    *EventType
	Token        *Token
	Removed      bool
	// Version is that of the record; it grows with every write to the registry.
	Version uint64
	// Updated is when it was written.
	Updated time.Time
}
