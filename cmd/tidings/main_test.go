package main

import (
	"bytes"
	"log"
	"log/slog"
	"os"
	"testing"
)

// TestLibrariesAreQuiet has what net/http logs of hostile receivers out of an
// operator's sight, unless asked for.
func TestLibrariesAreQuiet(t *testing.T) {
	was := slog.Default()
	t.Cleanup(func() {
		slog.SetDefault(was)
		log.SetOutput(os.Stderr)
	})
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		var out bytes.Buffer
		librariesLogTo(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level})))
		log.Print("unhandled response frame")
		if said := out.Len() > 0; said != (level == slog.LevelDebug) {
			t.Errorf("at %s: %q", level, out.String())
		}
	}
}
