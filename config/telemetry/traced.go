package telemetry

import (
	"context"
	"encoding/hex"

	"go.opentelemetry.io/otel/trace"
)

// traced is a context in the span that a traceparent names, if that is sampled: so
// that exemplars lead there.
func traced(parent string) context.Context {
	ctx := context.Background()
	const size = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if len(parent) < size || parent[2] != '-' || parent[35] != '-' || parent[52] != '-' {
		return ctx
	}
	var flags [1]byte
	if _, err := hex.Decode(flags[:], []byte(parent[53:55])); err != nil || flags[0]&byte(trace.FlagsSampled) == 0 {
		return ctx
	}
	traceID, err := trace.TraceIDFromHex(parent[3:35])
	if err != nil {
		return ctx
	}
	spanID, err := trace.SpanIDFromHex(parent[36:52])
	if err != nil {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled, Remote: true,
	}))
}
