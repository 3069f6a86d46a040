package schemas_test

import (
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

func TestCreationContext(t *testing.T) {
	for name, tt := range map[string]struct {
		header        schemas.Header
		body          string
		parent, state string
	}{
		"binary":                 {schemas.Header{"ce-specversion": {"1.0"}, "ce-traceparent": {"p"}, "ce-tracestate": {"a=1%2Cb"}}, "{}", "p", "a=1,b"},
		"binary, another client": {schemas.Header{"Ce-Specversion": {"1.0"}, "Ce-Traceparent": {"p"}, "CE-TRACESTATE": {"s"}}, "", "p", "s"},
		"binary, without":        {schemas.Header{"ce-specversion": {"1.0"}, "traceparent": {"p"}}, `{"traceparent":"q"}`, "", ""},
		"structured":             {schemas.Header{"Content-Type": {"application/cloudevents+json"}}, `{"traceparent":"p","tracestate":"s"}`, "p", "s"},
		"structured, unsaid":     {nil, `{"specversion":"1.0","traceparent":"p"}`, "p", ""},
		"no event":               {nil, `[`, "", ""},
	} {
		if parent, state := schemas.CreationContext(tt.header, []byte(tt.body)); parent != tt.parent || state != tt.state {
			t.Errorf("%s: got %q, %q", name, parent, state)
		}
	}
}

// A delivery's trace travels with it, into its dead letter too.
func TestDeliveryTrace(t *testing.T) {
	d := delivery(2)
	if _, ok := d.Header()["Tidings-Trace"]; ok {
		t.Error("a delivery without a trace has the header")
	}
	d.Trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 apart"
	read, err := schemas.ReadDelivery(benchSubject, d.Header(), d.Data)
	if err != nil || read.Trace != d.Trace {
		t.Errorf("read %q, %v", read.Trace, err)
	}
	letter := schemas.DeadDelivery(d, schemas.Outcome{Reason: schemas.ReasonExhausted})
	if read, err := schemas.ReadDelivery(benchSubject, letter, d.Data); err != nil || read.Trace != d.Trace {
		t.Errorf("the dead letter has %q, %v", read.Trace, err)
	}
}
