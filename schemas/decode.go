package schemas

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// DecodeEvent reads an event from a NATS message in structured or binary mode,
// and validates it. It takes what other clients write too: header names in any
// case, "content-type" for datacontenttype, and structured mode without a
// Content-Type. The event shares its data with body.
func DecodeEvent(h Header, body []byte) (Event, error) {
	e, err := decodeEvent(h, body)
	if err == nil {
		err = ValidateEvent(&e)
	}
	if err != nil {
		return Event{}, err
	}
	return e, nil
}

// EventData is the data of an event that [DecodeEvent] has validated before, as
// it is in the event that DecodeEvent returns.
func EventData(h Header, body []byte) ([]byte, error) {
	e, err := decodeEvent(h, body)
	return e.DataEncoded, err
}

func decodeEvent(h Header, body []byte) (Event, error) {
	switch contentType, binary := modeOf(h); {
	case hasPrefixFold(contentType, mediaBatch):
		return Event{}, Errorf(CodeInvalid, "message holds a batch (%s): publish one event per message", contentType)
	case hasPrefixFold(contentType, mediaStructured):
		return decodeStructured(contentType, body)
	case binary:
		return decodeBinary(h, contentType, body)
	default:
		return decodeStructured("", body)
	}
}

// modeOf is the content type, and whether there is a ce-specversion.
func modeOf(h Header) (contentType string, binary bool) {
	for name, values := range h {
		switch {
		case len(values) == 0:
		case strings.EqualFold(name, headerContentType):
			contentType = values[0]
		case strings.EqualFold(name, attributeVersion):
			binary = true
		}
	}
	return contentType, binary
}

func decodeBinary(h Header, contentType string, body []byte) (Event, error) {
	ec := &event.EventContextV1{}
	for name, values := range h {
		if len(values) == 0 || !hasPrefixFold(name, attributePrefix) {
			continue
		}
		value, err := decodeValue(values[0])
		if err != nil {
			return Event{}, Errorf(CodeInvalid, "header %s: %w", name, err)
		}
		if len(values) > 1 {
			err = errTwice
		} else {
			err = setAttribute(ec, strings.ToLower(name[len(attributePrefix):]), value)
		}
		if err != nil {
			return Event{}, Errorf(CodeInvalid, "header %s: %q: %w", name, value, err)
		}
	}
	if ec.DataContentType == nil && contentType != "" {
		ec.DataContentType = &contentType
	}
	if len(body) == 0 {
		body = nil
	}
	return Event{Context: ec, DataEncoded: body}, nil
}

// errTwice refuses what readers could understand in two ways.
var errTwice = errors.New("the attribute is there twice: give it once")

// setAttribute gives an attribute its value, once.
func setAttribute(ec *event.EventContextV1, name, value string) error {
	twice := false
	switch name {
	case "specversion":
		if value != event.CloudEventsVersionV1 {
			return fmt.Errorf("unknown version: use %q", event.CloudEventsVersionV1)
		}
	case "id":
		twice, ec.ID = ec.ID != "", value
	case "type":
		twice, ec.Type = ec.Type != "", value
	case "source":
		source := types.ParseURIRef(value)
		if source == nil {
			return errors.New("not a URI-reference")
		}
		twice, ec.Source = ec.Source != types.URIRef{}, *source
	case "time":
		t, err := types.ParseTime(value)
		if err != nil {
			return errors.New("not a time of RFC 3339: write it like \"2026-01-02T15:04:05Z\"")
		}
		twice, ec.Time = ec.Time != nil, &types.Timestamp{Time: t}
	case "subject":
		twice, ec.Subject = ec.Subject != nil, &value
	case "datacontenttype":
		twice, ec.DataContentType = ec.DataContentType != nil, &value
	case "dataschema":
		schema := types.ParseURI(value)
		if schema == nil {
			return errors.New("not a URI")
		}
		twice, ec.DataSchema = ec.DataSchema != nil, schema
	default:
		return setExtension(ec, name, value)
	}
	if twice {
		return errTwice
	}
	return nil
}

func setExtension(ec *event.EventContextV1, name string, value any) error {
	if !validExtension(name) {
		return errors.New("no name for an extension: use a-z and 0-9, and not \"data\"")
	}
	if _, twice := ec.Extensions[name]; twice {
		return errTwice
	}
	if ec.Extensions == nil {
		ec.Extensions = make(map[string]any)
	}
	ec.Extensions[name] = value
	return nil
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
