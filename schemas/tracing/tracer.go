package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// scope is before the stage's name in the name of the instrumentation scope.
const scope = "github.com/tidings-dev/tidings/"

// Tracer begins a stage's spans. The zero value begins none, and costs nothing.
type Tracer struct{ t trace.Tracer }

// New is a stage's tracer. Nil and OpenTelemetry's noop provider are off.
func New(p trace.TracerProvider, stage string) Tracer {
	switch p.(type) {
	case nil, noop.TracerProvider, *noop.TracerProvider:
		return Tracer{}
	}
	return Tracer{p.Tracer(scope+stage, trace.WithSchemaURL(semconv.SchemaURL))}
}

// On reports whether spans are begun at all.
func (t Tracer) On() bool { return t.t != nil }

// Begin is a span to be.
type Begin struct {
	Name string
	Kind trace.SpanKind
	// After is what the span follows; zero makes it a child of ctx's span.
	After Origin
	// Also is linked beside that, if it is valid.
	Also trace.SpanContext
	// Inner tells of a span that follows one of the pipe's own: after one that is not
	// sampled it is not begun, whatever a sampler would say.
	Inner bool
}

// Start begins a span, and returns ctx with it. Attributes are set after that, on a
// span that records: most are not sampled, and the sampler asks for none.
func (t Tracer) Start(ctx context.Context, b Begin) (context.Context, Span) {
	if t.t == nil {
		return ctx, Span{}
	}
	if b.Inner && b.After.Span.IsValid() && !b.After.Span.IsSampled() {
		ctx = trace.ContextWithSpanContext(ctx, b.After.Span)
		return ctx, Span{trace.SpanFromContext(ctx)}
	}
	options := make([]trace.SpanStartOption, 1, 3)
	options[0] = trace.WithSpanKind(b.Kind)
	var links []trace.Link
	switch {
	case !b.After.Span.IsValid() && b.After.Apart:
		options = append(options, trace.WithNewRoot())
	case !b.After.Span.IsValid():
	case b.After.Apart:
		options = append(options, trace.WithNewRoot())
		links = append(links, trace.Link{SpanContext: b.After.Span})
	default:
		ctx = trace.ContextWithSpanContext(ctx, b.After.Span)
	}
	if b.Also.IsValid() {
		links = append(links, trace.Link{SpanContext: b.Also})
	}
	if links != nil {
		options = append(options, trace.WithLinks(links...))
	}
	ctx, s := t.t.Start(ctx, b.Name, options...)
	return ctx, Span{s}
}

// Span is one that was begun; the zero value was not. Its methods do nothing then.
type Span struct{ s trace.Span }

// Records reports whether attributes and ends are worth their making.
func (s Span) Records() bool { return s.s != nil && s.s.IsRecording() }

// Context is what others follow; the zero value is not valid.
func (s Span) Context() trace.SpanContext {
	if s.s == nil {
		return trace.SpanContext{}
	}
	return s.s.SpanContext()
}

// In is ctx with the span, so that what is logged or begun under it belongs to it.
func (s Span) In(ctx context.Context) context.Context {
	if s.s == nil {
		return ctx
	}
	return trace.ContextWithSpan(ctx, s.s)
}

// Set adds attributes.
func (s Span) Set(attributes ...attribute.KeyValue) {
	if s.s != nil {
		s.s.SetAttributes(attributes...)
	}
}

// Fail says that what the span tells of failed: why, as one of few words
// (error.type), and in a sentence, which may be empty.
func (s Span) Fail(why, detail string) {
	if s.s == nil {
		return
	}
	s.s.SetAttributes(semconv.ErrorTypeKey.String(why))
	s.s.SetStatus(codes.Error, detail)
}

// End ends the span.
func (s Span) End(options ...trace.SpanEndOption) {
	if s.s != nil {
		s.s.End(options...)
	}
}
