package dialect_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/dispatcher/nodetest"
	"github.com/tidings-dev/tidings/schemas"
)

// ceSeen is an event as a receiver's SDK sees it.
type ceSeen struct {
	Attributes map[string]string `json:"attributes"`
	Data       json.RawMessage   `json:"data,omitempty"` // nil: none
}

// cePublished are events with all that attributes can hold and every kind of
// data, and what a receiver of the specification sees of them.
func cePublished(t *testing.T) map[string]*event.Event {
	timed := func(e *event.Event) { e.SetTime(accepted) }
	return map[string]*event.Event{
		"everything": ceEvent(t, `{"n":1.5,"text":"größe \"a\" 100% 😀","list":[true,null]}`, rich),
		"string":     ceEvent(t, `"größe \"a\" 100% 😀"`, timed),
		"list":       ceEvent(t, `[1,[],{}]`, timed),
		"number":     ceEvent(t, `42`, timed),
		"zero":       ceEvent(t, `0`, timed),
		"true":       ceEvent(t, `true`, timed),
		"false":      ceEvent(t, `false`, timed),
		"null":       ceEvent(t, `null`, timed),
		"empty text": ceEvent(t, `""`, timed),
		"no data":    ceEvent(t, ``, timed),
		"no time":    ceEvent(t, `{}`, nil),
		"+json": ceEvent(t, `{"a":1}`, func(e *event.Event) {
			timed(e)
			e.SetDataContentType("application/vnd.x+json; charset=utf-8")
		}),
	}
}

// rightly is what a receiver that does as the specification says sees.
func rightly(d *schemas.Delivery) ceSeen {
	s := ceSeen{Attributes: map[string]string{}}
	for _, a := range d.Attributes() {
		s.Attributes[a.Name] = a.Value
	}
	if len(d.Data) > 0 {
		s.Data = d.Data
	}
	return s
}

// undecoded are the attributes as the headers have them: the SDKs for Go and for
// JavaScript do not percent-decode, though "a single round of percent-decoding
// MUST then be performed" (HTTP binding 1.0.2, section 3.1.3.2).
func undecoded(s *ceSeen, d *schemas.Delivery) {
	for name, values := range d.Event {
		if name != "ce-datacontenttype" { // Content-Type is not encoded
			s.Attributes[strings.TrimPrefix(name, "ce-")] = values[0]
		}
	}
}

func TestCloudEventsInGo(t *testing.T) {
	seen := make(chan []event.Event, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		message := cehttp.NewMessageFromHttpRequest(r)
		var events []event.Event
		var err error
		if message.ReadEncoding() == binding.EncodingBatch {
			events, err = binding.ToEvents(r.Context(), message, r.Body)
		} else {
			var one *event.Event
			if one, err = binding.ToEvent(r.Context(), message); err == nil {
				events = []event.Event{*one}
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		seen <- events
	}))
	t.Cleanup(server.Close)
	eachEventAndMode(t, func(t *testing.T, mode schemas.Mode, w dialect.Writer, a dialect.Attempt) {
		status, answer := post(t, server.URL, w, a)
		// It wants the data of +json types to be strings. They "MUST be treated
		// directly as a JSON value" (JSON format 1.0.2, section 3.1.2).
		if mode != schemas.ModeBinary && strings.Contains(a.Delivery.DataContentType(), "+json") {
			if status != http.StatusBadRequest || !strings.Contains(answer, `unexpected data payload for media type "application/vnd.x+json", expected a string`) {
				t.Errorf("got %d %s", status, answer)
			}
			return
		}
		if status != http.StatusOK {
			t.Fatalf("got %d %s", status, answer)
		}
		events := <-seen
		if len(events) != 1 {
			t.Fatalf("the SDK sees %d events", len(events))
		}
		want := rightly(a.Delivery)
		if mode == schemas.ModeBinary {
			undecoded(&want, a.Delivery)
		}
		checkSeen(t, goSees(t, &events[0]), want)
	})
}

