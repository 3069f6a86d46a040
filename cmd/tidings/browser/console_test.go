package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestAnEndpointIsMade makes an endpoint by the form, with a filter that is first
// wrong, and sees an event arrive at it while the overview is open.
func TestAnEndpointIsMade(t *testing.T) {
	r := newReceiver(t)
	b := newTab(t, tenant(t, "maker"))
	b.enter(adminToken)
	b.open("endpoints")
	b.shows("No endpoints yet")
	b.press("New endpoint")
	b.until(settled)
	b.write("Name", "Lobby bot")
	b.write("URL", "ftp://nowhere")
	b.write("Search event types, or write a pattern", "room.")
	b.until(`(() => { const named = [...document.querySelectorAll(".picker input")].map((n) => n.value.includes("room.")); return named.indexOf(false) > 0 && named.lastIndexOf(true) < named.indexOf(false); })()`)
	b.write("Search event types, or write a pattern", "room.joined")
	b.script(`document.querySelector("input[value='room.joined']").click()`)
	b.write("Filter", "cel")
	b.write("Expression", "data.roomIdd == 'lobby'")
	b.shows("roomIdd") // told while it is written
	b.until(`document.querySelector("textarea").getAttribute("aria-invalid") === "true"`)
	b.write("URL", r.URL)
	b.press("Create endpoint")
	b.until(`document.activeElement === document.querySelector("textarea") && !document.querySelector("main .problem")`) // said once, at its field
	if said := b.script(`document.querySelector("textarea").closest(".field").textContent`).(string); strings.Contains(said, "filters[0]") {
		t.Errorf("the field says %q", said)
	}
	b.write("URL", "ftp://nowhere")
	b.write("Expression", "data.roomId == 'lobby'")
	b.shows("The filter is valid for these types.")
	b.write("Retries after", "5s, soon")
	b.shows("“soon” is no length of time")
	b.write("Retries after", "5s, 1h")
	b.shows("3 attempts, the last after 1 h.")
	b.press("Create endpoint")
	b.until(`document.querySelector("input[name=url]").getAttribute("aria-invalid") === "true"`) // the API refuses it, beside its field
	if said := b.script(`document.querySelector("main form").textContent`).(string); !strings.Contains(said, "url scheme") || strings.Contains(said, "ep_") {
		t.Errorf("the form says %q", said)
	}
	b.write("Timeout", "99h")
	b.write("URL", r.URL+"/hooks")
	b.press("Create endpoint")
	b.until(`document.querySelector("input[name=timeout]").closest(".field").textContent.includes("Timeout99h0m0s: use more")`)
	b.write("Timeout", "")
	b.press("Create endpoint")
	b.shows("The endpoint is made")
	key := b.script(`document.querySelector("dialog pre").textContent`).(string)
	b.press("Done")
	b.shows("room.joined")

	b.open("overview")
	b.shows("Attempts appear here as they are made.")
	publish(t, "maker", "elsewhere", "room.joined", fields{"roomId": "attic"}) // the filter
	publish(t, "maker", "arrives", "room.joined", fields{"roomId": "lobby"})
	b.until(`document.querySelector("tr[data-key] .badge")?.textContent === "delivered"`)
	if n := b.script(`document.querySelectorAll("tr[data-key]").length`); n != 1.0 {
		t.Errorf("%v deliveries arrive, want the one that the filter lets through", n)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.bodies) != 1 || !strings.Contains(r.bodies[0], "lobby") || !strings.HasPrefix(key, "whsec_") {
		t.Errorf("the receiver got %q; the key is %.6s…", r.bodies, key)
	}
}

