package schemas_test

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/tidings-dev/tidings/schemas"
)

// read reads what h says, from a copy.
func read(t testing.TB, d *schemas.Delivery, h schemas.Header) *schemas.Delivery {
	t.Helper()
	got, err := schemas.ReadDelivery("ready.7."+string(d.Endpoint), maps.Clone(h), d.Data)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestDeliveryRoundTrip(t *testing.T) {
	for _, attempts := range []int{0, 1, 2, 32, 33, 100} {
		d := delivery(attempts)
		h := d.Header()
		got := read(t, d, h)
		if !reflect.DeepEqual(got, d) {
			t.Errorf("got  %+v\nwant %+v", got, d)
		}
		if again := got.Header(); !reflect.DeepEqual(again, h) {
			t.Errorf("got  %v\nwant %v", again, h)
		}
		if held, err := schemas.ReadDelivery("held.7."+string(d.Endpoint), h, d.Data); err != nil || held.Endpoint != d.Endpoint {
			t.Errorf("from its held queue: %+v, %v", held, err)
		}
	}
}

func TestDeliveryHeader(t *testing.T) {
	d := delivery(1)
	before := maps.Clone(d.Event)
	h := d.Header()
	want := map[string]string{
		"Tidings-Delivery": string(d.ID),
		"Tidings-Tenant":   "acme",
		"Tidings-Attempts": "1",
		"Tidings-History":  `[{"n":1,"at":"2026-01-02T03:04:05.678Z","took":"15s","reason":"timeout","detail":"no response within 15s"}]`,
		"ce-type":          "user.created",
	}
	for name, value := range want {
		if len(h[name]) != 1 || h[name][0] != value {
			t.Errorf("%s: got %q, want %s", name, h[name], value)
		}
	}
	if !maps.EqualFunc(d.Event, before, func(a, b []string) bool { return reflect.DeepEqual(a, b) }) {
		t.Errorf("the event's header changed to %v", d.Event)
	}
}

// By reference the data is not stored again, wherever the delivery goes next.
func TestDeliveryByReference(t *testing.T) {
	for _, attempts := range []int{0, 3} {
		d := delivery(attempts)
		size := len(d.Data)
		if d.Size() != size || len(d.Body()) != size {
			t.Errorf("of its own: %d bytes, %d to store", d.Size(), len(d.Body()))
		}
		d.Reference = size
		h := d.Header()
		if got := h["Tidings-Reference"]; len(got) != 1 || got[0] != fmt.Sprint(size) || d.Body() != nil || d.Size() != size {
			t.Errorf("header %q, %d bytes to store, size %d", got, len(d.Body()), d.Size())
		}
		for _, body := range [][]byte{nil, {}} { // as NATS clients show it
			got, err := schemas.ReadDelivery("held.7."+string(d.Endpoint), maps.Clone(h), body)
			if err != nil || got.Reference != size || got.Size() != size || got.Data != nil || got.Attempts != attempts {
				t.Fatalf("got %+v, %v", got, err)
			}
			if again := got.Header(); !reflect.DeepEqual(again, h) {
				t.Errorf("got  %v\nwant %v", again, h)
			}
		}
	}
}

func TestReadDeliveryRefusesReferences(t *testing.T) {
	d := delivery(1)
	d.Reference = len(d.Data)
	h := d.Header()
	_, err := schemas.ReadDelivery(benchSubject, maps.Clone(h), []byte("{}"))
	wantError(t, err, "delivery "+string(d.ID)+": header Tidings-Reference says that its data lies in EVENTS, and it has 2 bytes of its own")
	for _, value := range []string{"0", "-1", "many", "1.5"} {
		h["Tidings-Reference"] = []string{value}
		_, err := schemas.ReadDelivery(benchSubject, h, nil)
		wantError(t, err, "delivery "+string(d.ID)+": header Tidings-Reference is \""+value+"\": want a number of bytes from 1")
	}
}

func TestDeliverySaysWhatTheEventIs(t *testing.T) {
	d := delivery(0)
	if d.EventType() != "user.created" || d.EventTime() != "2026-01-02T03:04:05.678Z" {
		t.Errorf("got %s, %s", d.EventType(), d.EventTime())
	}
	accepted := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	if !d.Accepted().Equal(accepted) {
		t.Errorf("accepted at %v", d.Accepted())
	}
	d.Event["ce-type"] = []string{"gr%C3%B6%C3%9Fe%20x"}
	delete(d.Event, "ce-time")
	if d.EventType() != "größe x" || d.EventTime() != "2026-01-02T03:04:05.678Z" {
		t.Errorf("got %s, %s", d.EventType(), d.EventTime())
	}
}

func TestReadDeliveryRefuses(t *testing.T) {
	good := delivery(1)
	id := string(good.ID)
	const tenantRule = ": use 1 to 63 of a-z, 0-9, '-' and '_', starting with a letter or a digit"
	const endpointRule = `: use "ep_" followed by 1 to 60 of a-z, A-Z, 0-9, '-' and '_'`
	const idRule = `: use "dlv_" followed by 32 of 0-9 and a-v, as Tidings printed it`
	const subject = "ready.7.ep_1"
	for _, tt := range []struct {
		subject, name, value, want string
	}{
		{subject, "Tidings-Delivery", "", `delivery id ""` + idRule},
		{subject, "Tidings-Delivery", "dlv_1", `delivery id "dlv_1"` + idRule},
		{subject, "Tidings-Tenant", "", "delivery " + id + `: tenant id ""` + tenantRule},
		{subject, "Tidings-Tenant", "a.>", "delivery " + id + `: tenant id "a.>"` + tenantRule},
		{"ready.7.", "x", "", "delivery " + id + `: subject "ready.7.": endpoint id ""` + endpointRule},
		{"later.7.ep_1." + id, "x", "", "delivery " + id + `: subject "later.7.ep_1.` + id + `": endpoint id "` + id + `"` + endpointRule},
		{subject, "Tidings-Attempts", "many", "delivery " + id + `: header Tidings-Attempts is "many": want a number from 1`},
		{subject, "Tidings-Attempts", "-1", "delivery " + id + `: header Tidings-Attempts is "-1": want a number from 1`},
		{subject, "Tidings-Attempts", "0", "delivery " + id + `: header Tidings-Attempts is "0": want a number from 1`},
		{subject, "Tidings-Attempts", "99999999999999999999", "delivery " + id + `: header Tidings-Attempts is "99999999999999999999": want a number from 1`},
		{subject, "Tidings-History", "", "delivery " + id + `: header Tidings-History: unexpected end of JSON input`},
		{subject, "Tidings-History", "{", "delivery " + id + `: header Tidings-History: unexpected end of JSON input`},
		{subject, "Tidings-History", `[{"took":5}]`, "delivery " + id + `: header Tidings-History: duration 5: write a string with a unit, like "30s"`},
	} {
		h := good.Header()
		h[tt.name] = []string{tt.value}
		before := maps.Clone(h)
		d, err := schemas.ReadDelivery(tt.subject, h, nil)
		wantError(t, err, tt.want)
		if d != nil {
			t.Errorf("an error came with %+v", d)
		}
		if !reflect.DeepEqual(h, before) {
			t.Error("what could not be read was changed")
		}
	}
	if _, err := schemas.ReadDelivery("", nil, nil); !schemas.HasCode(err, schemas.CodeInvalid) {
		t.Errorf("got %v", err)
	}
}

// JetStream's scheduler drops Nats-Msg-Id and the Nats-Schedule headers of what
// it fires, and adds two of its own (nats-server 2.15, scheduler.go).
func TestScheduledDeliveryReadsBackClean(t *testing.T) {
	d := delivery(2)
	h := d.Header()
	h["Nats-Scheduler"] = []string{"later.7.ep_1." + string(d.ID)}
	h["Nats-Schedule-Next"] = []string{"purge"}
	got := read(t, d, h)
	if !reflect.DeepEqual(got, d) {
		t.Errorf("got  %+v\nwant %+v", got, d)
	}
	for name := range got.Header() {
		if strings.HasPrefix(name, "Nats-") {
			t.Errorf("header %s came back", name)
		}
	}
}

func TestAppendHistory(t *testing.T) {
	var history []schemas.Attempt
	for n := 1; n <= 100; n++ {
		before := history
		kept := append([]schemas.Attempt(nil), before...)
		history = schemas.AppendHistory(history, schemas.Attempt{Number: n})
		if !reflect.DeepEqual(before, kept) {
			t.Fatal("the shorter history changed")
		}
		if last := history[len(history)-1].Number; history[0].Number != 1 || last != n || len(history) != min(n, 32) {
			t.Fatalf("after %d: %d kept, from %d to %d", n, len(history), history[0].Number, last)
		}
	}
	if history[1].Number != 70 {
		t.Errorf("the second kept is %d, want 70", history[1].Number)
	}
}

func TestAppendHistoryMakesDetailFitForAHeader(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                              "plain",
		"a\r\nNats-Rollup: all":              "a  Nats-Rollup: all",
		"tab\tnul\x00del\x7f":                "tab nul del ",
		"broken \xff":                        "broken \ufffd",
		strings.Repeat("x", 201):             strings.Repeat("x", 200),
		strings.Repeat("x", 199) + "ü":       strings.Repeat("x", 199),
		strings.Repeat("x", 198) + "ü":       strings.Repeat("x", 198) + "ü",
		strings.Repeat("\U0001F600", 51):     strings.Repeat("\U0001F600", 50),
		"xxx" + strings.Repeat("\xff", 1000): "xxx" + strings.Repeat("\ufffd", 65),
	} {
		got := schemas.AppendHistory(nil, schemas.Attempt{Detail: in})[0].Detail
		if got != want || !utf8.ValidString(got) {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// A delivery with the longest attributes and history must still be stored: by
// JetStream, which takes 64 KiB of header, and within the 32 KiB that the
// streams leave for what is added to an event.
func TestLargestHeaderFits(t *testing.T) {
	e := newEvent(t, func(ec *event.EventContextV1) {
		ec.Extensions = map[string]any{"x": strings.Repeat("x", schemas.MaxAttributesSize-420)}
		ec.Time = &types.Timestamp{Time: time.Unix(0, 1)}
	})
	h, _, err := schemas.EncodeEvent(&e)
	if err != nil {
		t.Fatal(err)
	}
	for _, detail := range []string{`"`, `\`, "<", "\x01", "\u2028", "\xff", "ü"} {
		d := delivery(0)
		d.Event = h
		for n := range 1000 {
			d.Attempts++
			d.History = schemas.AppendHistory(d.History, schemas.Attempt{
				Number: 1e6 + n, At: time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC), Duration: schemas.Duration(299*time.Second + 123456789),
				Status: 599, Reason: schemas.ReasonEndpointDisabled, Detail: strings.Repeat(detail, 300),
			})
		}
		dead := schemas.DeadDelivery(d, schemas.Outcome{Reason: schemas.ReasonEndpointDisabled, Detail: strings.Repeat(detail, 9999)})
		size, added := headerBytes(dead), headerBytes(dead)-headerBytes(h)
		if size > 60<<10 || added > 30<<10 {
			t.Errorf("details of %q: a header of %d bytes, %d of them added", detail, size, added)
		}
		if got := read(t, d, d.Header()); len(got.History) != 32 || fmt.Sprint(got.History) != fmt.Sprint(d.History) {
			t.Errorf("details of %q: the history changed", detail)
		}
	}
}

func headerBytes(h schemas.Header) int {
	n := len("NATS/1.0\r\n\r\n")
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}
