package schemas

import (
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

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
	attributeTrace     = attributePrefix + "traceparent"
	attributeSubject   = attributePrefix + "subject"
	attributeSchema    = attributePrefix + "dataschema"
	attributeMediaType = attributePrefix + "datacontenttype"
)

// What NATS puts around a header and a value of it, in bytes.
const (
	headerFrame = len("NATS/1.0\r\n\r\n")
	valueFrame  = len(": \r\n")
)

// EncodeEvent writes an event in binary mode: the attributes as headers, the
// data as the message's body.
func EncodeEvent(e *Event) (Header, []byte, error) {
	ec, ok := e.Context.(*event.EventContextV1)
	if !ok {
		return nil, nil, Errorf(CodeInvalid, "event: specversion is %q: use \"1.0\"", e.SpecVersion())
	}
	// One backing array for the one-element values.
	values := make([]string, 0, 8+len(ec.Extensions))
	h := make(Header, 8+len(ec.Extensions))
	size := headerFrame + len("Nats-Msg-Id") + maxMessageID + valueFrame
	set := func(name, value string) {
		values = append(values, encodeValue(value))
		size += len(name) + len(values[len(values)-1]) + valueFrame
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
		set(attributeSubject, *ec.Subject)
	}
	if ec.DataSchema != nil {
		set(attributeSchema, ec.DataSchema.String())
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
