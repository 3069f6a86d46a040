package schemas

// Tenant is a scope of isolation: its events reach its own endpoints only.
type Tenant struct {
	ID   TenantID `json:"id"`
	Name string   `json:"name,omitempty"`
	// Origin says who owns the record: see [Origin].
	Origin Origin `json:"origin,omitempty"`
}

// Validate names the field that is wrong.
func (t Tenant) Validate() error { return t.ID.Validate() }

// Origin says where a registry record came from.
type Origin string

const (
	OriginAPI  Origin = ""     // made through the Go or HTTP API
	OriginFile Origin = "file" // declared in tidings.yaml, which alone changes or removes it
)
