package schemas

import (
	"encoding/json"
	"maps"
	"strings"
)

// DeadLetter is a delivery or an event that Tidings gave up, with all that a
// person needs to judge it and a replay needs to try again.
type DeadLetter struct {
	// Subject is where it lies in DEAD.
	Subject string
	Tenant  TenantID
	// Delivery and Endpoint are empty for an event that never became deliveries.
	Delivery DeliveryID
	Endpoint EndpointID
	Reason   Reason
	Detail   string
	History  []Attempt
	// Header and Body are the message as it was stored before.
	Header Header
	Body   []byte
}

// DeadDelivery is the header under which DEAD stores a delivery that died of o.
func DeadDelivery(d *Delivery, o Outcome) Header { return buried(d.Header(), o.Reason, o.Detail) }

// DeadEvent is the header under which DEAD stores an event that never became
// deliveries: its own, with the reason.
func DeadEvent(h Header, tenant TenantID, reason Reason, detail string) Header {
	h = buried(maps.Clone(h), reason, detail)
	h[headerTenant] = []string{oneLine(string(tenant))}
	return h
}

// buried adds why. It drops what JetStream would take as an order to itself
// (deduplication, expectations, time to live), since the message it came with
// was for another stream.
func buried(h Header, reason Reason, detail string) Header {
	if h == nil {
		h = Header{}
	}
	maps.DeleteFunc(h, func(name string, _ []string) bool { return hasPrefixFold(name, "Nats-") })
	h[headerReason] = []string{string(reason)}
	h[headerDetail] = []string{oneLine(detail)}
	return h
}

// oneLine makes text fit for a header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// ReadDeadLetter reads a message of DEAD.
func ReadDeadLetter(subject string, h Header, body []byte) (*DeadLetter, error) {
	l := &DeadLetter{
		Subject: subject, Header: h, Body: body,
		Tenant:   TenantID(first(h, headerTenant)),
		Delivery: DeliveryID(first(h, headerDelivery)),
		Reason:   Reason(first(h, headerReason)),
		Detail:   first(h, headerDetail),
	}
	if l.Delivery != "" {
		l.Endpoint = QueueEndpoint(subject)
	}
	if history := first(h, headerHistory); history != "" {
		if err := json.Unmarshal([]byte(history), &l.History); err != nil {
			return nil, Errorf(CodeInvalid, "dead letter %s: header %s: %w", subject, headerHistory, err)
		}
	}
	return l, nil
}
