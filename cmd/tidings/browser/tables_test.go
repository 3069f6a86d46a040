package browser

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// TestSnippetsInGo compiles those that receivers in Go are shown.
func TestSnippetsInGo(t *testing.T) {
	for _, family := range []string{"standard", "relaybox", "oneroute", "roq"} {
		text, err := os.ReadFile(filepath.FromSlash("../../../config/console/web/snippets/" + family + ".go.txt"))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "hooks.go")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", family, err, out)
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