// goSees is the SDK's event in the form of Tidings' own.
func goSees(t *testing.T, e *event.Event) ceSeen {
	t.Helper()
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
	header, data, err := schemas.EncodeEvent(e)
	if err != nil {
		t.Fatal(err)
	}
	return rightly(&schemas.Delivery{Event: header, Data: data})
}

func TestCloudEventsInNode(t *testing.T) {
	url := nodetest.Start(t, "testdata/cloudevents.mjs", ceSecret)
	eachEventAndMode(t, func(t *testing.T, mode schemas.Mode, w dialect.Writer, a dialect.Attempt) {
		var events []ceSeen
		status, answer := post(t, url, w, a)
		if err := json.Unmarshal([]byte(answer), &events); status != http.StatusOK || err != nil || len(events) != 1 {
			t.Fatalf("the SDK sees %d %s, %v", status, answer, err)
		}
		checkSeen(t, events[0], nodeSees(t, mode, a.Delivery, events[0]))
	})
}

// nodeSees is what version 10.0.0 of the SDK for JavaScript makes of an event,
// where that is not what the specification says.
func nodeSees(t *testing.T, mode schemas.Mode, d *schemas.Delivery, got ceSeen) ceSeen {
	t.Helper()
	want := rightly(d)
	if mode == schemas.ModeBinary {
		undecoded(&want, d)
	}
	// It gives an event without a time the present one, though time is optional
	// (CloudEvents 1.0.2, "time").
	if _, ok := want.Attributes["time"]; !ok {
		at, err := time.Parse(time.RFC3339, got.Attributes["time"])
		if err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("the SDK made up the time %q, %v", got.Attributes["time"], err)
		}
		want.Attributes["time"] = got.Attributes["time"]
	}
	switch text := string(want.Data); {
	// A structured event's data is lost where JavaScript takes it for false; a
	// batch's is not. It "is unrestricted", and null is "distinct from the absence
	// of the data member" (JSON format 1.0.2, section 3.1.1).
	case mode == schemas.ModeStructured && (text == "null" || text == "0" || text == "false" || text == `""`):
		want.Data = nil
	// A body that does not begin with '[', '{' or '"' is taken for a text without
	// its quotes, though its Content-Type is application/json (RFC 8259,
	// section 2, has any value).
	case mode == schemas.ModeBinary && text != "" && !strings.Contains(`[{"`, text[:1]):
		want.Data = quote(t, text)
	// It parses the data of application/json alone, with or without
	// charset=utf-8; others of JSON stay text, which the binding allows.
	case mode == schemas.ModeBinary && strings.Contains(want.Attributes["datacontenttype"], "+json"):
		want.Data = quote(t, text)
	}
	return want
}

func quote(t *testing.T, text string) []byte {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return quoted
}

// eachEventAndMode delivers every event in every mode, under names like
// "binary/no data".
func eachEventAndMode(t *testing.T, check func(*testing.T, schemas.Mode, dialect.Writer, dialect.Attempt)) {
	for _, mode := range schemas.DialectCloudEvents.Modes() {
		w := ceWriter(t, inMode(mode))
		for name, e := range cePublished(t) {
			t.Run(string(mode)+"/"+name, func(t *testing.T) {
				check(t, mode, w, ceAttempt(t, e, time.Now()))
			})
		}
	}
}

// post makes the request.
func post(t *testing.T, url string, w dialect.Writer, a dialect.Attempt) (status int, answer string) {
	t.Helper()
	body, err := w.Body(a)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	w.Head(r.Header, a, body)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read only
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(read)
}

func checkSeen(t *testing.T, got, want ceSeen) {
	t.Helper()
	if !maps.Equal(got.Attributes, want.Attributes) {
		t.Errorf("attributes:\ngot  %q\nwant %q", got.Attributes, want.Attributes)
	}
	if !reflect.DeepEqual(jsonValue(t, got.Data), jsonValue(t, want.Data)) {
		t.Errorf("data:\ngot  %s\nwant %s", got.Data, want.Data)
	}
}

// jsonValue is nothing at all for no data, which is not null.
func jsonValue(t *testing.T, data []byte) []any {
	t.Helper()
	if data == nil {
		return nil
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("data %q: %v", data, err)
	}
	return []any{v}
}