// TestADeliveryIsResent has a delivery die, reads why and what to do, and resends it.
func TestADeliveryIsResent(t *testing.T) {
	r := newReceiver(t)
	b := newTab(t, tenant(t, "resend"))
	r.says(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("no such hook"))
	})
	endpoint(t, "resend", fields{"name": "Shop", "url": r.URL, "policy": fields{"retry": []string{}}}, "order.*")
	publish(t, "resend", "e1", "order.paid", fields{"n": 1})
	dead := deliveries(t, "resend", "status=dead", 1)[0].(map[string]any)["id"].(string)

	b.enter(adminToken)
	b.open("dead")
	b.script(`document.querySelector("tr[data-key] a").click()`)
	b.shows("What to do:")
	b.shows("check the path of the URL")
	b.shows("no such hook")
	r.says(nil)
	b.press("Resend")
	b.until(`document.querySelectorAll(".attempt").length === 2 && document.querySelector("dl .badge").textContent === "delivered"`)
	until(t, "/v1/tenants/resend/deliveries/"+dead, func(d map[string]any) bool { return d["status"] == "delivered" })
}

// TestWhatNobodyTook reads why a delivery died without a request, as its endpoint was deleted.
func TestWhatNobodyTook(t *testing.T) {
	b := newTab(t, tenant(t, "nobody"))
	id := endpoint(t, "nobody", fields{"url": newReceiver(t).URL}, "order.*")
	call(t, "POST", "/v1/tenants/nobody/endpoints/"+id+"/pause", nil)
	publish(t, "nobody", "e1", "order.paid", fields{})
	delivery := deliveries(t, "nobody", "status=waiting", 1)[0].(map[string]any)["id"].(string)
	call(t, "DELETE", "/v1/tenants/nobody/endpoints/"+id, nil)
	deliveries(t, "nobody", "status=dead", 1)
	b.enter(adminToken)
	b.open("deliveries/" + delivery)
	b.shows("The endpoint no longer exists.")
	b.shows("make an endpoint anew")
	if b.script(`document.body.innerText.includes("does not know")`) == true {
		t.Error("it says that it does not know the reason")
	}
}

