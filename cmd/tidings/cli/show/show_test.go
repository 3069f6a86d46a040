package show_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/show"
)

func TestMembers(t *testing.T) {
	got := show.Members(json.RawMessage(`{"z":1,"a":{"b":"x","c":{"d":[1,2]}},"e":{},"f":["x","y"],"g":null,"h":"2026-01-31T12:00:00.123+01:00","i":[]}`))
	want := [][]string{{"z", "1"}, {"a.b", "x"}, {"a.c.d", "[1,2]"}, {"e", "{}"}, {"f", "x, y"}, {"g", ""}, {"h", "2026-01-31T11:00:00Z"}, {"i", "[]"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := show.Members(json.RawMessage(`[1]`)); got != nil {
		t.Errorf("of a list: %v", got)
	}
}

// TestLettersAreLetters shows what a server has escaped for web pages.
func TestLettersAreLetters(t *testing.T) {
	const sent = `{"a":"data.n \u003e 1 \u0026\u0026 \u003Cb\u003e","b":"\\u003e \u001b \"","c":{"d":[{"e":"\u003e"}]}}`
	var out strings.Builder
	if err := show.JSON(&out, json.RawMessage(sent)); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, `"data.n > 1 && <b>"`) || !strings.Contains(got, `"\\u003e \u001b \""`) || strings.Count(got, `\u003e`) != 1 {
		t.Errorf("%s", got)
	}
	var before, after any
	if json.Unmarshal([]byte(sent), &before) != nil || json.Unmarshal([]byte(out.String()), &after) != nil || !cmp.Equal(before, after) {
		t.Errorf("it means something else: %s", cmp.Diff(before, after))
	}
	out.Reset()
	if err := show.Line(&out, json.RawMessage(sent)); err != nil || strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), "> 1 &&") {
		t.Errorf("%v, %s", err, out.String())
	}
	if got := show.Text(json.RawMessage(sent), "c.d"); got != `[{"e":">"}]` {
		t.Errorf("a table shows %s", got)
	}
}
