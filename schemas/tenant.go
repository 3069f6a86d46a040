package schemas

import (
	"errors"
	"slices"
	"time"
)

// Tenant is a scope of isolation: its events reach its own endpoints only.
type Tenant struct {
	ID   TenantID `json:"id"`
	Name string   `json:"name,omitempty"`
	// Validation says what becomes of events whose data breaks the schema of
	// their type.
	Validation Validation `json:"validation,omitempty"`
	// Quota is what the tenant may have.
	Quota Quota `json:"quota,omitzero"`
	// Retention is how long its data is kept.
	Retention Retention `json:"retention,omitzero"`
	// Created is when the record was first written. The registry sets it.
	Created time.Time `json:"created,omitzero"`
	// Origin says who owns the record: see [Origin].
	Origin Origin `json:"origin,omitempty"`
}

// Validate names the field that is wrong.
func (t Tenant) Validate() error {
	if err := t.ID.Validate(); err != nil {
		return err
	}
	if len(t.Name) > MaxName {
		return Errorf(CodeInvalid, "tenant %s: name has %d bytes: use at most %d", t.ID, len(t.Name), MaxName)
	}
	if err := t.Validation.Validate(); err != nil {
		return Errorf(CodeInvalid, "tenant %s: %w", t.ID, err)
	}
	if err := errors.Join(t.Quota.Validate(), t.Retention.Validate()); err != nil {
		return Errorf(CodeInvalid, "tenant %s: %w", t.ID, err)
	}
	return nil
}

// Validation is what becomes of an event whose data breaks the schema that the
// catalogue has for its type. A type that the catalogue does not know is not
// checked. Empty means [ValidationReject].
type Validation string

// The validations. Doors that know the tenant, like the HTTP API, go by them; a
// publisher goes by its own options, since it cannot read the registry.
const (
	// ValidationReject refuses the event at the door. One that came in by a door
	// that does not check, like a plain NATS publish, is quarantined.
	ValidationReject Validation = "reject"
	// ValidationQuarantine takes the event and puts it to the dead letters.
	ValidationQuarantine Validation = "quarantine"
	// ValidationWarn delivers the event and logs what is wrong.
	ValidationWarn Validation = "warn"
)

// Validate refuses a word that is none of them; empty is fine.
func (v Validation) Validate() error {
	known := []Validation{ValidationReject, ValidationQuarantine, ValidationWarn}
	if v == "" || slices.Contains(known, v) {
		return nil
	}
	return Errorf(CodeInvalid, "validation %q is unknown: use %s", v, list(known))
}

// Origin says where a registry record came from.
type Origin string

const (
	OriginAPI  Origin = ""     // made through the Go or HTTP API
	OriginFile Origin = "file" // declared in tidings.yaml, which alone changes or removes it
)
