package schemas_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/tidings-dev/tidings/schemas"
)

// minimal is the least a binary-mode header holds.
func minimal(more schemas.Header) schemas.Header {
	h := schemas.Header{"ce-specversion": {"1.0"}, "ce-id": {"1"}, "ce-source": {"/users"}, "ce-type": {"user.created"}}
	maps.Copy(h, more)
	return h
}

func TestDecodeBinaryOfOtherClients(t *testing.T) {
	text := func(s string) *string { return &s }
	contentType := func(s string) func(*event.EventContextV1) {
		return func(ec *event.EventContextV1) { ec.DataContentType = text(s) }
	}
	subject := func(s string) func(*event.EventContextV1) {
		return func(ec *event.EventContextV1) { ec.Subject = text(s) }
	}
	for name, tt := range map[string]struct {
		more schemas.Header
		want func(*event.EventContextV1)
	}{
		"nothing more":               {nil, func(*event.EventContextV1) {}},
		"content-type of the Go SDK": {schemas.Header{"content-type": {"text/json"}}, contentType("text/json")},
		"Content-Type":               {schemas.Header{"Content-Type": {"text/json"}}, contentType("text/json")},
		"CONTENT-TYPE":               {schemas.Header{"CONTENT-TYPE": {"text/json"}}, contentType("text/json")},
		"ce-datacontenttype is first": {
			schemas.Header{"Content-Type": {"text/plain"}, "ce-datacontenttype": {"text/json"}}, contentType("text/json"),
		},
		"names in capitals":     {schemas.Header{"CE-SUBJECT": {"x"}}, subject("x")},
		"lower-case hex":        {schemas.Header{"ce-subject": {"gr%c3%b6%c3%9fe"}}, subject("größe")},
		"not encoded":           {schemas.Header{"ce-subject": {"größe a"}}, subject("größe a")},
		"a lone percent":        {schemas.Header{"ce-subject": {"100% of %4"}}, subject("100% of %4")},
		"quoted":                {schemas.Header{"ce-subject": {`"a \"b\" \\ c%20d"`}}, subject(`a "b" \ c d`)},
		"headers of JetStream":  {schemas.Header{"Nats-Msg-Id": {"x"}, "Traceparent": {"y"}}, func(*event.EventContextV1) {}},
		"an empty list":         {schemas.Header{"ce-subject": {}}, func(*event.EventContextV1) {}},
		"time with an offset":   {schemas.Header{"ce-time": {"2026-01-02T03:04:05+01:00"}}, func(ec *event.EventContextV1) { ec.Time, _ = types.ParseTimestamp("2026-01-02T02:04:05Z") }},
		"extension in capitals": {schemas.Header{"ce-TraceParent": {"x"}}, func(ec *event.EventContextV1) { ec.Extensions = map[string]any{"traceparent": "x"} }},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := schemas.DecodeEvent(minimal(tt.more), []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			want := newEvent(t, tt.want)
			want.DataEncoded = []byte("{}")
			checkEqual(t, got, want)
		})
	}
}

func TestDecodeWithoutData(t *testing.T) {
	for _, body := range [][]byte{nil, {}} {
		e, err := schemas.DecodeEvent(minimal(nil), body)
		if err != nil || e.DataEncoded != nil || e.DataContentType() != "" {
			t.Errorf("got %v, %v", e, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	type header = schemas.Header
	without := func(name string) header {
		h := minimal(nil)
		delete(h, name)
		return h
	}
	const notEvent = "message is not a CloudEvent: no ce-specversion header, and its body is not a structured event: "
	for _, tt := range []struct {
		h    header
		body string
		want string
	}{
		{header{"Content-Type": {"application/cloudevents-batch+json"}}, "[]", "message holds a batch (application/cloudevents-batch+json): publish one event per message"},
		{minimal(header{"content-type": {"Application/CloudEvents-Batch+JSON; charset=utf-8"}}), "[]", "message holds a batch (Application/CloudEvents-Batch+JSON; charset=utf-8): publish one event per message"},
		{nil, "", notEvent + "unexpected end of JSON input"},
		{nil, "{}", notEvent + "it has no specversion"},
		{nil, "null", notEvent + "it has no specversion"},
		{nil, "[]", notEvent + "json: cannot unmarshal array into Go value of type map[string]json.RawMessage"},
		{header{"Content-Type": {"application/json"}}, `{"hello":1}`, "message is not a CloudEvent: no ce-specversion header, and its body is not a structured event: it has no specversion"},
		{without("ce-specversion"), "{}", notEvent + "it has no specversion"},
		{without("ce-id"), "{}", `event "": id is empty: give it a value`},
		{without("ce-source"), "{}", `event "1": source is empty: give it a value`},
		{without("ce-type"), "{}", `event "1": type is empty: give it a value`},
		{minimal(header{"ce-specversion": {"0.3"}}), "{}", `header ce-specversion: "0.3": unknown version: use "1.0"`},
		{minimal(header{"ce-specversion": {""}}), "{}", `header ce-specversion: "": unknown version: use "1.0"`},
		{minimal(header{"ce-source": {"%25zz%"}}), "{}", `header ce-source: "%zz%": not a URI-reference`},
		{minimal(header{"ce-dataschema": {":"}}), "{}", `header ce-dataschema: ":": not a URI`},
		{minimal(header{"ce-time": {"yesterday"}}), "{}", `header ce-time: "yesterday": not a time of RFC 3339: write it like "2026-01-02T15:04:05Z"`},
		{minimal(header{"ce-subject": {"%ff"}}), "{}", `header ce-subject: not valid UTF-8: percent-encode the UTF-8 bytes`},
		{minimal(header{"ce-subject": {"%0d%0aNats-Rollup:all"}}), "{}", `event "1": subject has a control or broken character at byte 0: remove it`},
		{minimal(header{"ce-x": {"%0A"}}), "{}", `event "1": x has a control or broken character at byte 0: remove it`},
		{minimal(header{"ce-data": {"x"}}), "{}", `header ce-data: "x": no name for an extension: use a-z and 0-9, and not "data"`},
		{minimal(header{"ce-a_b": {"x"}}), "{}", `header ce-a_b: "x": no name for an extension: use a-z and 0-9, and not "data"`},
		{minimal(header{"ce-": {"x"}}), "{}", `header ce-: "x": no name for an extension: use a-z and 0-9, and not "data"`},
		{minimal(header{"ce-x": {"a", "b"}}), "{}", `header ce-x: "a": the attribute is there twice: give it once`},
		{minimal(header{"content-type": {"text/plain"}}), "hello", `event "1": datacontenttype "text/plain": use "application/json" (or a type that ends in +json)`},
		{minimal(nil), "hello", `event "1": data is not valid JSON: invalid character 'h' looking for beginning of value`},
	} {
		e, err := schemas.DecodeEvent(tt.h, []byte(tt.body))
		wantError(t, err, tt.want)
		if e.Context != nil {
			t.Errorf("an error came with an event: %v", e)
		}
	}
}

// Which of two values counts must not depend on who reads them.
func TestDecodeRefusesTheSameAttributeInTwoCases(t *testing.T) {
	for name, value := range map[string]string{
		"id": "1", "source": "/users", "type": "t", "subject": "s", "time": "2026-01-02T03:04:05Z",
		"datacontenttype": "text/json", "dataschema": "urn:x", "x": "y",
	} {
		h := minimal(schemas.Header{"ce-" + name: {value}, "CE-" + strings.ToUpper(name): {value}})
		_, err := schemas.DecodeEvent(h, nil)
		if err == nil || !strings.HasSuffix(err.Error(), ": the attribute is there twice: give it once") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
