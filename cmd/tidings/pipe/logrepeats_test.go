package pipe

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestRepeatsAreLoggedSeldom(t *testing.T) {
	var b strings.Builder
	h := newFewRepeats(slog.NewTextHandler(&b, nil)).WithAttrs([]slog.Attr{slog.String("role", "test")})
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 3 * maxRepeats {
		for _, message := range []string{"fanout stores again", "event dead"} {
			if err := h.Handle(context.Background(), slog.NewRecord(begin, slog.LevelWarn, message, 0)); err != nil {
				t.Fatal(i, err)
			}
		}
	}
	if again, dead := strings.Count(b.String(), "stores again"), strings.Count(b.String(), "event dead"); again != maxRepeats || dead != 3*maxRepeats {
		t.Errorf("%d and %d lines, want %d that repeat and all %d that tell something", again, dead, maxRepeats, 3*maxRepeats)
	}
	b.Reset()
	if err := h.Handle(context.Background(), slog.NewRecord(begin.Add(repeatsEvery), slog.LevelWarn, "fanout stores again", 0)); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(" role=test left_out=%d\n", 2*maxRepeats); !strings.HasSuffix(b.String(), want) {
		t.Errorf("after a while: %q, want it to end with %q", b.String(), want)
	}
}
