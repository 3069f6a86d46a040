package schemas_test

import (
	"encoding/json"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/tidings-dev/tidings/schemas"
)

// structured is an event in the JSON format with more members.
func structured(more string) string {
	return `{"specversion":"1.0","id":"1","source":"/users","type":"user.created"` + more + `}`
}

func TestDecodeStructured(t *testing.T) {
	text := func(s string) *string { return &s }
	for name, tt := range map[string]struct {
		more string
		want func(*event.EventContextV1)
		data string
	}{
		"nothing more": {"", func(*event.EventContextV1) {}, ""},
		"all attributes": {
			`,"subject":"größe \"a\"","time":"2026-01-02T03:04:05.5Z","dataschema":"urn:x","datacontenttype":"application/json","data":{"a": 1}`,
			func(ec *event.EventContextV1) {
				ec.Subject, ec.DataSchema, ec.DataContentType = text(`größe "a"`), types.ParseURI("urn:x"), text("application/json")
				ec.Time, _ = types.ParseTimestamp("2026-01-02T03:04:05.5Z")
			},
			`{"a": 1}`,
		},
		"extensions of each type": {
			`,"s":"x","b":true,"n":-7,"big":2147483647,"empty":""`,
			func(ec *event.EventContextV1) {
				ec.Extensions = map[string]any{"s": "x", "b": true, "n": int32(-7), "big": int32(2147483647), "empty": ""}
			},
			"",
		},
		"null is not set":     {`,"subject":null,"x":null,"time":null`, func(*event.EventContextV1) {}, ""},
		"data is null":        {`,"data":null`, func(*event.EventContextV1) {}, "null"},
		"data is a string":    {`,"data":"text"`, func(*event.EventContextV1) {}, `"text"`},
		"data_base64":         {`,"data_base64":"eyJhIjogMX0="`, func(*event.EventContextV1) {}, `{"a": 1}`},
		"data_base64 escaped": {`,"data_base64":"eyJhIjogM\u0058\u0030="`, func(*event.EventContextV1) {}, `{"a": 1}`},
		"data_base64 empty":   {`,"data_base64":""`, func(*event.EventContextV1) {}, ""},
		"+json": {
			`,"datacontenttype":"application/vnd.api+json","data":{"a":1}`,
			func(ec *event.EventContextV1) { ec.DataContentType = text("application/vnd.api+json") }, `{"a":1}`,
		},
		"data before its type": {
			`,"data":[1],"datacontenttype":"text/json"`,
			func(ec *event.EventContextV1) { ec.DataContentType = text("text/json") }, `[1]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := newEvent(t, tt.want)
			want.DataEncoded = []byte(tt.data)
			for _, h := range []schemas.Header{
				nil,
				{"Content-Type": {"application/cloudevents+json"}},
				{"content-type": {"Application/CloudEvents+JSON; charset=UTF-8"}},
				{"Content-Type": {"application/cloudevents"}},
				minimal(schemas.Header{"Content-Type": {"application/cloudevents+json"}, "ce-id": {"other"}}),
			} {
				got, err := schemas.DecodeEvent(h, []byte(structured(tt.more)))
				if err != nil {
					t.Fatalf("%v: %v", h, err)
				}
				checkEqual(t, got, want)
			}
		})
	}
}

func TestDecodeStructuredRefuses(t *testing.T) {
	asJSON := schemas.Header{"Content-Type": {"application/cloudevents+json"}}
	const not = "message's body is not a structured event: "
	for _, tt := range []struct {
		h          schemas.Header
		body, want string
	}{
		{schemas.Header{"Content-Type": {"application/cloudevents+xml"}}, "<event/>", `message's Content-Type is "application/cloudevents+xml": use "application/cloudevents+json"`},
		{asJSON, "", not + "unexpected end of JSON input"},
		{asJSON, structured("") + "x", not + "invalid character 'x' after top-level value"},
		{asJSON, "{}", not + "it has no specversion"},
		{asJSON, `{"specversion":null}`, not + "it has no specversion"},
		{asJSON, "{\"specversion\":\"1.0\",\"id\":\"\xff\"}", not + "it is not valid UTF-8"},
		{asJSON, `{"specversion":"0.3"}`, `structured event: "specversion": unknown version: use "1.0"`},
		{asJSON, `{"specversion":1.0}`, `structured event: "specversion": 1.0: write it as a string`},
		{asJSON, `{"specversion":"1.0","id":7}`, `structured event: "id": 7: write it as a string`},
		{asJSON, `{"specversion":"1.0"}`, `event "": id is empty: give it a value`},
		{asJSON, structured(`,"":1`), `structured event: "": no name for an extension: use a-z and 0-9, and not "data"`},
		{asJSON, structured(`,"Foo":"x"`), `structured event: "Foo": no name for an extension: use a-z and 0-9, and not "data"`},
		{asJSON, structured(`,"ID":"2"`), `structured event: "ID": no name for an extension: use a-z and 0-9, and not "data"`},
		{asJSON, structured(`,"x":{}`), `structured event: "x": an object or a list: attributes are strings, numbers or booleans`},
		{asJSON, structured(`,"x":[1]`), `structured event: "x": an object or a list: attributes are strings, numbers or booleans`},
		{asJSON, structured(`,"x":1.5`), `structured event: "x": 1.5: use a whole number of 32 bits, or a string`},
		{asJSON, structured(`,"x":2147483648`), `structured event: "x": 2147483648: use a whole number of 32 bits, or a string`},
		{asJSON, structured(`,"subject":true`), `structured event: "subject": true: write it as a string`},
		{asJSON, structured(`,"subject":""`), `event "1": subject is empty: give it a value or leave it out`},
		{asJSON, structured(`,"time":"now"`), `structured event: "time": not a time of RFC 3339: write it like "2026-01-02T15:04:05Z"`},
		{asJSON, structured(`,"data":1,"data_base64":"MQ=="`), "structured event: it has both data and data_base64: use one"},
		{asJSON, structured(`,"data_base64":1`), "structured event: data_base64 is not a string"},
		{asJSON, structured(`,"data_base64":"?"`), "structured event: data_base64: illegal base64 data at input byte 0"},
		{asJSON, structured(`,"data_base64":"AAE="`), `event "1": data is not valid JSON: invalid character '\x00' looking for beginning of value`},
		{asJSON, structured(`,"datacontenttype":"text/plain","data":"x"`), `event "1": datacontenttype "text/plain": use "application/json" (or a type that ends in +json)`},
	} {
		_, err := schemas.DecodeEvent(tt.h, []byte(tt.body))
		wantError(t, err, tt.want)
	}
}

// What the CloudEvents SDK writes in structured mode reads back.
func TestDecodeStructuredOfTheSDK(t *testing.T) {
	want := newEvent(t, func(ec *event.EventContextV1) {
		ec.Extensions = map[string]any{"s": "ü", "b": true, "n": int32(7), "bytes": []byte{1}, "u": *types.ParseURI("urn:x")}
	})
	for _, data := range []any{map[string]int{"a": 1}, []byte(`{"a":1}`)} { // the second as data_base64
		if err := want.SetData("application/json", data); err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := schemas.DecodeEvent(nil, body)
		if err != nil {
			t.Fatal(err)
		}
		checkEqual(t, got, want)
	}
}
