package schemas

import "encoding/json"

// EventType is an event type that a tenant brought along, as the registry holds
// it. Package catalogue reads the definition.
type EventType struct {
	Tenant TenantID `json:"tenant"`
	// Type is the CloudEvents type that is defined.
	Type string `json:"type"`
	// Definition is the content of a catalogue file.
	Definition json.RawMessage `json:"definition"`
	Origin     Origin          `json:"origin,omitempty"`
}
