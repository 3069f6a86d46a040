package feed_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/cmd/tidings/cli/feed"
)

// TestFeed reads events in each form, and says which one is wrong.
func TestFeed(t *testing.T) {
	event := func(id string) string {
		return `{"specversion":"1.0","id":"` + id + `","source":"/s","type":"t","data":{"n":1}}`
	}
	for name, c := range map[string]struct {
		input string
		want  int
		fail  string
	}{
		"one":              {event("a"), 1, ""},
		"indented":         {"\ufeff \n" + strings.ReplaceAll(event("a"), ",", ",\n  ") + "\n", 1, ""},
		"one a line":       {event("a") + "\n\n" + event("b") + "\r\n" + event("c"), 3, ""},
		"a list":           {"[" + event("a") + ",\n" + event("b") + "]\n", 2, ""},
		"an empty list":    {" [ ] ", 0, ""},
		"nothing":          {" \n", 0, "there is no event in it"},
		"no id":            {event("a") + `{"specversion":"1.0","source":"/s","type":"t"}`, 1, "event 2: "},
		"no object":        {`["a"]`, 0, "event 1: is no object"},
		"a number":         {`7`, 0, "event 1: is no object"},
		"cut short":        {event("a") + event("b")[:20], 1, "event 2: unexpected EOF"},
		"a list cut short": {"[" + event("a") + ",", 1, "event 2: unexpected EOF"},
		"a list not ended": {"[" + event("a"), 1, "event 2: unexpected EOF"},
		"behind a list":    {"[" + event("a") + "] x", 1, "there is something after the list"},
		"no JSON":          {"id: a", 0, "event 1: "},
	} {
		f, err := feed.New(strings.NewReader(c.input))
		count := 0
		for err == nil {
			if _, err = f.Next(); err == nil {
				count++
			}
		}
		if count != c.want || c.fail == "" != errors.Is(err, io.EOF) || c.fail != "" && !strings.Contains(err.Error(), c.fail) {
			t.Errorf("%s: %d events, %v, want %d and %q", name, count, err, c.want, c.fail)
		}
	}
}
