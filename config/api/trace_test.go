package api_test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/tracing"
)

// TestCallersTrace: what is published for a caller belongs to the caller's trace.
func TestCallersTrace(t *testing.T) {
	var got []string
	r := newRig(t, func(o *api.Options, _ *access.Options) {
		o.Publish = func(ctx context.Context, _ schemas.TenantID, events []schemas.Event) ([]bool, error) {
			got = append(got, tracing.Parent(trace.SpanContextFromContext(ctx)))
			return make([]bool, len(events)), nil
		}
	})
	r.tenants()
	const of = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, parent := range []string{of, "", "nonsense"} {
		r.do(202, "POST", "/v1/tenants/acme/events", event, append([]string{"Traceparent", parent}, structured...)...)
	}
	if len(got) != 3 || got[0] != of || got[1] != "" || got[2] != "" {
		t.Errorf("published under %q", got)
	}
}
