package schemas

import (
	"net/url"
	"time"
)

// Endpoint is where and how to deliver.
type Endpoint struct {
	ID     EndpointID `json:"id"`
	Tenant TenantID   `json:"tenant"`
	Name   string     `json:"name,omitempty"`
	// URL receives the POSTs: absolute, http or https, without credentials.
	URL string `json:"url"`
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
	// Owner is the user whose endpoint it is, as a personal token names them;
	// empty for the tenant's own.
	Owner string `json:"owner,omitempty"`
	// Disabled is why deliveries to the endpoint die unattempted; empty while
	// the endpoint works. A dispatcher sets it after a 410 (Standard Webhooks
	// 1.0.0), an operator clears it.
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

// Policy is how an endpoint wants its attempts made. The zero value of each
// field asks for the default.
type Policy struct {
	// Timeout covers one attempt: connecting, request, response headers and
	// body. Its dialect's by default, 15s for most; at most [MaxTimeout].
	Timeout Duration `json:"timeout,omitempty"`
	// Retry lists the delays before the 2nd, 3rd, … attempt. Nil means the
	// schedule of its dialect; an empty list means one attempt only.
	Retry []Duration `json:"retry,omitzero"`
	// Concurrency is how many attempts may be under way at once, 32 by default,
	// at most [MaxConcurrency].
	Concurrency int `json:"concurrency,omitempty"`
	// Rate is how many attempts there may be in a time; a receiver's [Consent]
	// may lower it. No limit by default.
	Rate Rate `json:"rate,omitzero"`
	// MaxAge is how long after its event was stored a delivery may still be
	// attempted. No limit by default.
	MaxAge Duration `json:"max_age,omitempty"`
	// Order says whether deliveries may overtake one another. They may by default.
	Order Order `json:"order,omitempty"`
	// Statuses say what a status of the receiver means, by status ("404") or
	// class ("4xx"), in place of what its dialect says. The status counts before
	// its class.
	Statuses map[string]StatusAction `json:"statuses,omitempty"`
}

// Order says whether the deliveries of an endpoint may overtake one another.
type Order string

const (
	OrderNone Order = ""     // best effort: a retry comes after what is newer
	OrderFIFO Order = "fifo" // strictly as fanout stored them: one at a time, and none while one is retried
)

// StatusAction is what a receiver's status means.
type StatusAction string

const (
	StatusDelivered StatusAction = "delivered" // it took the delivery
	StatusRetry     StatusAction = "retry"     // try again as the schedule says
	StatusDead      StatusAction = "dead"      // give this delivery up
	StatusDisable   StatusAction = "disable"   // give it up, and disable the endpoint as a 410 does
)

// Bounds of a [Policy].
const (
	MaxTimeout     = 5 * time.Minute
	MaxRetryDelay  = 7 * 24 * time.Hour
	MaxRetries     = 100
	MaxConcurrency = 1000
	MaxAge         = 30 * 24 * time.Hour
	MaxSecrets     = 10
	MaxURL         = 2048 // bytes
	MaxName        = 255  // bytes
)

// Validate names the field that is wrong.
func (e Endpoint) Validate() error {
	if err := e.ID.Validate(); err != nil {
		return err
	}
	if err := e.Tenant.Validate(); err != nil {
		return err
	}
	if err := validateURL(e.ID, e.URL); err != nil {
		return err
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
	return e.Policy.validate(e.ID)
}

func validateURL(id EndpointID, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case len(raw) > MaxURL:
		return Errorf(CodeInvalid, "endpoint %s: url has %d bytes: use at most %d", id, len(raw), MaxURL)
	case err != nil:
		// The parser's error repeats the URL, and with it its credentials.
		return Errorf(CodeInvalid, "endpoint %s: url does not parse: write it like \"https://example.com/hooks\"", id)
	case !u.IsAbs() || u.Hostname() == "":
		return Errorf(CodeInvalid, "endpoint %s: url is not absolute: write it like \"https://example.com/hooks\"", id)
	case u.Scheme != "https" && u.Scheme != "http":
		return Errorf(CodeInvalid, "endpoint %s: url scheme %q: use https", id, u.Scheme)
	case u.User != nil:
		return Errorf(CodeInvalid, "endpoint %s: url carries credentials: remove \"user:password@\"; deliveries prove their origin by signature", id)
	}
	return nil
}

func (p Policy) validate(id EndpointID) error {
	if t := p.Timeout.Std(); t < 0 || t > MaxTimeout {
		return Errorf(CodeInvalid, "endpoint %s: policy.timeout %s: use more than 0 and at most %s", id, t, MaxTimeout)
	}
	if len(p.Retry) > MaxRetries {
		return Errorf(CodeInvalid, "endpoint %s: policy.retry has %d delays: use at most %d", id, len(p.Retry), MaxRetries)
	}
	for i, d := range p.Retry {
		if d <= 0 || d.Std() > MaxRetryDelay {
			return Errorf(CodeInvalid, "endpoint %s: policy.retry[%d] is %s: use more than 0 and at most %s", id, i, d, MaxRetryDelay)
		}
	}
	if err := p.Rate.validate(); err != nil {
		return Errorf(CodeInvalid, "endpoint %s: policy.%w", id, err)
	}
	if age := p.MaxAge.Std(); age < 0 || age > MaxAge {
		return Errorf(CodeInvalid, "endpoint %s: policy.max_age %s: use more than 0 and at most %s", id, age, MaxAge)
	}
	if p.Order != OrderNone && p.Order != OrderFIFO {
		return Errorf(CodeInvalid, "endpoint %s: policy.order %q is unknown: use %q, or leave it out", id, p.Order, OrderFIFO)
	}
	if err := validateStatuses(p.Statuses); err != nil {
		return Errorf(CodeInvalid, "endpoint %s: policy.%w", id, err)
	}
	if p.Concurrency < 0 || p.Concurrency > MaxConcurrency {
		return Errorf(CodeInvalid, "endpoint %s: policy.concurrency %d: use 1 to %d", id, p.Concurrency, MaxConcurrency)
	}
	return nil
}
