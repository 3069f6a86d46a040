package schemas_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/tidings-dev/tidings/schemas"
)

// newEvent is a small valid event, changed.
func newEvent(t testing.TB, changes ...func(*event.EventContextV1)) schemas.Event {
	t.Helper()
	ec := &event.EventContextV1{ID: "1", Type: "user.created", Source: *types.ParseURIRef("/users")}
	for _, change := range changes {
		change(ec)
	}
	return schemas.Event{Context: ec}
}

// checkEqual compares what CloudEvents calls the event: a value of an extension
// by its canonical text, since headers have no types.
func checkEqual(t testing.TB, got, want schemas.Event) {
	t.Helper()
	g, w := describe(t, got), describe(t, want)
	if !maps.Equal(g, w) {
		t.Errorf("got  %q\nwant %q", g, w)
	}
	if !bytes.Equal(got.DataEncoded, want.DataEncoded) {
		t.Errorf("got data %q, want %q", got.DataEncoded, want.DataEncoded)
	}
}

func describe(t testing.TB, e schemas.Event) map[string]string {
	t.Helper()
	d := map[string]string{
		"id": e.ID(), "source": e.Source(), "type": e.Type(), "subject": e.Subject(),
		"dataschema": e.DataSchema(), "datacontenttype": e.DataContentType(), "time": e.Time().UTC().Format(time.RFC3339Nano),
	}
	if d["datacontenttype"] == "" && len(e.DataEncoded) > 0 {
		d["datacontenttype"] = "application/json" // implied (CloudEvents JSON format)
	}
	for name, v := range e.Extensions() {
		text, err := types.Format(v)
		if err != nil {
			t.Fatal(err)
		}
		d["extension "+name] = text
	}
	return d
}

func TestBinaryRoundTrip(t *testing.T) {
	text := func(s string) *string { return &s }
	values := []string{"plain", "größe 用户", `with "quotes"`, `"quoted"`, "100%", "%20", "%zz", " spaces around ", `back\slash`, "a:b;c=d,e", "\U0001F600", "~!@#$^&*()"}
	for _, v := range values {
		e := newEvent(t, func(ec *event.EventContextV1) {
			ec.ID, ec.Type, ec.Subject = v, v, text(v)
			ec.Source = types.URIRef{URL: url.URL{Path: "/" + v}}
			ec.DataSchema = types.ParseURI("https://example.com/schema?v=1#x")
			ec.DataContentType = text(`application/json; charset="utf-8"`)
			ec.Time = &types.Timestamp{Time: time.Date(2026, 1, 2, 3, 4, 5, 678901234, time.FixedZone("", 3600))}
			ec.Extensions = map[string]any{
				"text": v, "flag": true, "number": int32(-7), "bytes": []byte{0, 255}, "empty": "",
				"uri": *types.ParseURI("https://example.com/a%20b"), "ref": *types.ParseURIRef("../x"),
				"stamp": types.Timestamp{Time: time.Unix(0, 1)}, "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			}
		})
		e.DataEncoded = []byte(`{"a": [1, "ü"]}`)
		h, body, err := schemas.EncodeEvent(&e)
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range h {
			if len(values) != 1 || strings.IndexFunc(values[0], func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 || name != strings.ToLower(name) {
				t.Errorf("header %s: %q is not fit for NATS", name, values)
			}
		}
		for _, header := range []schemas.Header{h, recase(h, strings.ToUpper), recase(h, func(s string) string { return "Ce" + s[2:] })} {
			got, err := schemas.DecodeEvent(header, body)
			if err != nil {
				t.Fatal(err)
			}
			checkEqual(t, got, e)
		}
	}
}

// recase is a header whose names are written another way.
func recase(h schemas.Header, as func(string) string) schemas.Header {
	other := schemas.Header{}
	for name, v := range h {
		other[as(name)] = v
	}
	return other
}

func TestEncodeEventHeaders(t *testing.T) {
	e := newEvent(t, func(ec *event.EventContextV1) {
		ec.Time = &types.Timestamp{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))}
		ec.Extensions = map[string]any{"note": `a "b"`}
	})
	e.DataEncoded = []byte("{}")
	h, _, err := schemas.EncodeEvent(&e)
	want := schemas.Header{
		"ce-specversion": {"1.0"}, "ce-id": {"1"}, "ce-source": {"/users"}, "ce-type": {"user.created"},
		"ce-time": {"2026-01-02T02:04:05Z"}, "ce-note": {"a%20%22b%22"}, "ce-datacontenttype": {"application/json"},
	}
	if err != nil || fmt.Sprint(h) != fmt.Sprint(want) {
		t.Errorf("got  %v, %v\nwant %v", h, err, want)
	}
	e.DataEncoded = nil
	if h, _, _ := schemas.EncodeEvent(&e); h["ce-datacontenttype"] != nil {
		t.Errorf("an event without data got a datacontenttype: %v", h)
	}
	for _, bad := range []schemas.Event{{}, event.New("0.3")} {
		if _, _, err := schemas.EncodeEvent(&bad); !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("encoded %v: %v", bad, err)
		}
	}
}

