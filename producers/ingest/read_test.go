package ingest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tidings-dev/tidings/producers/ingest"
	"github.com/tidings-dev/tidings/schemas"
)

const (
	structured = "application/cloudevents+json"
	batch      = "application/cloudevents-batch+json"
)

// request is one of those of a table: headers as "Name: value" lines.
func request(headers, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	for line := range strings.Lines(headers) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		r.Header.Add(name, value)
	}
	return r
}

// event is a structured event with some members.
func event(members string) string {
	return `{"specversion":"1.0","id":"e1","source":"/s","type":"order.created"` + members + `}`
}

const inHeaders = "ce-specversion: 1.0\nce-id: e1\nce-source: /s\nce-type: order.created\n"

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, headers, body string
		want                []string // in structured mode, as schemas writes it
	}{
		{"binary", inHeaders + "Content-Type: application/json", `{"n":1}`, []string{event(`,"datacontenttype":"application/json","data":{"n":1}`)}},
		{"binary with charset", inHeaders + "Content-Type: application/json; charset=UTF-8", `1`, []string{event(`,"datacontenttype":"application/json; charset=UTF-8","data":1`)}},
		{"binary with all attributes", inHeaders + "ce-time: 2026-01-02T15:04:05Z\nce-subject: u1\nce-dataschema: https://s.test/a\nce-region: eu\nContent-Type: application/vnd.a+json", `[]`, []string{event(`,"time":"2026-01-02T15:04:05Z","subject":"u1","dataschema":"https://s.test/a","region":"eu","datacontenttype":"application/vnd.a+json","data":[]`)}},
		{"binary without data", inHeaders, "", []string{event("")}},
		{"binary without Content-Type", inHeaders, `true`, []string{event(`,"data":true`)}},
		{"percent-encoded", inHeaders + "ce-subject: gr%c3%b6%C3%9Fe%20%22a%22%20100%25", "", []string{event(`,"subject":"größe \"a\" 100%"`)}},
		{"quoted", inHeaders + `ce-subject: "a \"b\""`, "", []string{event(`,"subject":"a \"b\""`)}},
		{"structured", "Content-Type: " + structured, event(`,"data":{"n":12345678901234567890}`), []string{event(`,"data":{"n":12345678901234567890}`)}},
		{"structured in capitals, with charset", `Content-Type: Application/CloudEvents+JSON; charset="utf-8"`, event(""), []string{event("")}},
		{"structured data_base64", "Content-Type: " + structured, event(`,"data_base64":"eyJhIjoxfQ=="`), []string{event(`,"data":{"a":1}`)}},
		{"structured: headers do not count", inHeaders + "ce-id: other\nce-subject: other\nContent-Type: " + structured, event(""), []string{event("")}},
		{"batch", "Content-Type: " + batch + "; charset=us-ascii", " [" + event(`,"data":1`) + ",\n" + event(`,"data":2`) + "] ", []string{event(`,"data":1`), event(`,"data":2`)}},
		{"empty batch", "Content-Type: " + batch, "[]", []string{}},
		{"as it is", inHeaders + "Content-Encoding: Identity", "", []string{event("")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ingest.Read(request(c.headers, c.body), ingest.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			want := []string{}
			for _, text := range c.want {
				want = append(want, seen(t, parse(t, text)))
			}
			saw := []string{}
			for _, e := range got {
				saw = append(saw, seen(t, e))
			}
			if !reflect.DeepEqual(saw, want) {
				t.Errorf("got  %q\nwant %q", saw, want)
			}
		})
	}
}

