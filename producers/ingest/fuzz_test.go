package ingest_test

import (
	"errors"
	"testing"

	"github.com/tidings-dev/tidings/producers/ingest"
	"github.com/tidings-dev/tidings/schemas"
)

// FuzzRead looks for a request that is read into an event the pipe would not
// take, or that breaks a bound.
func FuzzRead(f *testing.F) {
	for _, contentType := range []string{"", "application/json; charset=utf-8", structured, batch, "application/cloudevents"} {
		for _, body := range []string{"", "{}", "[]", event(`,"data":1`), "[" + event("") + "," + event(`,"data_base64":"MQ=="`) + "]", "[{}"} {
			f.Add(contentType, "1.0", "e%31", body)
		}
	}
	limits := ingest.Limits{Event: 64, Body: 1024, Batch: 4}
	f.Fuzz(func(t *testing.T, contentType, version, id, body string) {
		r := request("ce-source: /s\nce-type: a.b", body)
		r.Header["Content-Type"] = []string{contentType}
		r.Header["Ce-Specversion"], r.Header["Ce-Id"] = []string{version}, []string{id}
		events, err := ingest.Read(r, limits)
		if err != nil {
			var own *schemas.Error
			if !errors.As(err, &own) || own.Code != schemas.CodeInvalid && own.Code != schemas.CodeTooLarge || events != nil {
				t.Fatalf("%d events, %#v", len(events), err)
			}
			return
		}
		if len(events) > limits.Batch || int64(len(body)) > limits.Body {
			t.Fatalf("%d events of %d bytes are over the bounds", len(events), len(body))
		}
		for _, e := range events {
			if err := schemas.ValidateEvent(&e); err != nil || len(e.Data()) > limits.Event {
				t.Fatalf("%d bytes of data, %v", len(e.Data()), err)
			}
		}
	})
}
