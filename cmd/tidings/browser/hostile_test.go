package browser

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// attacks are what runs, or loads, where text is taken for markup.
var attacks = []string{
	`<script>window.struck="script"</script>`,
	`"><img src=x onerror="window.struck='img'">`,
	`'><svg/onload=window.struck='svg'>`,
	`</pre></td></style><iframe srcdoc="<script>parent.struck='frame'</script>">`,
	"javascript:window.struck='url'",
	`{{constructor.constructor("window.struck='template'")()}}`,
}

// TestHostileData puts attacks wherever data comes from elsewhere, opens every page
// that shows it, and clicks what it made. Nothing may run.
func TestHostileData(t *testing.T) {
	all := strings.Join(attacks, " ")
	r := newReceiver(t)
	r.says(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Attack", all)
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Location", attacks[4])
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte(all))
	})
	const id = "hostile"
	call(t, "POST", "/v1/tenants", fields{"id": id, "name": all[:200]})
	ep := endpoint(t, id, fields{"name": all[:250], "url": r.URL + "/%3Cscript%3E?x=%22onerror", "policy": fields{"retry": []string{}}})
	call(t, "POST", "/v1/tenants/"+id+"/subscriptions", fields{"endpoint": ep, "types": []string{"order.*"}, "filters": []any{fields{"exact": fields{"subject": all}}}})
	call(t, "PUT", "/v1/tenants/"+id+"/types/order.hostile", fields{
		"type": "order.hostile", "domain": "hostile", "meaning": all, "schema": fields{"type": "object", "description": all},
		"valid": []any{fields{"a": all}}, "invalid": []any{fields{"data": 1, "error": "data: must be an object"}},
	})
	call(t, "POST", "/v1/tokens", fields{"name": all[:250], "scope": "publish", "tenant": id})
	call(t, "POST", "/v1/tenants/"+id+"/events", fields{
		"specversion": "1.0", "id": all, "source": `javascript:alert(1)//"><script>`, "type": "order.hostile", "subject": all, "data": fields{all: all},
	})
	d := deliveries(t, id, "status=dead&type=order.hostile", 1)[0].(map[string]any)

	b := newTab(t, id)
	b.size(1360, 900)
	b.enter(adminToken)
	b.script(`(() => { window.struck = ""; window.refused = []; addEventListener("securitypolicyviolation", (e) => window.refused.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample)); })()`)
	at := "#/t/" + id + "/"
	pages := []string{
		at + "overview", at + "endpoints", at + "endpoints/" + ep, at + "deliveries", at + "deliveries/" + d["id"].(string), at + "events",
		at + "events/" + d["event"].(map[string]any)["place"].(string), at + "types", at + "types/order.hostile", at + "dead", at + "dead?what=events", at + "replays", at + "settings", at + "audit",
		"#/tenants", "#/tokens", at + "types/%3Cscript%3Ewindow.struck='hash'%3C%2Fscript%3E", at + "events?id=%22%3E%3Cimg%20src%3Dx%20onerror%3Dwindow.struck%3D1%3E", at + "deliveries?endpoint=%22onfocus%3Dwindow.struck%3D2%20autofocus",
		"#/t/%3Cimg%20src=x%20onerror=window.struck=3%3E/overview",
	}
	shown := 0
	for _, page := range pages {
		b.openHash(page)
		b.fits(page, 1360)
		if b.script(`document.body.innerText.includes("window.struck")`) == true {
			shown++
		}
		for _, bad := range []string{
			`window.struck`, `document.querySelector("#app script, #app iframe, #app img:not([alt='']), #app [onerror], #app [onload]")?.outerHTML ?? ""`,
			`[...document.querySelectorAll("a[href], [src]")].map((n) => n.getAttribute("href") ?? n.getAttribute("src")).find((u) => /^\s*(javascript|vbscript|data:text)/i.test(u)) ?? ""`, `window.refused.join()`,
		} {
			if got := b.script(bad); got != "" {
				t.Errorf("%s: %s is %q", page, bad, got)
			}
		}
	}
	if shown < 8 {
		t.Errorf("%d pages show an attack as text, want most of %d: else this tests nothing", shown, len(pages))
	}
}

// TestInlineIsRefused puts a script, a handler and a style into the page, as an
// attacker who has found a hole would: the policy refuses them.
func TestInlineIsRefused(t *testing.T) {
	b := newTab(t, "")
	b.do(chromedp.Navigate(shared.base))
	b.until(settled)
	b.script(`(async () => {
		window.struck = []; window.refused = [];
		addEventListener("securitypolicyviolation", (e) => window.refused.push(e.effectiveDirective));
		const script = document.createElement("script");
		script.textContent = "window.struck.push('inline')";
		const elsewhere = document.createElement("script");
		elsewhere.src = "https://elsewhere.example/x.js";
		const box = document.createElement("div");
		box.innerHTML = "<b onclick=\"window.struck.push('handler')\">b</b><p style='color:red'>p</p>";
		document.body.append(script, elsewhere, box);
		box.firstChild.click();
		// Later: what DevTools evaluates itself is free of the policy.
		await new Promise((done) => setTimeout(() => {
			try { (0, eval)("window.struck.push('eval')"); } catch { /* as it should be */ }
			done();
		}));
		await fetch("https://elsewhere.example/").catch(() => {});
	})()`)
	b.until(`["script-src-elem", "script-src-attr", "style-src-attr", "connect-src"].every((d) => window.refused.includes(d))`)
	if got := b.script(`window.struck.join()`); got != "" {
		t.Errorf("it ran: %v", got)
	}
	if len(b.complaints()) == 0 {
		t.Error("the rig hears no refusal, so it would hear none elsewhere")
	}
}
