package ingest_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/client"
	ce "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/tidings-dev/tidings/dispatcher/nodetest" //nolint:depguard // a helper of tests, not the stage
	"github.com/tidings-dev/tidings/producers/ingest"
	"github.com/tidings-dev/tidings/schemas"
)

// sent are events with all that attributes can hold and every kind of data. The
// SDKs write header values as they are: what percent-encoding is for is left to
// the structured mode.
func sent(t *testing.T) map[string]schemas.Event {
	t.Helper()
	full := func(data string) schemas.Event {
		e := ce.New()
		e.SetID("e1")
		e.SetSource("https://shop.test/orders")
		e.SetType("order.created")
		e.SetTime(time.Date(2026, 1, 2, 15, 4, 5, 678_000_000, time.UTC))
		e.SetSubject("u1")
		e.SetDataSchema("https://shop.test/order.json")
		e.SetExtension("region", "eu-1")
		if err := e.SetData(ce.ApplicationJSON, json.RawMessage(data)); err != nil {
			t.Fatal(err)
		}
		return e
	}
	bare := ce.New()
	bare.SetID("e2")
	bare.SetSource("/s")
	bare.SetType("a")
	bare.SetTime(time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)) // without one the SDKs make one up
	return map[string]schemas.Event{
		"object": full(`{"n":1.5,"text":"größe \"a\" 100% 😀","list":[true,null]}`),
		"list":   full(`[1,[],{}]`), "string": full(`"a"`), "no data": bare,
	}
}

// checkRead holds what was read to what was sent, ignoring how the data's JSON is
// laid out.
func checkRead(t *testing.T, got []schemas.Event, err error, want schemas.Event) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 {
		t.Fatalf("read %d events", len(got))
	}
	if saw, sent := seen(t, compact(t, got[0])), seen(t, compact(t, want)); saw != sent {
		t.Errorf("\ngot  %s\nwant %s", saw, sent)
	}
}

func compact(t *testing.T, e schemas.Event) schemas.Event {
	t.Helper()
	if len(e.Data()) == 0 {
		return e
	}
	var v any
	if err := json.Unmarshal(e.Data(), &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	e.DataEncoded = b
	return e
}

func TestClientInGo(t *testing.T) {
	type result struct {
		events []schemas.Event
		err    error
	}
	results := make(chan result, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		events, err := ingest.Read(r, ingest.Limits{})
		results <- result{events, err}
	}))
	t.Cleanup(server.Close)
	c, err := client.NewHTTP(cehttp.WithTarget(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	for mode, with := range map[string]func(context.Context) context.Context{
		"binary": binding.WithForceBinary, "structured": binding.WithForceStructured,
	} {
		for name, e := range sent(t) {
			t.Run(mode+"/"+name, func(t *testing.T) {
				c.Send(with(t.Context()), e) //nolint:errcheck // what was read says it
				r := <-results
				checkRead(t, r.events, r.err, e)
			})
		}
	}
	t.Run("batch", func(t *testing.T) {
		var all []schemas.Event
		for _, e := range sent(t) {
			all = append(all, e)
		}
		r, err := cehttp.NewHTTPRequestFromEvents(t.Context(), server.URL, all)
		if err != nil {
			t.Fatal(err)
		}
		events, err := ingest.Read(r, ingest.Limits{})
		if err != nil || len(events) != len(all) {
			t.Fatalf("read %d events, %v", len(events), err)
		}
		for i := range all {
			checkRead(t, events[i:i+1], nil, all[i])
		}
	})
}

func TestClientInNode(t *testing.T) {
	var names, texts []string
	events := sent(t)
	for name, e := range events {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		names, texts = append(names, name), append(texts, string(text))
	}
	var requests []map[string]struct {
		Headers map[string]string
		Body    string
	}
	list := "[" + strings.Join(texts, ",") + "]"
	if err := json.Unmarshal(nodetest.Run(t, "testdata/requests.mjs", []byte(list)), &requests); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		for mode, q := range requests[i] {
			t.Run(mode+"/"+name, func(t *testing.T) {
				r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(q.Body))
				for header, value := range q.Headers {
					r.Header.Set(header, value)
				}
				got, err := ingest.Read(r, ingest.Limits{})
				want := events[name].Clone()
				switch mode + "/" + name {
				case "binary/string": // written without its quotes, though its Content-Type is application/json
					refused(t, got, err, schemas.CodeInvalid, "data is not valid JSON")
					return
				case "binary/no data": // which the SDK gives a Content-Type all the same
					want.SetDataContentType(q.Headers["content-type"])
				}
				checkRead(t, got, err, want)
			})
		}
	}
	t.Run("batch", func(t *testing.T) { // the SDK reads batches and writes none
		r := request("Content-Type: "+batch, list)
		got, err := ingest.Read(r, ingest.Limits{})
		if err != nil || len(got) != len(names) {
			t.Fatalf("read %d events, %v", len(got), err)
		}
	})
}
