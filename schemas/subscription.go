package schemas

import (
	"strings"
	"time"
)

// Subscription says which of a tenant's events an endpoint gets. An endpoint
// may have many; an event that several of them match is delivered once.
type Subscription struct {
	ID       SubscriptionID `json:"id"`
	Tenant   TenantID       `json:"tenant"`
	Endpoint EndpointID     `json:"endpoint"`
	// Types are patterns of CloudEvents types; an event matches if any does.
	Types []TypePattern `json:"types"`
	// Channel limits the subscription to events on one channel, by its id; the
	// catalogue says where a type has it. A OneRoute endpoint that is subscribed
	// to a channel gets its events in place of the tenant's OneRoute endpoints
	// that are not.
	Channel string `json:"channel,omitempty"`
	// Filters are conditions on the event; it must meet all of them.
	Filters []Filter `json:"filters,omitempty"`
	// User limits the subscription to events that involve one user (personal
	// access), given by the ids by which events name them; the catalogue says
	// where a type names its users. A type for which it does not, or which it
	// does not know, involves nobody. Empty is organisation access: all events.
	User []string `json:"user,omitempty"`
	// History asks for stored events too; see [History].
	History *History `json:"history,omitempty"`
	// Created is when the record was first written. The registry sets it.
	Created time.Time `json:"created,omitzero"`
	Origin  Origin    `json:"origin,omitempty"`
}

// Validate names the field that is wrong.
func (s Subscription) Validate() error {
	if err := s.ID.Validate(); err != nil {
		return err
	}
	if err := s.Tenant.Validate(); err != nil {
		return err
	}
	if err := s.Endpoint.Validate(); err != nil {
		return err
	}
	if len(s.Types) == 0 {
		return Errorf(CodeInvalid, "subscription %s: types is empty: name event types, or \"*\" for all", s.ID)
	}
	for i, p := range s.Types {
		if err := p.Validate(); err != nil {
			return Errorf(CodeInvalid, "subscription %s: types[%d]: %w", s.ID, i, err)
		}
	}
	if len(s.Types) > MaxPatterns {
		return Errorf(CodeInvalid, "subscription %s: types has %d patterns: use at most %d", s.ID, len(s.Types), MaxPatterns)
	}
	if err := ValidateFilters(s.Filters); err != nil {
		return Errorf(CodeInvalid, "subscription %s: %w", s.ID, err)
	}
	if err := validateUser(s.User); err != nil {
		return Errorf(CodeInvalid, "subscription %s: %w", s.ID, err)
	}
	return nil
}

// MaxPatterns bounds the type patterns of one subscription.
const MaxPatterns = 200

// TypePattern matches CloudEvents types, which it reads as segments between
// dots. A segment "*" matches any one segment; at the end it matches all that
// remain. So "user.created" matches itself, "user.*" also "user.email.changed",
// "*.created" every creation, "*" everything.
type TypePattern string

// Wildcard is the segment that matches any other.
const Wildcard = "*"

// Segments are the parts between dots.
func (p TypePattern) Segments() []string { return strings.Split(string(p), ".") }

// Matches reports whether it matches a type.
func (p TypePattern) Matches(eventType string) bool {
	left, more := eventType, true
	segments := p.Segments()
	for i, want := range segments {
		if !more {
			return false
		}
		if want == Wildcard && i == len(segments)-1 {
			return true
		}
		var segment string
		if segment, left, more = strings.Cut(left, "."); want != Wildcard && want != segment {
			return false
		}
	}
	return !more
}

// Validate refuses empty segments and a star inside one.
func (p TypePattern) Validate() error {
	for segment := range strings.SplitSeq(string(p), ".") {
		if segment == "" {
			return Errorf(CodeInvalid, "pattern %q has an empty segment: write types like \"user.created\" or \"user.*\"", string(p))
		}
		if segment != Wildcard && strings.Contains(segment, Wildcard) {
			return Errorf(CodeInvalid, "pattern %q: \"*\" stands for whole segments, as in \"user.*\"", string(p))
		}
	}
	return nil
}
