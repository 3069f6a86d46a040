package schemas_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/tidings-dev/tidings/schemas"
)

func TestValidateEvent(t *testing.T) {
	type context = event.EventContextV1
	text := func(s string) *string { return &s }
	extension := func(name string, v any) func(*context) {
		return func(ec *context) { ec.Extensions = map[string]any{name: v} }
	}
	year := func(y int, zone *time.Location) func(*context) {
		return func(ec *context) {
			ec.Time = &types.Timestamp{Time: time.Date(y, 12, 31, 23, 59, 59, 0, zone)}
		}
	}
	const control = " has a control or broken character at byte "
	for _, tt := range []struct {
		change func(*context)
		want   string
	}{
		{func(*context) {}, ""},
		{func(ec *context) { ec.ID = "" }, `event "": id is empty: give it a value`},
		{func(ec *context) { ec.ID = " " }, `event " ": id is empty: give it a value`},
		{func(ec *context) { ec.Source = types.URIRef{} }, `event "1": source is empty: give it a value`},
		{func(ec *context) { ec.Type = "" }, `event "1": type is empty: give it a value`},
		{func(ec *context) { ec.Subject = text("") }, `event "1": subject is empty: give it a value or leave it out`},
		{func(ec *context) { ec.DataContentType = text("") }, `event "1": datacontenttype is empty: give it a value or leave it out`},

		{func(ec *context) { ec.ID = "a\nb" }, `event "a\nb": id` + control + "1: remove it"},
		{func(ec *context) { ec.ID = "a\xff" }, `event "a\xff": id` + control + "1: remove it"},
		{func(ec *context) { ec.Type = "ü\x7f" }, `event "1": type` + control + "2: remove it"},
		{func(ec *context) { ec.Type = "t\u0085" }, `event "1": type` + control + "1: remove it"},
		{func(ec *context) { ec.Type = "\ufffe" }, `event "1": type` + control + "0: remove it"},
		{func(ec *context) { ec.Type = "\U0010ffff" }, `event "1": type` + control + "0: remove it"},
		{func(ec *context) { ec.Type = "\ufdd0" }, `event "1": type` + control + "0: remove it"},
		{func(ec *context) { ec.Type = "\ufffd\u00a0\u2028é" }, ""},
		{func(ec *context) { ec.Subject = text("\x00") }, `event "1": subject` + control + "0: remove it"},
		{func(ec *context) { ec.Source = types.URIRef{URL: url.URL{Opaque: "a\nb"}} }, `event "1": source` + control + "1: remove it"},
		{func(ec *context) { ec.DataSchema = &types.URI{URL: url.URL{Scheme: "a", Opaque: "\n"}} }, `event "1": dataschema` + control + "2: remove it"},
		{extension("x", "a\rb"), `event "1": x` + control + "1: remove it"},

		{func(ec *context) { ec.Type = strings.Repeat("t", schemas.MaxTypeSize) }, ""},
		{func(ec *context) { ec.Type = strings.Repeat("ü", 171) }, `event "1": type takes 1026 bytes in a subject: use at most 1024`},

		{year(9999, time.UTC), ""},
		{year(9999, time.FixedZone("", -3600)), `event "1": time is in the year 10000 of UTC: use 0 to 9999`},
		{year(-1, time.UTC), `event "1": time is in the year -1 of UTC: use 0 to 9999`},

		{func(ec *context) { ec.DataContentType = text("application/json") }, ""},
		{func(ec *context) { ec.DataContentType = text("Application/JSON; charset=utf-8") }, ""},
		{func(ec *context) { ec.DataContentType = text("text/json") }, ""},
		{func(ec *context) { ec.DataContentType = text("application/vnd.api+json") }, ""},
		{func(ec *context) { ec.DataContentType = text("text/plain") }, `event "1": datacontenttype "text/plain": use "application/json" (or a type that ends in +json)`},
		{func(ec *context) { ec.DataContentType = text("json") }, `event "1": datacontenttype "json": use "application/json" (or a type that ends in +json)`},
		{func(ec *context) { ec.DataContentType = text("application/json;;") }, `event "1": datacontenttype "application/json;;": use "application/json" (or a type that ends in +json)`},

		{func(ec *context) { ec.DataSchema = types.ParseURI("urn:x") }, ""},
		{func(ec *context) { ec.DataSchema = types.ParseURI("/x") }, `event "1": dataschema "/x" is not an absolute URI: write it like "https://example.com/schema.json"`},

		{extension("traceparent", "x"), ""},
		{extension("n0", 7), ""},
		{extension("Trace", "x"), `event "1": extension "Trace": use a name of a-z and 0-9 that CloudEvents does not define itself`},
		{extension("a-b", "x"), `event "1": extension "a-b": use a name of a-z and 0-9 that CloudEvents does not define itself`},
		{extension("", "x"), `event "1": extension "": use a name of a-z and 0-9 that CloudEvents does not define itself`},
		{extension("id", "x"), `event "1": extension "id": use a name of a-z and 0-9 that CloudEvents does not define itself`},
		{extension("data", "x"), `event "1": extension "data": use a name of a-z and 0-9 that CloudEvents does not define itself`},
		{extension("x", []int{}), `event "1": extension "x": invalid CloudEvents value: []int{}`},
	} {
		e := newEvent(t, tt.change)
		wantError(t, schemas.ValidateEvent(&e), tt.want)
	}
}

func TestValidateEventVersionAndSetters(t *testing.T) {
	wantError(t, schemas.ValidateEvent(&schemas.Event{}), `event: specversion is "": use "1.0"`)
	old := event.New("0.3")
	wantError(t, schemas.ValidateEvent(&old), `event: specversion is "0.3": use "1.0"`)

	e := newEvent(t)
	e.SetSource("%zz")
	e.SetType(" ")
	e.SetID(" ")
	wantError(t, schemas.ValidateEvent(&e), `event "1": id: id is required to be a non-empty string`)
}

func TestValidateEventData(t *testing.T) {
	for data, want := range map[string]string{
		"":              "",
		`{"a":1}`:       "",
		" [1, 2]\n":     "",
		`"text"`:        "",
		"null":          "",
		"0":             "",
		"{":             `event "1": data is not valid JSON: unexpected end of JSON input`,
		"{'a':1}":       `event "1": data is not valid JSON: invalid character '\'' looking for beginning of object key string`,
		"{} {}":         `event "1": data is not valid JSON: invalid character '{' after top-level value`,
		"\xef\xbb\xbf1": `event "1": data is not valid JSON: invalid character 'ï' looking for beginning of value`,
		"plain text":    `event "1": data is not valid JSON: invalid character 'p' looking for beginning of value`,
	} {
		e := newEvent(t)
		e.DataEncoded = []byte(data)
		wantError(t, schemas.ValidateEvent(&e), want)
	}
}
