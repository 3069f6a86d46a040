package tracing

import (
	"context"
	"errors"
	"net/url"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/tidings-dev/tidings/schemas"
)

// Span names. A messaging span's is its operation and the template of its
// destination, an HTTP client's the method.
const (
	NameSend    = "send " + templateEvents
	NameProcess = "process " + templateStored
	NameSettle  = "settle " + templateReady

	templateEvents = "events.{tenant}.{type}"
	templateStored = "events.{partition}.{tenant}.{type}"
	templateReady  = "ready.{partition}.{endpoint}"
)

// Attributes that no convention has a word for.
const (
	keyTenant     = attribute.Key("tidings.tenant")
	keyEndpoint   = attribute.Key("tidings.endpoint.id")
	keyDelivery   = attribute.Key("tidings.delivery.id")
	keyDeliveries = attribute.Key("tidings.deliveries") // how many an event became
	keyAttempt    = attribute.Key("tidings.attempt")    // 1 for the first
	keyOutcome    = attribute.Key("tidings.outcome")    // schemas.Kind
	keyReason     = attribute.Key("tidings.reason")     // schemas.Reason
)

// system is messaging.system. The conventions list none for NATS; theirs are no closed
// set, and its instrumentations say "nats".
var system = semconv.MessagingSystemKey.String("nats")

// Message is what a messaging span is about.
type Message struct {
	Subject string // of NATS
	ID      string // Nats-Msg-Id
	Size    int    // of its body, in bytes
	Tenant  schemas.TenantID
	Event   schemas.EventSummary
}

func (m Message) attributes(operation attribute.KeyValue, template string) []attribute.KeyValue {
	all := make([]attribute.KeyValue, 0, 20)
	all = append(all, system, operation,
		semconv.MessagingOperationName(operation.Value.AsString()),
		semconv.MessagingDestinationName(m.Subject),
		semconv.MessagingDestinationTemplate(template),
		semconv.MessagingMessageBodySize(m.Size),
	)
	if m.ID != "" {
		all = append(all, semconv.MessagingMessageID(m.ID))
	}
	if m.Tenant != "" {
		all = append(all, keyTenant.String(string(m.Tenant)))
	}
	return append(all, event(m.Event)...)
}

// event is what CloudEvents' conventions say of one; nothing if it is none.
func event(e schemas.EventSummary) []attribute.KeyValue {
	if e.ID == "" {
		return nil
	}
	all := []attribute.KeyValue{
		semconv.CloudEventsEventID(e.ID), semconv.CloudEventsEventSource(e.Source),
		semconv.CloudEventsEventSpecVersion("1.0"), semconv.CloudEventsEventType(e.Type),
	}
	if e.Subject != "" {
		all = append(all, semconv.CloudEventsEventSubject(e.Subject))
	}
	return all
}

// Sent are the attributes of a send.
func (m Message) Sent() []attribute.KeyValue {
	return m.attributes(semconv.MessagingOperationTypeSend, templateEvents)
}

// Processed are the attributes of a process, by a partition's consumer if there is one.
func (m Message) Processed(consumer string) []attribute.KeyValue {
	all := m.attributes(semconv.MessagingOperationTypeProcess, templateStored)
	if consumer != "" {
		all = append(all, semconv.MessagingConsumerGroupName(consumer))
	}
	return all
}

// Deliveries is how many an event became.
func Deliveries(n int) attribute.KeyValue { return keyDeliveries.Int(n) }

// Settled are the attributes of a settle.
func (m Message) Settled(d *schemas.Delivery, o schemas.Outcome) []attribute.KeyValue {
	return append(m.attributes(semconv.MessagingOperationTypeSettle, templateReady),
		keyDelivery.String(string(d.ID)), keyEndpoint.String(string(d.Endpoint)),
		keyOutcome.String(string(o.Kind)), keyReason.String(string(o.Reason)))
}

// Request are the attributes of an HTTP client's span. The URL's query, fragment and
// credentials are left out.
func Request(method string, u *url.URL, tenant schemas.TenantID, endpoint schemas.EndpointID) []attribute.KeyValue {
	all := make([]attribute.KeyValue, 0, 16)
	return append(all,
		semconv.HTTPRequestMethodKey.String(method),
		semconv.ServerAddress(u.Hostname()), semconv.ServerPort(port(u)), semconv.URLFull(shown(u)),
		keyTenant.String(string(tenant)), keyEndpoint.String(string(endpoint)),
	)
}

// Attempt are what such a span has beside that if it is an attempt at a delivery.
func Attempt(d *schemas.Delivery) []attribute.KeyValue {
	all := append(event(d.Summary()), keyDelivery.String(string(d.ID)), keyAttempt.Int(d.Attempts+1))
	if d.Attempts > 0 {
		all = append(all, semconv.HTTPRequestResendCount(d.Attempts))
	}
	return all
}

// Response are the attributes of an answer; version is HTTP's, like "1.1", or empty.
func Response(status int, version string) []attribute.KeyValue {
	all := []attribute.KeyValue{semconv.HTTPResponseStatusCode(status)}
	if version != "" {
		all = append(all, semconv.NetworkProtocolVersion(version))
	}
	return all
}

// RequestError is the error.type of a request that met something else than was
// hoped for: the status where an answer came, and else the reason.
func RequestError(status int, broken bool, reason schemas.Reason) string {
	if status > 0 && !broken {
		return strconv.Itoa(status)
	}
	return string(reason)
}

// What an error.type may be beside a [schemas.Reason], a [schemas.Code] and a status.
const (
	ErrorTimeout  = "timeout"
	ErrorCanceled = "canceled"
	ErrorOther    = "_OTHER"
)

// ErrorType is the error.type of an error.
func ErrorType(err error) string {
	var coded *schemas.Error
	switch {
	case errors.As(err, &coded):
		return string(coded.Code)
	case errors.Is(err, context.DeadlineExceeded):
		return ErrorTimeout
	case errors.Is(err, context.Canceled):
		return ErrorCanceled
	}
	return ErrorOther
}

func port(u *url.URL) int {
	if n, err := strconv.Atoi(u.Port()); err == nil {
		return n
	}
	if u.Scheme == "http" {
		return 80
	}
	return 443
}

func shown(u *url.URL) string {
	bare := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return bare.String()
}
