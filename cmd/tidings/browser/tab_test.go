package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a window of the browser with nothing kept from others.
type tab struct {
	t      *testing.T
	ctx    context.Context //nolint:containedctx // chromedp's handle of a tab is one
	tenant string
	hash   string // what picture opens

	mu    sync.Mutex // guards what follows
	wrong []string   // errors of scripts, refusals of the policy, dialogs
}

// newTab opens the console, signed in by a link.
func newTab(t *testing.T, tenant string) *tab {
	t.Helper()
	b := &tab{t: t, tenant: tenant}
	ctx, cancel := chromedp.NewContext(shared.browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b.ctx = ctx
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate("about:blank"))
	t.Cleanup(func() {
		for _, wrong := range b.complaints() {
			t.Error(wrong)
		}
	})
	return b
}

// hear keeps what no page of the console may do.
func (b *tab) hear(event any) {
	said := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		said = fmt.Sprintf("script: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			text, _ := json.Marshal(e.Args)
			said = "console: " + string(text)
		}
	case *log.EventEntryAdded:
		if e.Entry.Source == "security" || strings.Contains(e.Entry.Text, "Content Security Policy") {
			said = "policy: " + e.Entry.Text
		}
	case *page.EventJavascriptDialogOpening:
		said = "dialog: " + e.Message
		go chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{}) //nolint:errcheck // it is told below
	}
	if said != "" {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.wrong = append(b.wrong, said)
	}
}

// complaints are what was heard so far, and forgets it.
func (b *tab) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.wrong
	b.wrong = nil
	return was
}

// do does things in the tab, and shows where it got if they do not come to an end.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.stuck(err)
	}
}

// stuck ends the test with what the page shows.
func (b *tab) stuck(err error) {
	b.t.Helper()
	seen, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText`))
	b.t.Fatalf("%v; the page shows:\n%s\n%v", err, seen, b.complaints())
}

// script evaluates an expression, which may be a promise, to JSON.
func (b *tab) script(expression string) any {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[any](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.stuck(err)
	}
	return value
}

// until waits for an expression to be true.
func (b *tab) until(expression string) {
	b.t.Helper()
	deadline, tick := time.After(waitLimit), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for b.script(`Boolean(`+expression+`)`) != true {
		select {
		case <-tick.C:
		case <-deadline:
			b.stuck(fmt.Errorf("it is not true after %s: %s", waitLimit, expression))
		}
	}
}

// settled is true when a page is there and waits for nothing.
const settled = `!!document.querySelector("main h1") && !document.querySelector("[aria-busy=true]") && document.fonts.status === "loaded"`

// enter signs in with a token by a link.
func (b *tab) enter(token string) {
	b.t.Helper()
	b.do(chromedp.Navigate(shared.base + "/#link=" + token))
	b.until(`!!document.querySelector(".shell")`)
}

// open shows a page of the tenant, and waits until all of it is there.
func (b *tab) open(path string) {
	b.t.Helper()
	b.openHash("#/t/" + b.tenant + "/" + path)
}

func (b *tab) openHash(hash string) {
	b.t.Helper()
	quoted, _ := json.Marshal(hash)
	b.script(`(() => { document.querySelector("main h1")?.remove(); location.hash = "#/"; history.replaceState(null, "", ` + string(quoted) + `); dispatchEvent(new HashChangeEvent("hashchange")); })()`)
	b.until(settled)
}

// shows waits until the page has a text.
func (b *tab) shows(text string) {
	b.t.Helper()
	quoted, _ := json.Marshal(text)
	b.until(`document.body.innerText.includes(` + string(quoted) + `)`)
}

// press clicks the button or link with this text, in the dialog if one is open.
func (b *tab) press(label string) {
	b.t.Helper()
	quoted, _ := json.Marshal(label)
	found := `(() => { const all = [...(document.querySelector("dialog[open]") ?? document).querySelectorAll("button, a")];
		return all.find((n) => n.textContent.trim() === ` + string(quoted) + ` && n.checkVisibility() && !n.disabled); })()`
	b.until(`(() => { const n = ` + found + `; n?.click(); return !!n; })()`)
}

// write fills in the field with this label.
func (b *tab) write(label, text string) {
	b.t.Helper()
	l, _ := json.Marshal(label)
	v, _ := json.Marshal(text)
	found := `(() => { const scope = document.querySelector("dialog[open]") ?? document;
		const named = [...scope.querySelectorAll("input, select, textarea")].find((n) => n.getAttribute("aria-label") === ` + string(l) + `);
		return named ?? [...scope.querySelectorAll("label")].find((n) => n.textContent.trim() === ` + string(l) + ` && n.checkVisibility())?.control; })()`
	b.until(`(() => { const n = ` + found + `; if (!n) return false; n.focus(); n.value = ` + string(v) + `; n.dispatchEvent(new Event("input", {bubbles: true})); n.dispatchEvent(new Event("change", {bubbles: true})); return true; })()`)
}

// drawn waits until the page is drawn as it is.
func (b *tab) drawn() {
	b.t.Helper()
	b.script(`new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))`)
}

// size sets the window, and theme the colours that the system asks for.
func (b *tab) size(width, height int64) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 600,
	}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) theme(name string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}); err != nil {
		b.t.Fatal(err)
	}
}
