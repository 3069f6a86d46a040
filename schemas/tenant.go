package schemas

import "slices"

// Tenant is a scope of isolation: its events reach its own endpoints only.
type Tenant struct {
	ID   TenantID `json:"id"`
	Name string   `json:"name,omitempty"`
	// Validation says what becomes of events whose data breaks the schema of
	// their type.
	Validation Validation `json:"validation,omitempty"`
	// Origin says who owns the record: see [Origin].
	Origin Origin `json:"origin,omitempty"`
}

// Validate names the field that is wrong.
func (t Tenant) Validate() error {
	if err := t.ID.Validate(); err != nil {
		return err
	}
	if !slices.Contains([]Validation{"", ValidationReject, ValidationQuarantine, ValidationWarn}, t.Validation) {
		return Errorf(CodeInvalid, "tenant %s: validation %q: use %q, %q or %q", t.ID, t.Validation,
			ValidationReject, ValidationQuarantine, ValidationWarn)
	}
	return nil
}

// Validation is what becomes of an event whose data breaks the schema that the
// catalogue has for its type. A type that the catalogue does not know is not
// checked. Empty means [ValidationReject].
type Validation string

const (
	// ValidationReject refuses the event at the door. One that came in by a door
	// that does not check, like a plain NATS publish, is quarantined.
	ValidationReject Validation = "reject"
	// ValidationQuarantine takes the event and puts it to the dead letters.
	ValidationQuarantine Validation = "quarantine"
	// ValidationWarn delivers the event and logs what is wrong.
	ValidationWarn Validation = "warn"
)

// Origin says where a registry record came from.
type Origin string

const (
	OriginAPI  Origin = ""     // made through the Go or HTTP API
	OriginFile Origin = "file" // declared in tidings.yaml, which alone changes or removes it
)
