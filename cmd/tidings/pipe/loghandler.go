package pipe

import (
	"log/slog"
	"os"

	"github.com/tidings-dev/tidings/config"
	"github.com/tidings-dev/tidings/schemas"
)

// logHandler writes what is said to standard error.
func logHandler(l config.Log) (slog.Handler, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "--log-level %q: use debug, info, warn or error", l.Level)
	}
	o := &slog.HandlerOptions{Level: level}
	switch l.Format {
	case "text":
		return slog.NewTextHandler(os.Stderr, o), nil
	case "json":
		return slog.NewJSONHandler(os.Stderr, o), nil
	}
	return nil, schemas.Errorf(schemas.CodeInvalid, "--log-format %q: use text or json", l.Format)
}
