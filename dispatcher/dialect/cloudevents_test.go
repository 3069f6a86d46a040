package dialect_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// ceSecret is fixed, so that signatures are.
const ceSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// ceEvent is an event of the type user.created with the id 1 of /users, and more.
func ceEvent(t testing.TB, data string, change func(*event.Event)) *event.Event {
	t.Helper()
	e := event.New()
	e.SetID("1")
	e.SetSource("/users")
	e.SetType("user.created")
	e.DataEncoded = []byte(data)
	if change != nil {
		change(&e)
	}
	if err := schemas.ValidateEvent(&e); err != nil {
		t.Fatal(err)
	}
	return &e
}

// rich has every attribute, with all that a header has to escape, and extensions
// of each type.
func rich(e *event.Event) {
	e.SetID("é/1")
	e.SetSource("https://example.com/a%20b?q=%C3%BC")
	e.SetSubject(`größe "a" 100% %41 😀`)
	e.SetTime(time.Date(2025, 1, 5, 10, 0, 0, 123_000_000, time.FixedZone("", 3600)))
	e.SetDataSchema("https://example.com/schema.json#v1")
	e.SetExtension("text", `naïve, "quoted\", 50%; 日本`)
	e.SetExtension("empty", "")
	e.SetExtension("number", 42)
	e.SetExtension("flag", true)
}

// ceAttempt is an attempt to deliver the event.
func ceAttempt(t testing.TB, e *event.Event, at time.Time) dialect.Attempt {
	t.Helper()
	header, data, err := schemas.EncodeEvent(e)
	if err != nil {
		t.Fatal(err)
	}
	id := schemas.NewDeliveryID(accepted, 7, "ep_a")
	return dialect.Attempt{Delivery: &schemas.Delivery{ID: id, Tenant: "acme", Endpoint: "ep_a", Event: header, Data: data}, At: at}
}

// ceWriter is the dialect's writer for an endpoint.
func ceWriter(t testing.TB, change func(*schemas.Endpoint)) dialect.Writer {
	t.Helper()
	e := schemas.Endpoint{ID: "ep_a", Dialect: schemas.DialectCloudEvents, Secrets: []schemas.Secret{schemas.NewSecret(ceSecret)}}
	if change != nil {
		change(&e)
	}
	d, err := dialect.For(e.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	w, err := d.Writer(e)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func inMode(m schemas.Mode) func(*schemas.Endpoint) {
	return func(e *schemas.Endpoint) { e.Mode = m }
}

// dump is a request as HTTP/1.1 has it: header fields by name, a blank line, the
// body. The proof is left out.
func dump(t *testing.T, w dialect.Writer, a dialect.Attempt) string {
	t.Helper()
	body, err := w.Body(a)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	w.Head(h, a, body)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if !strings.HasPrefix(name, "webhook-") {
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(h[name], "\n"+name+": "))
		}
	}
	return b.String() + "\n" + string(body)
}

const (
	richJSON = `{"id":"é/1","source":"https://example.com/a%20b?q=%C3%BC","specversion":"1.0","type":"user.created",` +
		`"datacontenttype":"application/json","dataschema":"https://example.com/schema.json#v1","subject":"größe \"a\" 100% %41 😀",` +
		`"time":"2025-01-05T09:00:00.123Z","empty":"","flag":"true","number":"42","text":"naïve, \"quoted\\\", 50%; 日本","data":{ "n": 1.50 }}`
	richHeaders = `Content-Type: application/json
ce-dataschema: https://example.com/schema.json#v1
ce-empty: 
ce-flag: true
ce-id: %C3%A9/1
ce-number: 42
ce-source: https://example.com/a%2520b?q=%25C3%25BC
ce-specversion: 1.0
ce-subject: gr%C3%B6%C3%9Fe%20%22a%22%20100%25%20%2541%20%F0%9F%98%80
ce-text: na%C3%AFve,%20%22quoted\%22,%2050%25;%20%E6%97%A5%E6%9C%AC
ce-time: 2025-01-05T09:00:00.123Z
ce-type: user.created
`
	plainJSON    = `{"id":"1","source":"/users","specversion":"1.0","type":"user.created"`
	plainHeaders = "ce-id: 1\nce-source: /users\nce-specversion: 1.0\nce-type: user.created\n"
	asEvent      = "Content-Type: application/cloudevents+json\n\n"
	asBatch      = "Content-Type: application/cloudevents-batch+json\n\n"
)

