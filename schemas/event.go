package schemas

import (
	"encoding/json"
	"fmt"
	"mime"
	"strings"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// Event is a CloudEvents 1.0.2 event, as the CloudEvents SDK holds it.
type Event = event.Event

// Header is the header of a NATS message (nats.Header converts to it). Unlike
// HTTP's its names are case-sensitive.
type Header = map[string][]string

// Names of the NATS protocol binding of CloudEvents (1.0.3-wip, where binary
// mode was added): "ce-" before each attribute, datacontenttype included, and
// Content-Type for structured mode.
const (
	attributePrefix    = "ce-"
	headerContentType  = "Content-Type"
	mediaStructured    = "application/cloudevents"
	mediaBatch         = "application/cloudevents-batch"
	mediaJSON          = "application/json"
	attributeVersion   = attributePrefix + "specversion"
	attributeID        = attributePrefix + "id"
	attributeSource    = attributePrefix + "source"
	attributeType      = attributePrefix + "type"
	attributeTime      = attributePrefix + "time"
	attributeMediaType = attributePrefix + "datacontenttype"
)

// MaxEventSize is the default bound of an event's data, in bytes.
const MaxEventSize = 1 << 20

// MaxAttributesSize bounds an event's attributes as headers, names and
// percent-encoding included, in bytes. They travel in the header of every
// delivery.
const MaxAttributesSize = 16 << 10

// EventMessageID is the deduplication id of an event: CloudEvents names an
// event by source and id together (CloudEvents 1.0.2, "id").
func EventMessageID(e *Event) string { return e.Source() + " " + e.ID() }

// ValidateEvent holds an event to CloudEvents 1.0.2 and to what the pipe can
// deliver: data that is JSON, or no data.
func ValidateEvent(e *Event) error {
	if e.Context == nil || e.SpecVersion() != event.CloudEventsVersionV1 {
		return Errorf(CodeInvalid, "event: specversion is %q: use \"1.0\"", e.SpecVersion())
	}
	if err := e.Validate(); err != nil {
		return Errorf(CodeInvalid, "event %q: %w", e.ID(), err)
	}
	if err := validateText(e); err != nil {
		return err
	}
	if ct := e.DataContentType(); ct != "" && !isJSON(ct) {
		return Errorf(CodeInvalid, "event %q: datacontenttype %q: use \"application/json\" (or a type that ends in +json)", e.ID(), ct)
	}
	if len(e.DataEncoded) > 0 && !json.Valid(e.DataEncoded) {
		return Errorf(CodeInvalid, "event %q: data is not valid JSON: %s", e.ID(), firstJSONError(e.DataEncoded))
	}
	return nil
}

// validateText refuses control characters where they would travel in headers
// or subjects (CloudEvents 1.0.2, "String": they are not allowed).
func validateText(e *Event) error {
	for _, f := range [...]struct{ name, value string }{{"id", e.ID()}, {"source", e.Source()}, {"type", e.Type()}, {"subject", e.Subject()}} {
		if i := strings.IndexFunc(f.value, func(r rune) bool { return r < 0x20 || r == 0x7f || r == 0xfffd }); i >= 0 {
			return Errorf(CodeInvalid, "event %q: %s has a control or broken character at byte %d: remove it", e.ID(), f.name, i)
		}
	}
	return nil
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (strings.HasSuffix(media, "/json") || strings.HasSuffix(media, "+json"))
}

func firstJSONError(b []byte) error {
	var v any
	return json.Unmarshal(b, &v)
}

// EncodeEvent writes an event in binary mode: the attributes as headers, the
// data as the message's body.
func EncodeEvent(e *Event) (Header, []byte, error) {
	ec, ok := e.Context.(*event.EventContextV1)
	if !ok {
		return nil, nil, Errorf(CodeInvalid, "event: specversion is %q: use \"1.0\"", e.SpecVersion())
	}
	// One backing array for the one-element values.
	values := make([]string, 0, 8+len(ec.Extensions))
	h := make(Header, 10+len(ec.Extensions))
	size := 0
	set := func(name, value string) {
		values = append(values, encodeValue(value))
		size += len(name) + len(values[len(values)-1])
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	set(attributeVersion, event.CloudEventsVersionV1)
	set(attributeID, ec.ID)
	set(attributeSource, ec.Source.String())
	set(attributeType, ec.Type)
	if ec.DataContentType != nil {
		set(attributeMediaType, *ec.DataContentType)
	} else if len(e.DataEncoded) > 0 {
		set(attributeMediaType, mediaJSON)
	}
	if ec.Time != nil {
		set(attributeTime, types.FormatTime(ec.Time.Time))
	}
	if ec.Subject != nil {
		set(attributePrefix+"subject", *ec.Subject)
	}
	if ec.DataSchema != nil {
		set(attributePrefix+"dataschema", ec.DataSchema.String())
	}
	for name, v := range ec.Extensions {
		text, err := types.Format(v)
		if err != nil {
			return nil, nil, Errorf(CodeInvalid, "event %q: extension %q: %w", ec.ID, name, err)
		}
		set(attributePrefix+name, text)
	}
	if size > MaxAttributesSize {
		return nil, nil, Errorf(CodeInvalid, "event %.100q: its attributes take %d bytes: use at most %d, and put the rest into the data", ec.ID, size, MaxAttributesSize)
	}
	return h, e.DataEncoded, nil
}

// DecodeEvent reads an event from a NATS message in structured or binary mode,
// and validates it. It takes what other clients write too: header names in any
// case, "content-type" for datacontenttype, and structured mode without a
// Content-Type.
func DecodeEvent(h Header, body []byte) (Event, error) {
	attributes, contentType := attributesOf(h)
	var (
		e   Event
		err error
	)
	switch {
	case hasPrefixFold(contentType, mediaBatch):
		return Event{}, Errorf(CodeInvalid, "message holds a batch (%s): publish one event per message", contentType)
	case hasPrefixFold(contentType, mediaStructured), attributes[attributeVersion] == "":
		e, err = decodeStructured(body)
	default:
		e, err = decodeBinary(attributes, contentType, body)
	}
	if err != nil {
		return Event{}, err
	}
	return e, ValidateEvent(&e)
}

// attributesOf picks the "ce-" headers, lower-cased and decoded, and the
// content type.
func attributesOf(h Header) (attributes map[string]string, contentType string) {
	attributes = make(map[string]string, len(h))
	for name, values := range h {
		if len(values) == 0 {
			continue
		}
		switch {
		case hasPrefixFold(name, attributePrefix):
			attributes[strings.ToLower(name)] = values[0]
		case strings.EqualFold(name, headerContentType):
			contentType = values[0]
		}
	}
	return attributes, contentType
}

func decodeStructured(body []byte) (Event, error) {
	e := event.New()
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, Errorf(CodeInvalid, "message is not a CloudEvent: no ce-specversion header, and its body is not a structured event: %w", err)
	}
	return e, nil
}

func decodeBinary(attributes map[string]string, contentType string, body []byte) (Event, error) {
	ec := &event.EventContextV1{}
	if contentType != "" {
		ec.DataContentType = &contentType
	}
	for name, raw := range attributes {
		value, err := decodeValue(raw)
		if err != nil {
			return Event{}, Errorf(CodeInvalid, "header %s: %w", name, err)
		}
		if err := setAttribute(ec, strings.TrimPrefix(name, attributePrefix), value); err != nil {
			return Event{}, Errorf(CodeInvalid, "header %s: %q: %w", name, value, err)
		}
	}
	return Event{Context: ec, DataEncoded: body}, nil
}

func setAttribute(ec *event.EventContextV1, name, value string) error {
	switch name {
	case "specversion":
		if value != event.CloudEventsVersionV1 {
			return fmt.Errorf("unknown version: use %q", event.CloudEventsVersionV1)
		}
	case "id":
		ec.ID = value
	case "type":
		ec.Type = value
	case "source":
		source := types.ParseURIRef(value)
		if source == nil {
			return fmt.Errorf("not a URI-reference")
		}
		ec.Source = *source
	case "time":
		t, err := types.ParseTime(value)
		if err != nil {
			return err
		}
		ec.Time = &types.Timestamp{Time: t}
	case "subject":
		ec.Subject = &value
	case "datacontenttype":
		ec.DataContentType = &value
	case "dataschema":
		if ec.DataSchema = types.ParseURI(value); ec.DataSchema == nil {
			return fmt.Errorf("not a URI")
		}
	default:
		return ec.SetExtension(name, value)
	}
	return nil
}

// EventTime is the event's time, or accepted if it has none.
func EventTime(e *Event, accepted time.Time) time.Time {
	if t := e.Time(); !t.IsZero() {
		return t
	}
	return accepted
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
