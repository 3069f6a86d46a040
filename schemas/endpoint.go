package schemas

import (
	"time"
)

// Endpoint is where and how to deliver.
type Endpoint struct {
	ID     EndpointID `json:"id"`
	Tenant TenantID   `json:"tenant"`
	Name   string     `json:"name,omitempty"`
	// URL receives the POSTs: absolute, http or https, without credentials. Empty of
	// an endpoint that is pulled from.
	URL string `json:"url,omitempty"`
	// Pull says that nothing is sent: its receiver fetches the deliveries ([Poll]). An
	// endpoint stays what it was made as.
	Pull bool `json:"pull,omitempty"`
	// Dialect words and signs the deliveries. Empty means [DialectStandard].
	Dialect Dialect `json:"dialect,omitempty"`
	// Mode chooses among the forms of a dialect that has several; see [Mode].
	Mode Mode `json:"mode,omitempty"`
	// Handshake asks the receiver for its consent before the first delivery
	// (CloudEvents, HTTP 1.1 Web Hooks for Event Delivery 1.0.2, section 4).
	// [DialectCloudEvents] only.
	Handshake bool `json:"handshake,omitempty"`
	// Consent is what the receiver agreed to; nil until it has. Only the registry
	// sets it, for a dispatcher that asked; another URL, rate or dialect voids it.
	Consent *Consent `json:"consent,omitempty"`
	// Secrets sign every delivery, newest first; more than one during rotation,
	// when the older ones expire.
	Secrets []Secret `json:"secrets,omitempty"`
	// Headers are sent with every request, beside those of the dialect. Their
	// values may be credentials, so they are kept like secrets.
	Headers map[string]Secret `json:"headers,omitempty"`
	// Paused keeps deliveries waiting, in the endpoint's own queue.
	Paused bool `json:"paused,omitempty"`
	// SkipBefore is from when deliveries are made: those whose event was accepted
	// before it die as [ReasonSkipped] instead of their next attempt. Zero skips
	// none. The API sets it when somebody resumes the endpoint; it is never part of
	// a declaration, so a file that takes the endpoint over clears it.
	SkipBefore time.Time `json:"skip_before,omitzero"`
	// Owner is the user whose endpoint it is, as a personal token names them;
	// empty for the tenant's own.
	Owner string `json:"owner,omitempty"`
	// Disabled is why deliveries to the endpoint die unattempted; empty while
	// the endpoint works. A dispatcher sets it: [ReasonGone] after a 410 (Standard
	// Webhooks 1.0.0), [ReasonStatusDisables] after a status at which the policy
	// disables, [ReasonFailing] after a time of nothing but failure; or the API:
	// [ReasonManual]. An operator clears it.
	Disabled Reason `json:"disabled,omitempty"`
	Policy   Policy `json:"policy,omitzero"`
	// Created is when the record was first written. The registry sets it.
	Created time.Time `json:"created,omitzero"`
	Origin  Origin    `json:"origin,omitempty"`
}

// Consent is a receiver's agreement to get deliveries.
type Consent struct {
	// Origin is the sender that was agreed to, a DNS name.
	Origin string `json:"origin"`
	// Rate is how many requests a minute are welcome; 0 is any number.
	Rate int `json:"rate,omitempty"`
}

// Bounds of an [Endpoint]; those of its policy are beside [Policy].
const (
	MaxSecrets = 10
	MaxName    = 255 // bytes
)

// Validate names the field that is wrong.
func (e Endpoint) Validate() error {
	if err := e.ID.Validate(); err != nil {
		return err
	}
	if err := e.Tenant.Validate(); err != nil {
		return err
	}
	if err := e.validatePlace(); err != nil {
		return Errorf(CodeInvalid, "endpoint %s: %w", e.ID, err)
	}
	if err := ValidateDialect(e.Dialect, e.Mode); err != nil {
		return Errorf(CodeInvalid, "endpoint %s: %w", e.ID, err)
	}
	if e.Handshake && e.Dialect != DialectCloudEvents {
		return Errorf(CodeInvalid, "endpoint %s: handshake belongs to the dialect %q: leave it out, or use that one", e.ID, DialectCloudEvents)
	}
	if len(e.Secrets) == 0 && e.Dialect != DialectOneRoute { // whose documentation has no signature
		return Errorf(CodeInvalid, "endpoint %s: it has no secret: give at least one to sign with", e.ID)
	}
	if len(e.Name) > MaxName {
		return Errorf(CodeInvalid, "endpoint %s: name has %d bytes: use at most %d", e.ID, len(e.Name), MaxName)
	}
	if len(e.Secrets) > MaxSecrets {
		return Errorf(CodeInvalid, "endpoint %s: it has %d secrets: keep at most %d", e.ID, len(e.Secrets), MaxSecrets)
	}
	if err := validateHeaders(e.Headers); err != nil {
		return Errorf(CodeInvalid, "endpoint %s: %w", e.ID, err)
	}
	for i, s := range e.Secrets {
		if s.Reveal() == "" {
			return Errorf(CodeInvalid, "endpoint %s: secrets[%d] is empty: give one to sign with, or leave it out", e.ID, i)
		}
	}
	if err := e.Policy.validate(); err != nil {
		return Errorf(CodeInvalid, "endpoint %s: %w", e.ID, err)
	}
	return nil
}

// validatePlace wants either a URL, or what makes sense where nothing is sent.
func (e Endpoint) validatePlace() error {
	if !e.Pull {
		_, err := ParseURL(e.URL)
		return err
	}
	switch {
	case e.URL != "":
		return Errorf(CodeInvalid, "url: nothing is sent to an endpoint that is pulled from: give either url or pull")
	case e.Handshake:
		return Errorf(CodeInvalid, "handshake: nothing is sent to an endpoint that is pulled from, so there is nobody to ask: leave it out")
	}
	return e.Policy.validatePull()
}