func TestCloudEvents(t *testing.T) {
	typed := func(media string) func(*event.Event) {
		return func(e *event.Event) { e.Context.(*event.EventContextV1).DataContentType = &media } // the setter trims
	}
	const odd = "[1.50, \"\u2028<&>\\u0041\",  1e400, 12345678901234567890]"
	for name, row := range map[string]struct {
		data                        string
		change                      func(*event.Event)
		structured, binary, batched string
	}{
		"everything": {
			`{ "n": 1.50 }`, rich,
			asEvent + richJSON, richHeaders + "\n" + `{ "n": 1.50 }`, asBatch + "[" + richJSON + "]",
		},
		"nothing but what must be": {
			"", nil,
			asEvent + plainJSON + "}", plainHeaders + "\n", asBatch + "[" + plainJSON + "}]",
		},
		"data byte for byte": {
			odd, nil,
			asEvent + plainJSON + `,"datacontenttype":"application/json","data":` + odd + "}",
			"Content-Type: application/json\n" + plainHeaders + "\n" + odd,
			asBatch + "[" + plainJSON + `,"datacontenttype":"application/json","data":` + odd + "}]",
		},
		"data null": {
			"null", nil,
			asEvent + plainJSON + `,"datacontenttype":"application/json","data":null}`,
			"Content-Type: application/json\n" + plainHeaders + "\nnull",
			asBatch + "[" + plainJSON + `,"datacontenttype":"application/json","data":null}]`,
		},
		"the producer's type": {
			"1", typed("application/vnd.x+json; charset=utf-8"),
			asEvent + plainJSON + `,"datacontenttype":"application/vnd.x+json; charset=utf-8","data":1}`,
			"Content-Type: application/vnd.x+json; charset=utf-8\n" + plainHeaders + "\n1",
			asBatch + "[" + plainJSON + `,"datacontenttype":"application/vnd.x+json; charset=utf-8","data":1}]`,
		},
		"a type without data": {
			"", typed("application/json"),
			asEvent + plainJSON + `,"datacontenttype":"application/json"}`,
			"Content-Type: application/json\n" + plainHeaders + "\n",
			asBatch + "[" + plainJSON + `,"datacontenttype":"application/json"}]`,
		},
		// In binary mode receivers would take the data for the event.
		"data that is an event": {
			`{"id":"2"}`, typed("application/CloudEvents+json"),
			asEvent + plainJSON + `,"datacontenttype":"application/CloudEvents+json","data":{"id":"2"}}`,
			asEvent + plainJSON + `,"datacontenttype":"application/CloudEvents+json","data":{"id":"2"}}`,
			asBatch + "[" + plainJSON + `,"datacontenttype":"application/CloudEvents+json","data":{"id":"2"}}]`,
		},
		"data that is a batch": {
			`[]`, typed(" application/cloudevents-batch+json"),
			asEvent + plainJSON + `,"datacontenttype":" application/cloudevents-batch+json","data":[]}`,
			asEvent + plainJSON + `,"datacontenttype":" application/cloudevents-batch+json","data":[]}`,
			asBatch + "[" + plainJSON + `,"datacontenttype":" application/cloudevents-batch+json","data":[]}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := ceAttempt(t, ceEvent(t, row.data, row.change), accepted)
			for mode, want := range map[schemas.Mode]string{
				"": row.structured, schemas.ModeStructured: row.structured, schemas.ModeBinary: row.binary, schemas.ModeBatched: row.batched,
			} {
				got := dump(t, ceWriter(t, inMode(mode)), a)
				if got != want {
					t.Errorf("mode %q:\ngot  %s\nwant %s", mode, got, want)
				}
				_, body, _ := strings.Cut(got, "\n\n")
				if mode != schemas.ModeBinary && !json.Valid([]byte(body)) {
					t.Errorf("mode %q: the body is not JSON", mode)
				}
			}
		})
	}
}

// Every mode is signed with every secret, on each attempt anew.
func TestCloudEventsSigns(t *testing.T) {
	older, newer := signing.NewSecret(), signing.NewSecret()
	for _, mode := range schemas.DialectCloudEvents.Modes() {
		w := ceWriter(t, func(e *schemas.Endpoint) {
			e.Mode, e.Secrets = mode, []schemas.Secret{schemas.NewSecret(newer), schemas.NewSecret(older)}
		})
		for _, data := range []string{`{"a":1}`, ""} {
			for _, at := range []time.Time{accepted, accepted.Add(5 * time.Hour)} {
				a := ceAttempt(t, ceEvent(t, data, rich), at)
				h, body := received(t, w, a)
				if got := h.Get(signing.HeaderID); got != string(a.Delivery.ID) {
					t.Errorf("%s: id %q, want %q", mode, got, a.Delivery.ID)
				}
				for _, secret := range []string{older, newer} {
					k, err := signing.ParseKey(secret)
					if err != nil {
						t.Fatal(err)
					}
					if err := signing.Verify(h, body, at, k); err != nil {
						t.Errorf("%s with data %q at %s: %v", mode, data, at, err)
					}
				}
			}
		}
	}
}

func TestCloudEventsSaysWhoAskedForConsent(t *testing.T) {
	for _, mode := range schemas.DialectCloudEvents.Modes() {
		for _, origin := range []string{"", "webhooks.example.com"} {
			w := ceWriter(t, func(e *schemas.Endpoint) {
				e.Mode = mode
				if origin != "" {
					e.Consent = &schemas.Consent{Origin: origin}
				}
			})
			h, _ := received(t, w, ceAttempt(t, ceEvent(t, "1", nil), accepted))
			if got := h.Values("WebHook-Request-Origin"); origin == "" && got != nil || origin != "" && !slices.Equal(got, []string{origin}) {
				t.Errorf("%s: WebHook-Request-Origin is %q, want %q", mode, got, origin)
			}
		}
	}
}

// A delivery serves several attempts: none may change it.
func TestCloudEventsLeavesTheDelivery(t *testing.T) {
	for _, mode := range schemas.DialectCloudEvents.Modes() {
		w, a := ceWriter(t, inMode(mode)), ceAttempt(t, ceEvent(t, `{"a":1}`, rich), accepted)
		first := dump(t, w, a)
		h := http.Header{}
		w.Head(h, a, nil)
		h.Set("ce-id", "other")
		h["ce-subject"] = append(h["ce-subject"], "other")
		if again := dump(t, w, a); again != first {
			t.Errorf("%s: got  %s\nwant %s", mode, again, first)
		}
	}
}

func TestCloudEventsRefusesABadSecret(t *testing.T) {
	d, err := dialect.For(schemas.DialectCloudEvents)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Writer(schemas.Endpoint{Secrets: []schemas.Secret{schemas.NewSecret("whsec_!")}}); err == nil {
		t.Error("it was taken")
	}
}

// received is a request as a server reads it off the wire.
func received(t testing.TB, w dialect.Writer, a dialect.Attempt) (http.Header, []byte) {
	t.Helper()
	body, err := w.Body(a)
	if err != nil {
		t.Fatal(err)
	}
	sent, err := http.NewRequest(http.MethodPost, "http://example.com/hooks", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	w.Head(sent.Header, a, body)
	var wire bytes.Buffer
	if err := sent.Write(&wire); err != nil {
		t.Fatal(err)
	}
	got, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	var read bytes.Buffer
	if _, err := read.ReadFrom(got.Body); err != nil {
		t.Fatal(err)
	}
	return got.Header, read.Bytes()
}

// FuzzCloudEvents holds that whatever event Tidings accepts comes out of an HTTP
// request of each mode as it went in.
func FuzzCloudEvents(f *testing.F) {
	f.Add("/a", `größe "a" 100% %41 😀`, "x", "application/json; charset=utf-8", []byte(`{"a": 1}`))
	f.Add("urn:x#%C3", ` " \" %`, "", "application/cloudevents+json", []byte("null"))
	f.Add("//h?q", "\\", "%2", "", []byte(nil))
	f.Fuzz(func(t *testing.T, source, subject, extension, media string, data []byte) {
		e := event.New()
		e.SetID(subject)
		e.SetSource(source)
		e.SetType("a")
		e.SetSubject(subject)
		e.SetExtension("x", extension)
		if media != "" {
			e.Context.(*event.EventContextV1).DataContentType = &media
		}
		e.DataEncoded = data
		if schemas.ValidateEvent(&e) != nil {
			t.Skip("no event")
		}
		header, body, err := schemas.EncodeEvent(&e)
		if err != nil {
			t.Skip("too long")
		}
		a := dialect.Attempt{Delivery: &schemas.Delivery{ID: schemas.NewDeliveryID(accepted, 7, "ep_a"), Event: header, Data: body}, At: accepted}
		if media = a.Delivery.DataContentType(); media != strings.TrimSpace(media) || !utf8.Valid(data) {
			t.Skip("HTTP trims the values of headers; JSON is UTF-8")
		}
		for _, mode := range schemas.DialectCloudEvents.Modes() {
			h, content := received(t, ceWriter(t, inMode(mode)), a)
			if mode == schemas.ModeBatched { // which schemas refuses
				content = content[1 : len(content)-1]
				h.Set("Content-Type", "application/cloudevents+json")
			}
			got, err := schemas.DecodeEvent(h, content)
			if err != nil {
				t.Fatalf("%s: %q\n%s\n%v", mode, h, content, err)
			}
			again, data, err := schemas.EncodeEvent(&got)
			if err != nil || !maps.EqualFunc(again, header, slices.Equal) || !bytes.Equal(bytes.TrimSpace(data), bytes.TrimSpace(body)) {
				t.Errorf("%s: got  %q %q, %v\nwant %q %q", mode, again, data, err, header, body)
			}
		}
	})
}
