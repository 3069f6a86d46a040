package browser

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// reading is what everybody may press: it changes nothing. Links to other pages are not in it.
var reading = []string{
	"", "Sign out", "Copy", "Search", "Filter", "Show the figures", "Explain", "Older", "More", "Try again", "Take it away", "Proof", "Close the menu",
	"Node", "Python", "Go", "PHP", "Ruby", "Java", "Type", "Domain",
}

// offers are the words of the page's buttons that change something.
func (b *tab) offers() (found []string) {
	b.t.Helper()
	for _, label := range b.script(`[...document.querySelectorAll("button, main a.button")].filter((n) => n.checkVisibility() && !n.disabled).map((n) => n.textContent.trim())`).([]any) {
		if !slices.Contains(reading, label.(string)) {
			found = append(found, label.(string))
		}
	}
	return found
}

// TestWhoMayOnlyRead comes by a link to read, and sees every page without a button for what
// it may not do; the administrator has them.
func TestWhoMayOnlyRead(t *testing.T) {
	s := newShop(t, "readers")
	made := call(t, "POST", "/v1/tenants/readers/links", fields{"scope": "tenant:read"})
	b, admin := newTab(t, s.tenant), newTab(t, s.tenant)
	b.do(chromedp.Navigate(shared.base + made["url"].(string)))
	b.until(`!!document.querySelector(".shell")`)
	admin.enter(adminToken)
	links := []string{"All", "Its events", "To the beginning", "Open the delivery", "Clear"}
	seen := map[string]bool{}
	for _, p := range s.pages() {
		b.openHash(p[1])
		for _, label := range b.offers() {
			if !slices.Contains(links, label) && !strings.HasPrefix(label, "To ") {
				t.Errorf("%s offers %q to whoever may only read", p[0], label)
			}
		}
		admin.openHash(p[1])
		for _, label := range admin.offers() {
			seen[label] = true
		}
	}
	for _, label := range []string{"New token", "New tenant", "New endpoint", "New event type", "New replay", "Replay…", "Erase…", "Resend", "Pause", "Delete", "Edit", "Rotate", "Subscribe", "Share"} {
		if !seen[label] {
			t.Errorf("the administrator is not offered %q: this test would not see it elsewhere", label)
		}
	}
	b.openHash("#/tokens")
	b.shows("This page is for administrators")

	// Who came by a link that may write makes no other.
	made = call(t, "POST", "/v1/tenants/readers/links", fields{"scope": "tenant:write"})
	b = newTab(t, s.tenant)
	b.do(chromedp.Navigate(shared.base + made["url"].(string)))
	b.until(`!!document.querySelector(".shell")`)
	b.open("endpoints")
	if got := b.offers(); !slices.Contains(got, "New endpoint") || slices.Contains(got, "Share") {
		t.Errorf("a link to write offers %q", got)
	}
}

// TestAPersonalToken signs in with one of a tenant's user by the form, who makes an endpoint
// of their own, sees no other's, and nothing that is refused.
func TestAPersonalToken(t *testing.T) {
	s := newShop(t, "persons")
	r := newReceiver(t)
	made := call(t, "POST", "/v1/tokens", fields{"name": "Ada", "scope": "personal", "tenant": s.tenant, "user": []string{"ada", "ada@example.com"}})
	b := newTab(t, s.tenant)
	b.do(chromedp.Navigate(shared.base))
	b.shows("Sign in")
	b.write("Token", made["token"].(string))
	b.press("Sign in")
	b.shows("No endpoints yet") // the tenant has several
	if menu := fmt.Sprint(b.script(`[...document.querySelectorAll(".side nav a")].map((n) => n.textContent.trim())`)); menu != "[Endpoints Deliveries Event types Dead letters Replays Settings]" {
		t.Errorf("the menu has %s", menu)
	}
	b.press("New endpoint")
	b.until(settled)
	b.write("Name", "Ada's own")
	b.write("URL", r.URL)
	b.write("Search event types, or write a pattern", "user.*")
	b.press("Add the pattern")
	b.press("Create endpoint")
	b.shows("The endpoint is made")
	b.press("Done")
	b.shows("Your token does not show keys")
	for _, page := range []string{"deliveries", "types", "types/" + s.own, "dead", "replays", "settings", "endpoints"} {
		b.open(page)
		if said := b.script(`document.querySelector(".problem")?.textContent ?? ""`); said != "" {
			t.Errorf("%s says %s", page, said)
		}
		for _, label := range b.offers() {
			if slices.Contains([]string{"Share", "Edit", "Remove", "Make it your own", "New event type", "Erase…"}, label) {
				t.Errorf("%s offers %q", page, label)
			}
		}
	}
	b.shows("Ada's own")
	for _, page := range []string{"overview", "events", "erasures", "audit"} { // by their addresses
		b.open(page)
		b.shows("Your token is for endpoints of your own.")
	}
}

// TestATenantsToken signs in by the form with one that a tenant's own people have, who see
// the tenant at once, change what is its own, and nothing of the server's.
func TestATenantsToken(t *testing.T) {
	id := tenant(t, "staff")
	made := call(t, "POST", "/v1/tokens", fields{"name": "Grace", "scope": "tenant:write", "tenant": id})
	b := newTab(t, id)
	b.do(chromedp.Navigate(shared.base))
	b.write("Token", made["token"].(string))
	b.press("Sign in")
	b.until(`location.hash === "#/t/staff/overview"`)
	b.until(settled)
	b.shows("Grace")
	if menu := fmt.Sprint(b.script(`[...document.querySelectorAll(".side nav a")].map((n) => n.textContent.trim())`)); strings.Contains(menu, "Tenants") || strings.Contains(menu, "Tokens") || !strings.Contains(menu, "Erasures") {
		t.Errorf("the menu has %s", menu)
	}
	b.open("settings")
	if got := b.offers(); !slices.Equal(got, []string{"Share"}) { // its quota is the administrator's
		t.Errorf("the settings offer %q", got)
	}
	b.open("types")
	b.shows("New event type")
	b.openHash("#/tokens")
	b.shows("This page is for administrators")
}