func parse(t *testing.T, text string) schemas.Event {
	t.Helper()
	e, err := schemas.DecodeEvent(schemas.Header{"Content-Type": {structured}}, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// seen is all that an event says.
func seen(t *testing.T, e schemas.Event) string {
	t.Helper()
	header, data, err := schemas.EncodeEvent(&e)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(header, e.DataContentType(), string(data))
}

func TestReadRefuses(t *testing.T) {
	limits := ingest.Limits{Event: 16, Body: 300, Batch: 2}
	long := strings.Repeat("x", 15)
	for _, c := range []struct {
		name, headers, body string
		code                schemas.Code
		want                string
	}{
		{"nothing", "", "", schemas.CodeInvalid, "the request holds no CloudEvent: send the headers ce-specversion"},
		{"plain JSON", "Content-Type: application/json", event(""), schemas.CodeInvalid, "the request holds no CloudEvent"},
		{"a form", "Content-Type: application/x-www-form-urlencoded", "a=1", schemas.CodeInvalid, "the request holds no CloudEvent"},
		{"another format", "Content-Type: application/cloudevents+avro", "x", schemas.CodeInvalid, `Content-Type "application/cloudevents+avro" is not read: use "application/cloudevents+json"`},
		{"another format of batches", "Content-Type: application/cloudevents-batch+avro", "x", schemas.CodeInvalid, "is not read"},
		{"no format", "Content-Type: application/cloudevents", event(""), schemas.CodeInvalid, "is not read"},
		{"no media type", inHeaders + "Content-Type: application/", "1", schemas.CodeInvalid, `Content-Type "application/" does not parse`},
		{"Content-Type twice", inHeaders + "Content-Type: application/json\nContent-Type: " + structured, event(""), schemas.CodeInvalid, "header Content-Type is there twice"},
		{"version twice", inHeaders + "ce-specversion: 1.0", "", schemas.CodeInvalid, "header Ce-Specversion is there twice"},
		{"attribute twice", inHeaders + "ce-id: e2", "", schemas.CodeInvalid, "twice"},
		{"charset", "Content-Type: " + structured + "; charset=utf-16", event(""), schemas.CodeInvalid, `the charset "utf-16": JSON is UTF-8`},
		{"compressed", inHeaders + "Content-Encoding: gzip", "\x1f\x8b", schemas.CodeInvalid, `Content-Encoding "gzip" is not read: send the body as it is`},
		{"ce-datacontenttype", inHeaders + "ce-datacontenttype: application/json", "1", schemas.CodeInvalid, "header ce-datacontenttype: over HTTP it is Content-Type"},
		{"old version", "ce-specversion: 0.3\nce-id: e1\nce-source: /s\nce-type: a", "", schemas.CodeInvalid, `"0.3": unknown version: use "1.0"`},
		{"no id", "ce-specversion: 1.0\nce-source: /s\nce-type: a", "", schemas.CodeInvalid, "id is empty"},
		{"broken UTF-8", inHeaders + "ce-subject: %ff", "", schemas.CodeInvalid, "not valid UTF-8"},
		{"extension's name", inHeaders + "ce-a_b: 1", "", schemas.CodeInvalid, "no name for an extension"},
		{"no JSON", inHeaders + "Content-Type: application/json", "{", schemas.CodeInvalid, "data is not valid JSON"},
		{"data that is no JSON", inHeaders + "Content-Type: text/plain", "hello", schemas.CodeInvalid, `datacontenttype "text/plain": use "application/json"`},
		{"data too large", inHeaders, `"` + long + `"`, schemas.CodeTooLarge, `event "e1": its data has 17 bytes: use at most 16`},
		{"structured data too large", "Content-Type: " + structured, event(`,"data":"` + long + `"`), schemas.CodeTooLarge, "its data has 17 bytes"},
		{"body too large", inHeaders, strings.Repeat("1", 301), schemas.CodeTooLarge, "the body has more than 300 bytes: send less at once"},
		{"structured without body", "Content-Type: " + structured, "", schemas.CodeInvalid, "the request has no body"},
		{"batch without body", "Content-Type: " + batch, "", schemas.CodeInvalid, "the request has no body"},
		{"structured null", "Content-Type: " + structured, "null", schemas.CodeInvalid, "no specversion"},
		{"structured batch", "Content-Type: " + structured, "[" + event("") + "]", schemas.CodeInvalid, "not a structured event"},
		{"two structured", "Content-Type: " + structured, event("") + event(""), schemas.CodeInvalid, "not a structured event"},
		{"event as batch", "Content-Type: " + batch, event(""), schemas.CodeInvalid, "the body is no batch"},
		{"batch that is no JSON", "Content-Type: " + batch, "x", schemas.CodeInvalid, "the body is no batch"},
		{"null batch", "Content-Type: " + batch, "null", schemas.CodeInvalid, "the body is no batch"},
		{"batch cut off", "Content-Type: " + batch, "[" + event(""), schemas.CodeInvalid, "the batch is not valid JSON: unexpected EOF"},
		{"batch cut off in an event", "Content-Type: " + batch, `[{"id":`, schemas.CodeInvalid, "events[0]: not valid JSON: unexpected EOF"},
		{"batch cut off after a comma", "Content-Type: " + batch, "[" + event("") + ",", schemas.CodeInvalid, "unexpected EOF"},
		{"batch with no comma", "Content-Type: " + batch, "[" + event("") + event("") + "]", schemas.CodeInvalid, "events[1]: not valid JSON"},
		{"batch with a comma more", "Content-Type: " + batch, "[" + event("") + ",]", schemas.CodeInvalid, "events[1]: not valid JSON"},
		{"batch with an end more", "Content-Type: " + batch, "[]]", schemas.CodeInvalid, "the batch has something after its last bracket"},
		{"two batches", "Content-Type: " + batch, "[] []", schemas.CodeInvalid, "the batch has something after its last bracket"},
		{"batch of numbers", "Content-Type: " + batch, "[1]", schemas.CodeInvalid, "events[0]: not an object"},
		{"batch of null", "Content-Type: " + batch, "[null]", schemas.CodeInvalid, "events[0]: not an object"},
		{"batch of three", "Content-Type: " + batch, "[" + event("") + "," + event("") + "," + event("") + "]", schemas.CodeTooLarge, "the batch has more than 2 events: send fewer at once"},
		{"batch with one that is wrong", "Content-Type: " + batch, "[" + event("") + "," + event(`,"time":"noon"`) + "]", schemas.CodeInvalid, `events[1]: structured event: "time": not a time of RFC 3339`},
		{"batch with one too large", "Content-Type: " + batch, "[" + event("") + "," + event(`,"data":"`+long+`"`) + "]", schemas.CodeTooLarge, `events[1]: event "e1": its data has 17 bytes`},
	} {
		t.Run(c.name, func(t *testing.T) {
			events, err := ingest.Read(request(c.headers, c.body), limits)
			refused(t, events, err, c.code, c.want)
		})
	}
}

func refused(t *testing.T, events []schemas.Event, err error, code schemas.Code, want string) {
	t.Helper()
	if !schemas.HasCode(err, code) || !strings.Contains(err.Error(), want) || events != nil {
		t.Errorf("got %d events, %#v\nwant %s: %s", len(events), err, code, want)
	}
}

// TestReadBounds looks at both sides of each default.
func TestReadBounds(t *testing.T) {
	text := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	many := func(n int) string { return "[" + strings.Repeat(event("")+",", n-1) + event("") + "]" }
	large := event(`,"data_base64":"IiI="`) // 2 bytes, and spaces around it
	for _, c := range []struct {
		name, headers, body, want string
	}{
		{"largest data", inHeaders, text(schemas.MaxEventSize), ""},
		{"data", inHeaders, text(schemas.MaxEventSize + 1), "its data has 1048577 bytes"},
		{"largest batch", "Content-Type: " + batch, many(1000), ""},
		{"batch", "Content-Type: " + batch, many(1001), "more than 1000 events"},
		{"largest body", "Content-Type: " + structured, large + strings.Repeat(" ", 8<<20-len(large)), ""},
		{"body", "Content-Type: " + structured, large + strings.Repeat(" ", 8<<20-len(large)+1), "more than 8388608 bytes"},
		{"attributes", inHeaders + "ce-subject: " + strings.Repeat("x", schemas.MaxAttributesSize), "", "its attributes take"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ingest.Read(request(c.headers, c.body), ingest.Limits{})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestReadBody is about bodies that come otherwise than they were announced.
func TestReadBody(t *testing.T) {
	limits := ingest.Limits{Body: 10}
	read := func(length int64, body io.ReadCloser) ([]schemas.Event, error) {
		r := request(inHeaders, "")
		r.ContentLength, r.Body = length, body
		return ingest.Read(r, limits)
	}
	if events, err := read(0, nil); err != nil || len(events) != 1 {
		t.Errorf("no body: %d events, %v", len(events), err)
	}
	untouched := io.NopCloser(iotest.ErrReader(errors.New("it was read")))
	events, err := read(11, untouched)
	refused(t, events, err, schemas.CodeTooLarge, "more than 10 bytes")
	events, err = read(-1, io.NopCloser(strings.NewReader(strings.Repeat("1", 11))))
	refused(t, events, err, schemas.CodeTooLarge, "more than 10 bytes")
	events, err = read(-1, http.MaxBytesReader(nil, io.NopCloser(strings.NewReader("12345678")), 5))
	refused(t, events, err, schemas.CodeTooLarge, "more than 5 bytes")
	events, err = read(5, io.NopCloser(io.MultiReader(strings.NewReader("12"), iotest.ErrReader(io.ErrUnexpectedEOF))))
	refused(t, events, err, schemas.CodeInvalid, "the body ended too early: unexpected EOF")
}
