package browser

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/schemas"
)

// TestDialects holds what the console says of each dialect to what the pipe does.
func TestDialects(t *testing.T) {
	b := newTab(t, "")
	b.do(chromedp.Navigate(shared.base))
	b.until(settled)
	said := b.script(`import(document.querySelector("script[type=module]").src.replace("app.js", "dialects.js")).then((m) => m.dialects)`).(map[string]any)
	if len(said) != len(schemas.Dialects()) {
		t.Errorf("the console knows %d dialects, the pipe %d", len(said), len(schemas.Dialects()))
	}
	for _, d := range schemas.Dialects() {
		has, _ := said[string(d)].(map[string]any)
		rules, err := dialect.For(d)
		if err != nil {
			t.Fatal(err)
		}
		var delays []string
		for _, delay := range rules.Schedule {
			delays = append(delays, short(delay))
		}
		if got, want := fmt.Sprintf("%v %v %v", has["timeout"], has["retry"], has["open"] == true), fmt.Sprintf("%v %v %v", rules.Timeout, delays, d.Open()); got != want {
			t.Errorf("%s: the console says %s, the pipe %s", d, got, want)
		}
	}
}

// short is a length without the parts that are zero.
func short(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if cut, ok := strings.CutSuffix(text, zero); ok {
			text = cut + zero[:1]
		}
	}
	return text
}