// TestAKeyIsRotated rotates a key, and wants deliveries signed with both.
func TestAKeyIsRotated(t *testing.T) {
	r := newReceiver(t)
	b := newTab(t, tenant(t, "rotate"))
	id := endpoint(t, "rotate", fields{"name": "Keys", "url": r.URL}, "order.*")
	b.enter(adminToken)
	b.open("endpoints/" + id)
	b.press("Rotate")
	b.shows("each delivery is signed with both")
	b.script(`document.querySelector("dialog[open] button[type=submit]").click()`)
	b.shows("The new key")
	b.press("Done")
	b.until(`document.querySelectorAll(".secret").length === 2`)
	b.shows("An earlier key: it signs too, until")
	if shown := b.script(`document.body.innerText.includes("whsec_\u0041") || [...document.querySelectorAll(".secret code")].some((n) => n.textContent.startsWith("whsec_"))`); shown == true {
		t.Error("a key is shown that nobody asked for")
	}
	b.press("Show")
	b.until(`document.querySelector(".secret code").textContent.startsWith("whsec_")`)
	publish(t, "rotate", "e1", "order.paid", fields{})
	deliveries(t, "rotate", "status=delivered", 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if signatures := r.header[0].Get("webhook-signature"); strings.Count(signatures, "v1,") != 2 {
		t.Errorf("it is signed %q, want by both keys", signatures)
	}
}

// TestAReplayIsCountedFirst counts what would be sent again, then sends it.
func TestAReplayIsCountedFirst(t *testing.T) {
	r := newReceiver(t)
	r.says(status(http.StatusInternalServerError))
	b := newTab(t, tenant(t, "replay"))
	endpoint(t, "replay", fields{"name": "Ledger", "url": r.URL, "policy": fields{"retry": []string{}}}, "order.*")
	for i := range 3 {
		publish(t, "replay", fmt.Sprintf("e%d", i), "order.paid", fields{"n": i})
	}
	deliveries(t, "replay", "status=dead", 3)
	r.says(nil)
	b.enter(adminToken)
	b.open("dead")
	b.press("Replay…")
	b.write("Deliveries a second", "5/s")
	b.press("Count first")
	b.wrongAt("rate", "no whole number")
	b.write("Deliveries a second", "50")
	b.press("Count first")
	b.shows("3 deliveries would be sent again.")
	if sent := deliveries(t, "replay", "status=delivered", 0); len(sent) > 0 {
		t.Errorf("counting has sent %v", sent)
	}
	b.press("Start the replay")
	b.shows("3 sent")
	b.until(`document.querySelector("[role=progressbar]").getAttribute("aria-valuenow") === "100"`)
	deliveries(t, "replay", "status=delivered", 3)
}

// TestAReplayIsCancelled ends a replay that would take minutes.
func TestAReplayIsCancelled(t *testing.T) {
	r := newReceiver(t)
	r.says(status(http.StatusInternalServerError))
	b := newTab(t, tenant(t, "cancel"))
	endpoint(t, "cancel", fields{"name": "Ledger", "url": r.URL, "policy": fields{"retry": []string{}, "breaker": "off"}}, "order.*")
	for i := range 20 {
		publish(t, "cancel", fmt.Sprintf("e%d", i), "order.paid", fields{})
	}
	deliveries(t, "cancel", "status=dead", 20)
	made := call(t, "POST", "/v1/tenants/cancel/replays", fields{"which": "failed", "since": time.Now().Add(-time.Hour), "rate": 1})
	b.enter(adminToken)
	b.open("replays")
	b.shows("running")
	b.open("replays/" + made["id"].(string))
	b.press("Cancel")
	b.shows("cancelled")
	b.until(`![...document.querySelectorAll("main button")].some((n) => n.textContent === "Cancel")`)
}

// TestAnEndpointIsSteered pauses, resumes, tests, changes, disables and deletes one.
func TestAnEndpointIsSteered(t *testing.T) {
	r := newReceiver(t)
	b := newTab(t, tenant(t, "steer"))
	id := endpoint(t, "steer", fields{"name": "Steered", "url": r.URL}, "order.*")
	b.enter(adminToken)
	b.open("endpoints/" + id)
	b.press("Pause")
	b.shows("It is paused: its deliveries wait until it is resumed.")
	publish(t, "steer", "held", "order.paid", fields{})
	deliveries(t, "steer", "status=waiting", 1)
	b.open("endpoints/" + id)
	b.until(`[...document.querySelectorAll(".stat")].some((n) => n.innerText.replaceAll(/\s+/g, " ") === "Waiting now 1")`)
	b.press("Resume")
	b.shows("What has waited can be delivered, or skipped.")
	b.script(`document.querySelector("dialog[open] button[type=submit]").click()`)
	b.until(`document.querySelector("main header .badge")?.textContent === "active"`)
	b.press("Send test event")
	b.press("Send")
	b.press("Open the delivery")
	b.until(`document.querySelector("dl .badge")?.textContent === "delivered" && ![...document.querySelectorAll("button")].some((n) => n.textContent === "Resend")`)
	first := b.script(`location.hash`).(string)
	b.press("Send another test")
	b.until(`location.hash.includes("/deliveries/") && location.hash !== "` + first + `" && document.querySelector("dl .badge")?.textContent === "delivered"`)
	b.open("endpoints/" + id)
	b.press("Edit")
	call(t, "PATCH", "/v1/tenants/steer/endpoints/"+id, fields{"policy": fields{"timeout": "7s"}}) // somebody else's
	b.write("Name", "Renamed")
	b.write("Retries after", "1m, 2m")
	b.write("Concurrency", "8 at most")
	b.press("Save")
	b.wrongAt("concurrency", "no whole number")
	b.write("Concurrency", "8")
	b.press("Save")
	b.shows("3 attempts, the last after 3 min.")
	if p := call(t, "GET", "/v1/tenants/steer/endpoints/"+id, nil)["policy"].(map[string]any); p["timeout"] != "7s" || p["concurrency"] != 8.0 {
		t.Errorf("after somebody else's change of the timeout, and the form's, the policy is %v", p)
	}
	b.press("Subscribe")
	b.write("Search event types, or write a pattern", "user.*")
	b.press("Add the pattern")
	b.script(`[...document.querySelectorAll("dialog[open] .buttons button")].at(-1).click()`)
	b.shows("user.*")
	b.press("Disable")
	b.script(`document.querySelector("dialog[open] button[type=submit]").click()`)
	b.shows("Somebody has disabled the endpoint.")
	b.press("Enable")
	b.until(`document.querySelector("main header .badge")?.textContent === "active"`)
	b.press("Delete")
	b.shows("This cannot be undone.")
	b.script(`document.querySelector("dialog[open] button[type=submit]").click()`)
	b.shows("No endpoints yet")
}

// TestWhoComesByALink signs in with a link of a token that may only read, and wants
// the token out of the address, and no button for what it may not do.
func TestWhoComesByALink(t *testing.T) {
	tenant(t, "visited")
	made := call(t, "POST", "/v1/tokens", fields{"name": "visitor", "scope": "tenant:read", "tenant": "visited"})
	token := made["token"].(string)
	b := newTab(t, "visited")
	b.do(chromedp.Navigate(shared.base + "/#link=" + token))
	// A server without /v1/me does not tell whose the token is: then the form asks.
	b.until(`!!document.querySelector(".shell") || !!document.querySelector("form")`)
	if href := b.script(`location.href`).(string); strings.Contains(href, token) {
		t.Errorf("the address still has the token: %s", href)
	}
	if b.script(`!!document.querySelector(".shell")`) != true {
		b.write("Token", token)
		b.press("Sign in")
		b.until(`!!document.querySelector("input[name=tenant]:not([hidden])") && !document.querySelector("input[name=tenant]").closest(".field").hidden`)
		b.write("Tenant", "visited")
		b.press("Sign in")
	}
	b.shows("Overview")
	if kept := b.script(`Object.values(localStorage).join() + document.cookie`).(string); strings.Contains(kept, token) {
		t.Error("the token is kept beyond the tab")
	}
	b.open("endpoints")
	b.press("Sign out")
	b.shows("Sign in")
	if kept := b.script(`Object.values(sessionStorage).join()`).(string); strings.Contains(kept, token) {
		t.Error("signing out leaves the token")
	}

	b.do(chromedp.Navigate(shared.base + "/#link=tidings_no_such_token"))
	b.shows("The link has expired")
}

// TestTheKeyboard finds the search by /, skips to the content, and closes dialogs; what
// it chooses changes no page before it is sent, and a phone's menu is entered at once.
func TestTheKeyboard(t *testing.T) {
	b := newTab(t, tenant(t, "keys"))
	b.enter(adminToken)
	b.open("dead")
	if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyDown", Key: "/", Code: "Slash", Text: "/"}); err != nil {
		t.Fatal(err)
	}
	b.until(`document.activeElement?.type === "search"`)
	b.do(chromedp.KeyEvent("ep_none\r")) // and no slash
	b.shows("Not found")
	b.until(`location.hash === "#/t/keys/endpoints/ep_none"`)
	b.script(`document.querySelector(".skip").click()`)
	b.until(`document.activeElement?.id === "main"`)
	b.open("dead")
	b.script(`document.querySelector("main .actions button").focus()`)
	b.do(chromedp.KeyEvent("\r"))
	b.until(`!!document.querySelector("dialog[open]")`)
	b.do(chromedp.KeyEvent("\u001b"))
	b.until(`!document.querySelector("dialog") && document.activeElement?.textContent === "Replay…"`)

	for _, choice := range []string{"main select[name=reason]", "main select[name=last]", ".tenant select"} {
		b.script(`document.querySelector(` + "`" + choice + "`" + `).focus()`)
		b.do(chromedp.KeyEvent(kb.ArrowDown))
		if stays := b.script(`location.hash === "#/t/keys/dead" && document.activeElement?.matches(` + "`" + choice + "`" + `)`); stays != true {
			t.Errorf("%s: to choose by the keyboard leads away, to %v", choice, b.script(`location.hash`))
		}
	}
	b.press("Search")
	b.until(`location.hash.startsWith("#/t/keys/dead?reason=")`)

	b.size(360, 740)
	b.open("dead")
	b.script(`document.querySelector(".menu-button").focus()`)
	b.do(chromedp.KeyEvent("\r"))
	b.until(`!!document.activeElement?.closest(".side")`)
	b.do(chromedp.KeyEvent("\u001b"))
	b.until(`document.activeElement?.matches(".menu-button")`)
}
