package flow_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/flow"
	"github.com/tidings-dev/tidings/schemas"
)

// TestFlowSignals has every reason there is, so that a new one is thought about.
func TestFlowSignals(t *testing.T) {
	want := map[schemas.Reason]flow.Signal{}
	for signal, reasons := range map[flow.Signal][]schemas.Reason{
		flow.Fine:      {"ok", "redirect", "client_error", "gone"},
		flow.Throttled: {"throttled"},
		flow.Failed:    {"timeout", "dns", "connect", "tls", "reset", "bad_response", "server_error", "egress_denied"},
		flow.Void: {
			"no_consent", "nacked", "exhausted", "not_retried", "status_disables", "manual", "endpoint_disabled", "endpoint_deleted", "too_old",
			"endpoint_invalid", "unworded", "unreadable", "event_invalid", "tenant_unknown", "schema_invalid",
			"too_large", "queue_full", "skipped", "failing", "event_expired", "crashed",
		},
	} {
		for _, r := range reasons {
			want[r] = signal
		}
	}
	all := reasons(t)
	for _, r := range all {
		if got := flow.SignalOf(r); got != want[r] {
			t.Errorf("%s: %q, want %q", r, got, want[r])
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d reasons in schemas, %d here", len(all), len(want))
	}
}

// reasons reads the constants of type Reason.
func reasons(t *testing.T) (all []schemas.Reason) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../schemas/outcome.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Reason" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, schemas.Reason(value))
		}
		return true
	})
	return all
}
