package caret_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/cmd/tidings/caret"
)

func TestPoint(t *testing.T) {
	for _, c := range []struct {
		text         string
		line, column int
		want         string
	}{
		{"a == b", 1, 2, "what\n    a == b\n      ^\ntodo"},
		{"a\nbäh x", 2, 4, "what\n    bäh x\n        ^\ntodo"},
		{"a", 1, 99, "what\n    a\n     ^\ntodo"},
		{"a", 9, 3, "what\n    \n    ^\ntodo"},
		{"a\x1b[2Jb", 1, 0, "what\n    a [2Jb\n    ^\ntodo"},
		{strings.Repeat("x", 100) + "!" + strings.Repeat("y", 100), 1, 100, "what\n    …" + strings.Repeat("x", 38) + "!" + strings.Repeat("y", 37) + "…\n    " + strings.Repeat(" ", 39) + "^\ntodo"},
	} {
		if diff := cmp.Diff(c.want, caret.Point("what", c.text, c.line, c.column, "todo")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestJSON(t *testing.T) {
	for text, column := range map[string]int{`["5s","5m"`: 10, `{"ä":x}`: 5, `[1,,2]`: 3, `"a`: 2, `{a:1}`: 1, `[1] 2`: 4} {
		if got, why := caret.JSON(text); got != column || why == "" {
			t.Errorf("%s: column %d, want %d (%s)", text, got, column, why)
		}
	}
}
