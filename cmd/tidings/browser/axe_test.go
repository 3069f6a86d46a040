package browser

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAccessible has axe judge every page in both themes. It wants nothing serious.
func TestAccessible(t *testing.T) {
	axe := axeSource(t)
	s := newShop(t, "accessible")
	b := newTab(t, s.tenant)
	b.do(chromedp.Navigate(shared.base))
	b.until(settled)
	b.script(axe)
	if b.script(`document.querySelector("main").append(document.createElement("button"))`); len(b.violations()) == 0 {
		t.Error("axe finds nothing wrong with a button without a name")
	}
	b.script(`document.querySelector("main > button").remove()`)
	b.judge("signin")
	b.script(`document.querySelector("main .button").click()`) // an empty form: the browser says so, and nothing else happens
	b.enter(adminToken)
	b.script(axe)
	for _, p := range s.pages() {
		b.openHash(p[1])
		b.judge(p[0])
	}
	b.openHash("#/t/" + s.tenant + "/dead")
	b.press("Replay…")
	b.judge("replay-dialog")
	for name, open := range dialogs(s) {
		open(b)
		b.judge(name)
	}
	b.size(390, 844)
	b.openHash("#/t/" + s.tenant + "/deliveries")
	b.judge("deliveries on a phone")
	b.script(`document.querySelector(".menu-button").click()`)
	b.judge("menu on a phone")
}

// axeSource is a script that puts axe into a page.
func axeSource(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	return string(source) + "\n;true"
}

// judge tells what axe finds on the page that is open.
func (b *tab) judge(what string) {
	b.t.Helper()
	for _, theme := range []string{"light", "dark"} {
		b.theme(theme)
		b.drawn()
		if list := b.violations(); len(list) > 0 {
			said, _ := json.MarshalIndent(list, "", "  ")
			b.t.Errorf("%s, %s: %s", what, theme, said)
		}
	}
}

// violations are what axe finds, the serious and the critical.
func (b *tab) violations() []any {
	b.t.Helper()
	return b.script(`axe.run(document, {resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then((r) => r.violations
			.filter((v) => v.impact === "serious" || v.impact === "critical")
			.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + (n.any[0]?.message ?? "")).join(" | ")))`).([]any)
}
