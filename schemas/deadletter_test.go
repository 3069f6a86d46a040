package schemas_test

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/tidings-dev/tidings/schemas"
)

func TestDeadDeliveryRoundTrip(t *testing.T) {
	for _, attempts := range []int{0, 3} {
		d := delivery(attempts)
		h := schemas.DeadDelivery(d, schemas.Outcome{Kind: schemas.Dead, Reason: schemas.ReasonGone, Detail: "it said\r\n410"})
		subject := schemas.DeadSubject(d.Tenant, d.Endpoint)
		got, err := schemas.ReadDeadLetter(subject, h, d.Data)
		if err != nil {
			t.Fatal(err)
		}
		want := &schemas.DeadLetter{
			Subject: subject, Tenant: d.Tenant, Delivery: d.ID, Endpoint: d.Endpoint, Reason: schemas.ReasonGone,
			Detail: "it said  410", History: d.History, Header: h, Body: d.Data,
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		// A replay makes the event again from what lies in DEAD.
		e, err := schemas.DecodeEvent(got.Header, got.Body)
		if err != nil || e.Type() != "user.created" || !bytes.Equal(e.DataEncoded, d.Data) {
			t.Errorf("got %v, %v", e, err)
		}
	}
}

// Anyone who may publish to EVENTS writes these headers.
func TestDeadEventOfAHostileHeader(t *testing.T) {
	hostile := schemas.Header{
		"ce-id": {"1"}, "ce-note": {"a", "b"}, "X-Other": {"kept"},
		"Nats-Rollup": {"all"}, "Nats-Msg-Id": {"x"}, "nats-ttl": {"1s"}, "NATS-EXPECTED-STREAM": {"OTHER"},
		"Tidings-Delivery": {"dlv_1"}, "Tidings-History": {"{"}, "tidings-tenant": {"victim"}, "Tidings-Reason": {"ok"},
		"": {"x"}, "a b": {"x"}, "a:b": {"x"}, "a\r\nNats-Rollup": {"all"}, "größe": {"x"}, "a[b]": {"x"},
	}
	before := maps.Clone(hostile)
	h := schemas.DeadEvent(hostile, "acme", schemas.ReasonEventInvalid, "bad\r\nNats-Rollup: all")
	want := schemas.Header{
		"ce-id": {"1"}, "ce-note": {"a", "b"}, "X-Other": {"kept"},
		"Tidings-Tenant": {"acme"}, "Tidings-Reason": {"event_invalid"}, "Tidings-Detail": {"bad  Nats-Rollup: all"},
	}
	if !reflect.DeepEqual(h, want) {
		t.Errorf("got  %q\nwant %q", h, want)
	}
	if !reflect.DeepEqual(hostile, before) {
		t.Error("the event's own header changed")
	}
	l, err := schemas.ReadDeadLetter(schemas.DeadEventSubject("acme"), h, nil)
	if err != nil || l.Delivery != "" || l.Endpoint != "" || l.Tenant != "acme" || l.Reason != schemas.ReasonEventInvalid {
		t.Errorf("got %+v, %v", l, err)
	}
	if l, err := schemas.ReadDeadLetter("dead.acme.event", schemas.DeadEvent(nil, "acme", schemas.ReasonTenantUnknown, ""), nil); err != nil || l.Reason != schemas.ReasonTenantUnknown {
		t.Errorf("without a header: %+v, %v", l, err)
	}
}

// JetStream stores no more than 65,535 bytes of header. What EVENTS took must
// find room in DEAD, or fanout would never be rid of it.
func TestDeadEventFits(t *testing.T) {
	many := schemas.Header{"ce-id": {"1"}}
	for i := range 5000 {
		many[fmt.Sprintf("x%d", i)] = []string{"12345"}
	}
	for name, h := range map[string]schemas.Header{
		"one large value": {"ce-id": {"1"}, "ce-x": {strings.Repeat("x", 65_000)}},
		"many values":     {"ce-id": {"1"}, "ce-x": strings.Split(strings.Repeat("x,", 10_000), ",")},
		"many headers":    many,
	} {
		dead := schemas.DeadEvent(h, schemas.TenantID(strings.Repeat("t", 4000)), schemas.ReasonEventInvalid, strings.Repeat("<\nü", 5000))
		if n := headerBytes(dead); n > 65_535 {
			t.Errorf("%s: the header has %d bytes", name, n)
		}
		if dead["ce-id"] == nil || len(dead["Tidings-Detail"][0]) > schemas.MaxDeadDetail {
			t.Errorf("%s: the id is lost or the detail too long", name)
		}
		// The client refuses names it cannot send, and says so by their size.
		if n := (&nats.Msg{Header: dead}).Size(); n != headerBytes(dead) {
			t.Errorf("%s: the client sends %d bytes, want %d", name, n, headerBytes(dead))
		}
	}
}

func TestReadDeadLetterRefuses(t *testing.T) {
	h := schemas.DeadDelivery(delivery(1), schemas.Outcome{})
	h["Tidings-History"] = []string{"{"}
	_, err := schemas.ReadDeadLetter("dead.acme.ep_1", h, nil)
	wantError(t, err, "dead letter dead.acme.ep_1: header Tidings-History: unexpected end of JSON input")
}