// The bound holds for the message's whole header, as the client writes it.
func TestMaxAttributesSize(t *testing.T) {
	size := func(e schemas.Event) int {
		h, _, err := schemas.EncodeEvent(&e)
		if err != nil {
			return schemas.MaxAttributesSize + 1
		}
		h["Nats-Msg-Id"] = []string{schemas.EventMessageID(&e)}
		n := len("NATS/1.0\r\n\r\n")
		for name, values := range h {
			n += len(name) + len(": \r\n") + len(values[0])
		}
		return n
	}
	for name, grow := range map[string]func(ec *event.EventContextV1, n int){
		"one long value":  func(ec *event.EventContextV1, n int) { ec.Extensions["x"] = strings.Repeat("x", n) },
		"percent-encoded": func(ec *event.EventContextV1, n int) { ec.Extensions["x"] = strings.Repeat(" ", n) },
		"long id":         func(ec *event.EventContextV1, n int) { ec.ID = strings.Repeat("i", n) },
		"many short": func(ec *event.EventContextV1, n int) {
			for i := range n / 8 {
				ec.Extensions[fmt.Sprintf("x%d", i)] = ""
			}
		},
	} {
		accepted := 0
		for n := 64; n < schemas.MaxAttributesSize*2; n += 64 {
			e := newEvent(t, func(ec *event.EventContextV1) { ec.Extensions = map[string]any{}; grow(ec, n) })
			if _, _, err := schemas.EncodeEvent(&e); err != nil {
				break
			}
			accepted = max(accepted, size(e))
		}
		if accepted > schemas.MaxAttributesSize || accepted < schemas.MaxAttributesSize/2 {
			t.Errorf("%s: the largest header accepted has %d bytes, the bound is %d", name, accepted, schemas.MaxAttributesSize)
		}
	}
	e := newEvent(t, func(ec *event.EventContextV1) { ec.Extensions = map[string]any{"x": strings.Repeat("x", 16<<10)} })
	_, _, err := schemas.EncodeEvent(&e)
	wantError(t, err, `event "1": its attributes take 16747 bytes: use at most 16384, and put the rest into the data`)
}

func TestEventMessageID(t *testing.T) {
	id := func(source, id string) string {
		e := newEvent(t, func(ec *event.EventContextV1) {
			ec.ID, ec.Source = id, types.URIRef{URL: url.URL{Opaque: source}}
		})
		return schemas.EventMessageID(&e)
	}
	if got := id("/users", "1"); got != "/users 1" {
		t.Errorf("got %q", got)
	}
	long := strings.Repeat("x", 300)
	parts := []string{"", " ", "a", "a ", " a", "a b", "b", "b c", "c", "a%20b", "%20", "%", "a\r\nb", "a\nb", "ü", "u", `"a"`, long, long + "x", "sha256:", "sha256:0"}
	seen := map[string][2]string{}
	for _, source := range parts {
		for _, name := range parts {
			got := id(source, name)
			if other, ok := seen[got]; ok {
				t.Errorf("(%q, %q) and %q share the id %q", source, name, other, got)
			}
			seen[got] = [2]string{source, name}
			// A header value keeps this as it is: no edge is trimmed, no line ends.
			if strings.ContainsAny(got, "\r\n\t") || len(got) > 255 {
				t.Errorf("(%q, %q): %q is not fit for a header", source, name, got)
			}
		}
	}
}

func TestEventTime(t *testing.T) {
	at, accepted := time.Unix(1, 0), time.Unix(2, 0)
	e := newEvent(t)
	if got := schemas.EventTime(&e, accepted); !got.Equal(accepted) {
		t.Errorf("got %v, want the time of acceptance", got)
	}
	e.SetTime(at)
	if got := schemas.EventTime(&e, accepted); !got.Equal(at) {
		t.Errorf("got %v, want the event's time", got)
	}
}
