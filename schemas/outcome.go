package schemas

import (
	"slices"
	"strings"
	"time"
)

// Kind is the verdict on an attempt.
type Kind string

const (
	Delivered Kind = "delivered" // the receiver took it; nothing remains to do
	Retry     Kind = "retry"     // try again after Outcome.After
	Dead      Kind = "dead"      // give up: it goes to DEAD
)

// Reason says why an attempt or a delivery ended as it did. The same closed
// set of words appears in logs, metrics, dead letters and the API.
type Reason string

const (
	// ReasonOK is a 2xx.
	ReasonOK Reason = "ok"

	// What an attempt can meet; another attempt may fare better.

	ReasonTimeout      Reason = "timeout"       // the total deadline passed
	ReasonDNS          Reason = "dns"           // the host name did not resolve
	ReasonConnect      Reason = "connect"       // no TCP connection
	ReasonTLS          Reason = "tls"           // handshake or certificate
	ReasonReset        Reason = "reset"         // the connection broke under the exchange
	ReasonResponse     Reason = "bad_response"  // not HTTP, or past a bound
	ReasonRedirect     Reason = "redirect"      // 3xx, never followed
	ReasonClientError  Reason = "client_error"  // 4xx
	ReasonServerError  Reason = "server_error"  // 5xx
	ReasonThrottled    Reason = "throttled"     // 429, or 503 with Retry-After
	ReasonEgressDenied Reason = "egress_denied" // the guard refused the address
	ReasonNoConsent    Reason = "no_consent"    // the receiver's handshake did not agree
	ReasonNacked       Reason = "nacked"        // whoever pulled it gave it back

	// Why a delivery dies.

	ReasonExhausted        Reason = "exhausted"         // the schedule has no attempt left
	ReasonNotRetried       Reason = "not_retried"       // its dialect or schedule allows no other attempt
	ReasonGone             Reason = "gone"              // 410: the endpoint is disabled with this reason
	ReasonStatusDisables   Reason = "status_disables"   // a status at which the endpoint's policy disables it, with this reason
	ReasonFailing          Reason = "failing"           // nothing but failure for too long: the endpoint is disabled with this reason
	ReasonManual           Reason = "manual"            // somebody disabled the endpoint, which has this reason
	ReasonEndpointDisabled Reason = "endpoint_disabled" // disabled before the attempt
	ReasonEndpointDeleted  Reason = "endpoint_deleted"  // no longer in the registry
	ReasonTooOld           Reason = "too_old"           // older than its endpoint's policy allows
	ReasonTooLarge         Reason = "too_large"         // its data has more bytes than its endpoint's policy allows
	ReasonQueueFull        Reason = "queue_full"        // as many wait for its endpoint already as the policy allows
	ReasonSkipped          Reason = "skipped"           // accepted before the time from which its endpoint was resumed
	ReasonEndpointInvalid  Reason = "endpoint_invalid"  // no request can be made for it
	ReasonUnworded         Reason = "unworded"          // its dialect has no words for the event
	ReasonUnreadable       Reason = "unreadable"        // the stored delivery does not parse
	ReasonEventExpired     Reason = "event_expired"     // its data lay in EVENTS, which no longer has the event
	ReasonCrashed          Reason = "crashed"           // handling it, or its event, crashed again and again: a defect of Tidings

	// Why an event dies before it becomes deliveries.

	ReasonEventInvalid  Reason = "event_invalid"  // not a CloudEvent Tidings accepts
	ReasonTenantUnknown Reason = "tenant_unknown" // no such tenant
	ReasonSchemaInvalid Reason = "schema_invalid" // its data breaks the schema of its type
)

// reasons are all there are.
var reasons = []Reason{
	ReasonOK, ReasonTimeout, ReasonDNS, ReasonConnect, ReasonTLS, ReasonReset, ReasonResponse, ReasonRedirect,
	ReasonClientError, ReasonServerError, ReasonThrottled, ReasonEgressDenied, ReasonNoConsent, ReasonNacked,
	ReasonExhausted, ReasonNotRetried, ReasonGone, ReasonStatusDisables, ReasonFailing, ReasonManual, ReasonEndpointDisabled,
	ReasonEndpointDeleted, ReasonTooOld, ReasonTooLarge, ReasonQueueFull, ReasonSkipped, ReasonEndpointInvalid,
	ReasonUnworded, ReasonUnreadable, ReasonEventExpired, ReasonCrashed, ReasonEventInvalid, ReasonTenantUnknown,
	ReasonSchemaInvalid,
}

// Validate refuses what is no reason.
func (r Reason) Validate() error {
	if slices.Contains(reasons, r) {
		return nil
	}
	words := make([]string, len(reasons))
	for i, known := range reasons {
		words[i] = string(known)
	}
	slices.Sort(words)
	return Errorf(CodeInvalid, "%q is no reason: use one of %s", string(r), strings.Join(words, ", "))
}

// Outcome is the verdict on one attempt.
type Outcome struct {
	Kind   Kind
	Reason Reason
	// Cause is what the attempt itself met. It differs from Reason where the
	// schedule ran out: then Reason is exhausted.
	Cause Reason
	// After is how long to wait before the next attempt. Retry only.
	After time.Duration
	// Detail is what happened in a sentence fit for the endpoint's owner.
	Detail string
}
