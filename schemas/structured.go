package schemas

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
)

// decodeStructured reads an event in CloudEvents' JSON format (1.0.2). The
// SDK's reader is not used: it refuses the data of types that end in +json,
// rounds numbers, and stops at a member with an empty name. contentType is
// empty if the message did not say what it is.
func decodeStructured(contentType string, body []byte) (Event, error) {
	if contentType != "" && !jsonFormat(contentType) {
		return Event{}, Errorf(CodeInvalid, "message's Content-Type is %q: use \"application/cloudevents+json\"", contentType)
	}
	var members map[string]json.RawMessage
	err := json.Unmarshal(body, &members)
	switch {
	case err == nil && (members["specversion"] == nil || string(members["specversion"]) == "null"):
		err = errors.New("it has no specversion")
	case err == nil && !utf8.Valid(body):
		err = errors.New("it is not valid UTF-8")
	}
	if err != nil && contentType == "" {
		return Event{}, Errorf(CodeInvalid, "message is not a CloudEvent: no ce-specversion header, and its body is not a structured event: %w", err)
	}
	if err != nil {
		return Event{}, Errorf(CodeInvalid, "message's body is not a structured event: %w", err)
	}
	e := Event{Context: &event.EventContextV1{}}
	if e.DataEncoded, err = memberData(members); err != nil {
		return Event{}, Errorf(CodeInvalid, "structured event: %w", err)
	}
	delete(members, "data")
	delete(members, "data_base64")
	for name, raw := range members {
		if err := setMember(e.Context.(*event.EventContextV1), name, raw); err != nil {
			return Event{}, Errorf(CodeInvalid, "structured event: %q: %w", name, err)
		}
	}
	return e, nil
}

func jsonFormat(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return media == mediaStructured || media == mediaStructured+"+json"
}

// memberData is the event's data: a JSON value, or the base64 of one.
func memberData(members map[string]json.RawMessage) ([]byte, error) {
	data, plain := members["data"]
	encoded, binary := members["data_base64"]
	switch {
	case plain && binary:
		return nil, errors.New("it has both data and data_base64: use one")
	case !binary:
		return data, nil
	}
	var text string
	if err := json.Unmarshal(encoded, &text); err != nil {
		return nil, errors.New("data_base64 is not a string")
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("data_base64: %w", err)
	}
	return data, nil
}

// setMember gives an attribute its JSON value. Null means that it is not set.
func setMember(ec *event.EventContextV1, name string, raw json.RawMessage) error {
	switch c := raw[0]; {
	case c == 'n':
		return nil
	case c == '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		return setAttribute(ec, name, text)
	case c == '{', c == '[':
		return errors.New("an object or a list: attributes are strings, numbers or booleans")
	case reserved(name):
		return fmt.Errorf("%s: write it as a string", raw)
	case c == 't', c == 'f':
		return setExtension(ec, name, c == 't')
	}
	n, err := strconv.ParseInt(string(raw), 10, 32)
	if err != nil {
		return fmt.Errorf("%s: use a whole number of 32 bits, or a string", raw)
	}
	return setExtension(ec, name, int32(n))
}
