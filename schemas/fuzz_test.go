package schemas_test

import (
	"bytes"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// parseHeader reads "Name: value" lines, as a NATS client does.
func parseHeader(text string) schemas.Header {
	h := schemas.Header{}
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\r"), ":"); ok {
			h[name] = append(h[name], strings.TrimLeft(value, " \t"))
		}
	}
	return h
}

// FuzzDecodeEvent holds that what decodes also encodes, and decodes again to
// the same event, and that this is then written the same way.
func FuzzDecodeEvent(f *testing.F) {
	const binary = "ce-specversion: 1.0\nce-id: 1\nce-source: /users\nce-type: user.created\n"
	for _, header := range []string{
		binary, binary + "ce-time: 2026-01-02T03:04:05.678+01:00\nce-subject: gr%c3%b6%c3%9fe\nce-dataschema: urn:x",
		binary + "CE-Foo: \"a b\"\nContent-Type: application/json; charset=utf-8", binary + "ce-data: 1", binary + "ce-id: 2", "",
		"Content-Type: application/cloudevents+json", "content-type: application/cloudevents-batch+json",
		"ce-specversion: 1.0\nce-id: 1\nce-source: HTTP://a:b@Ex.com:80/%7e?q#f%20\nce-type: %",
		"ce-specversion: 1.0\nce-id: 1\nce-source: //?\nce-type: t", "ce-specversion: 1.0\nce-id: 1\nce-source: a%2520b:c\nce-type: t",
	} {
		f.Add(header, []byte(`{"a": 1}`))
	}
	for _, more := range []string{"", `,"data":{"a":1},"x":1`, `,"data_base64":"e30="`, `,"datacontenttype":"text/json","b":true,"time":"0000-01-01T00:00:00Z"`} {
		f.Add("", []byte(structured(more)))
	}
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		e, err := schemas.DecodeEvent(parseHeader(header), body)
		if err != nil {
			if !schemas.HasCode(err, schemas.CodeInvalid) {
				t.Errorf("%v has not the code invalid", err)
			}
			return
		}
		checkSubject(t, schemas.EventSubject("acme", e.Type()))
		if only, err := schemas.EventData(parseHeader(header), body); err != nil || !bytes.Equal(only, e.DataEncoded) || (only == nil) != (e.DataEncoded == nil) {
			t.Errorf("its data alone is %q, %v; want %q", only, err, e.DataEncoded)
		}
		h, data, err := schemas.EncodeEvent(&e)
		if err != nil {
			if len(header)+len(body) < schemas.MaxAttributesSize/4 {
				t.Errorf("encode %v: %v", e, err)
			}
			return
		}
		again, err := schemas.DecodeEvent(h, data)
		if err != nil {
			t.Fatalf("%v was written as %q: %v", e, h, err)
		}
		checkEqual(t, again, e)
		if schemas.EventMessageID(&again) != schemas.EventMessageID(&e) {
			t.Error("the message id changed")
		}
		if h2, data2, err := schemas.EncodeEvent(&again); err != nil || !reflect.DeepEqual(h2, h) || !bytes.Equal(data2, data) {
			t.Errorf("got %q, %v\nwant %q", h2, err, h)
		}
	})
}

// FuzzEventSubject holds that every type has a valid subject, which leads back
// to the tenant, and that two types never share one.
func FuzzEventSubject(f *testing.F) {
	for i, eventType := range weirdTypes {
		f.Add(eventType, weirdTypes[(i+1)%len(weirdTypes)])
	}
	layout := schemas.Layout{Partitions: 8, Shards: 2}
	f.Fuzz(func(t *testing.T, a, b string) {
		subject := schemas.EventSubject("acme", a)
		checkSubject(t, subject)
		if other := schemas.EventSubject("acme", b); (a == b) != (subject == other) {
			t.Errorf("types %q and %q have subjects %s and %s", a, b, subject, other)
		}
		tenant, published, err := schemas.StoredEvent(stored(t, layout, subject))
		if err != nil || tenant != "acme" || published != subject {
			t.Errorf("type %q: tenant %q, published %q, %v", a, tenant, published, err)
		}
		_, _, _ = schemas.StoredEvent(a) // must not panic
	})
}

// FuzzReadDelivery holds that what reads back is written the same way, without
// a header of JetStream, and that what does not is left as it was.
func FuzzReadDelivery(f *testing.F) {
	for _, attempts := range []int{0, 1, 3} {
		var text strings.Builder
		d := delivery(attempts)
		d.Reference = attempts
		for name, values := range d.Header() {
			text.WriteString(name + ": " + values[0] + "\n")
		}
		f.Add(benchSubject, text.String())
		f.Add("held.0.ep_1", text.String()+"Nats-Scheduler: x\nNats-Schedule-Next: purge\nX: y")
	}
	f.Add("", "")
	f.Fuzz(func(t *testing.T, subject, header string) {
		h := parseHeader(header)
		before := maps.Clone(h)
		d, err := schemas.ReadDelivery(subject, h, nil)
		if err != nil {
			if !schemas.HasCode(err, schemas.CodeInvalid) || !reflect.DeepEqual(h, before) {
				t.Errorf("%v: the header is now %q", err, h)
			}
			return
		}
		written := d.Header()
		for name := range written {
			if !strings.HasPrefix(name, "ce-") && !strings.HasPrefix(name, "Tidings-") {
				t.Errorf("header %s came back", name)
			}
		}
		again, err := schemas.ReadDelivery(subject, written, nil)
		if err != nil {
			t.Fatalf("%+v was written as %q: %v", d, written, err)
		}
		if !reflect.DeepEqual(again.Header(), d.Header()) {
			t.Errorf("got  %q\nwant %q", again.Header(), d.Header())
		}
		_ = d.EventType() + d.EventTime()
	})
}
