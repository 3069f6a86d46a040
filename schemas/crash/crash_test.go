package crash_test

import (
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas/crash"
)

func bad(m map[string]int) { m["x"] = 1 }

func TestBounded(t *testing.T) {
	for crashes, wantNil := range map[int]bool{0: true, 1: true, crash.Times - 1: true, crash.Times: false, 99: false} {
		runs, notes := 0, 0
		c := crash.Bounded(func() {
			if runs++; runs <= crashes {
				bad(nil)
			}
		}, func(*crash.Crash) { notes++ })
		if want := min(crashes, crash.Times); (c == nil) != wantNil || notes != want || runs > crash.Times {
			t.Errorf("%d crashes: %v after %d runs, %d notes; want %d", crashes, c, runs, notes, want)
		}
		if c == nil {
			continue
		}
		text := c.Error()
		for _, want := range []string{"assignment to entry in nil map", "in crash_test.bad (crash_test.go:10) < crash_test.TestBounded.func1 (crash_test.go:17)"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q does not say %q", text, want)
			}
		}
		if strings.Contains(text, "\n") || strings.Contains(text, "catch") {
			t.Errorf("%q says too much", text)
		}
	}
}
