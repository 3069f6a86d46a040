package telemetry

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
)

// plain is an attribute with values of slog's own kinds, where it has those of types of
// ours: otelslog sends "unhandled: (schemas.DeliveryID) dlv_…" for a string that has a
// type, and nobody finds a delivery by that. A text is the one that slog's text handler
// writes. Numbers stay numbers; errors, and what else otelslog can take apart, stay as
// they are.
func plain(a slog.Attr) slog.Attr {
	a.Value = plainValue(a.Value.Resolve())
	return a
}

func plains(attrs []slog.Attr) []slog.Attr {
	made := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		made[i] = plain(a)
	}
	return made
}

func plainValue(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindGroup:
		return slog.GroupValue(plains(v.Group())...)
	case slog.KindAny:
		return plainAny(v)
	}
	return v
}

func plainAny(v slog.Value) slog.Value {
	of := reflect.ValueOf(v.Any())
	if of.Kind() == reflect.Pointer && of.IsNil() {
		return slog.StringValue("<nil>") // its methods may not be called
	}
	switch said := v.Any().(type) {
	case error: // of which OpenTelemetry makes exception.type and exception.message too
		return v
	case encoding.TextMarshaler:
		if text, err := said.MarshalText(); err == nil {
			return slog.StringValue(string(text))
		}
	case fmt.Stringer:
		return slog.StringValue(fmt.Sprint(said)) // which outlives a method that panics
	}
	switch {
	case of.Kind() == reflect.String:
		return slog.StringValue(of.String())
	case of.Kind() == reflect.Bool:
		return slog.BoolValue(of.Bool())
	case of.CanInt():
		return slog.Int64Value(of.Int())
	case of.CanUint():
		return slog.Uint64Value(of.Uint())
	case of.CanFloat():
		return slog.Float64Value(of.Float())
	case of.Kind() == reflect.Slice && of.Type().Elem().Kind() == reflect.String:
		texts := make([]string, of.Len())
		for i := range texts {
			texts[i] = of.Index(i).String()
		}
		return slog.AnyValue(texts)
	}
	return v
}
