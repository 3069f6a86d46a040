package telemetry

import (
	"context"
	"errors"
	"log/slog"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel/trace"
)

// Handler is next with the ids of the span that a record's context is in, trace_id and
// span_id (OpenTelemetry, "Trace Context in non-OTLP Log Formats"). Where logs are
// exported, each record that next takes is sent as well, with plain values ([plain]). Of
// what is said nothing else is added: secrets and bodies are nobody's to log.
func (t *Telemetry) Handler(next slog.Handler) slog.Handler {
	h := &handler{next: next}
	if t.logging {
		h.sent = otelslog.NewHandler(scope, otelslog.WithLoggerProvider(t.loggers), otelslog.WithVersion(t.o.Version))
	}
	return h
}

// handler writes records, and sends them.
type handler struct {
	next slog.Handler
	sent slog.Handler // nil if logs are not exported
}

// Enabled reports whether next takes records of the level.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle writes the record, and sends it.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	var err error
	if h.sent != nil {
		sent := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
		r.Attrs(func(a slog.Attr) bool {
			sent.AddAttrs(plain(a))
			return true
		})
		err = h.sent.Handle(ctx, sent)
	}
	if s := trace.SpanContextFromContext(ctx); s.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", s.TraceID().String()), slog.String("span_id", s.SpanID().String()))
	}
	return errors.Join(h.next.Handle(ctx, r), err)
}

// WithAttrs is [slog.Handler.WithAttrs].
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	made := &handler{next: h.next.WithAttrs(attrs)}
	if h.sent != nil {
		made.sent = h.sent.WithAttrs(plains(attrs))
	}
	return made
}

// WithGroup is [slog.Handler.WithGroup].
func (h *handler) WithGroup(name string) slog.Handler {
	made := &handler{next: h.next.WithGroup(name)}
	if h.sent != nil {
		made.sent = h.sent.WithGroup(name)
	}
	return made
}
