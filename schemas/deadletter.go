package schemas

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
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
	// Header and Body are the message as it was stored before. A delivery whose
	// data lay in EVENTS has it for its body here, or none if EVENTS no longer had it.
	Header Header
	Body   []byte
}

// MaxDeadDetail bounds DeadLetter.Detail, in bytes.
const MaxDeadDetail = 1 << 10

// maxHeader is how many bytes of header JetStream stores with a message
// (nats-server 2.15 refuses more than 65,535), less what a dead letter adds.
const maxHeader = 1<<16 - 1 - 2<<10

// DeadDelivery is the header under which DEAD stores a delivery that died of o.
func DeadDelivery(d *Delivery, o Outcome) Header { return buried(d.Header(), o.Reason, o.Detail) }

// DeadEvent is the header under which DEAD stores an event that never became
// deliveries: its own, with the reason. The event may come from anyone, so it
// keeps nothing that means something to Tidings, to JetStream (deduplication,
// expectations, time to live: they were for another stream) or that could not
// be stored again.
func DeadEvent(h Header, tenant TenantID, reason Reason, detail string) Header {
	kept := make(Header, len(h)+3)
	size := headerFrame
	for _, name := range bySize(h) {
		if hasPrefixFold(name, "Nats-") || hasPrefixFold(name, "Tidings-") || !validHeaderName(name) {
			continue
		}
		if size += headerSize(name, h[name]); size > maxHeader {
			break
		}
		kept[name] = h[name]
	}
	kept[headerTenant] = []string{clip(oneLine(string(tenant)), MaxDetail)}
	return buried(kept, reason, detail)
}

// buried adds why.
func buried(h Header, reason Reason, detail string) Header {
	h[headerReason] = []string{string(reason)}
	h[headerDetail] = []string{clip(oneLine(detail), MaxDeadDetail)}
	return h
}

// bySize are the names of headers, the smallest header first.
func bySize(h Header) []string {
	return slices.SortedFunc(maps.Keys(h), func(a, b string) int {
		return cmp.Or(cmp.Compare(headerSize(a, h[a]), headerSize(b, h[b])), cmp.Compare(a, b))
	})
}

// headerSize is in bytes on the wire.
func headerSize(name string, values []string) int {
	size := 0
	for _, v := range values {
		size += len(name) + len(v) + valueFrame
	}
	return size
}

// validHeaderName tells whether the NATS client for Go sends the name.
func validHeaderName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"()/,:;<=>?@[\\]{}", r)
	}) < 0
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
