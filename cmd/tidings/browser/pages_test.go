package browser

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// shop is a tenant with a little of everything in it.
type shop struct {
	tenant, good, bad, delivered, dead, event, replay, pulled, own string
}

func newShop(t *testing.T, id string) shop {
	t.Helper()
	s := shop{tenant: tenant(t, id)}
	r := newReceiver(t)
	r.says(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if q.URL.Path == "/crm" {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = w.Write([]byte(`{"error":"the field amount is missing"}`))
			return
		}
		_, _ = w.Write([]byte(`{"ok":true}`))
	})
	kinds := []string{"order.*", "room.*", "user.*"}
	s.good = endpoint(t, id, fields{"name": "Billing", "url": r.URL + "/billing"}, kinds...)
	s.bad = endpoint(t, id, fields{"name": "CRM", "url": r.URL + "/crm", "policy": fields{"retry": []string{}}}, kinds...)
	paused := endpoint(t, id, fields{"name": "Warehouse", "url": r.URL + "/warehouse", "policy": fields{"retry": []string{"1m", "1h"}}}, kinds...)
	call(t, "POST", "/v1/tenants/"+id+"/endpoints/"+paused+"/pause", nil)
	for i, kind := range []string{"order.paid", "order.paid", "order.shipped", "room.joined", "user.created", "order.paid"} {
		publish(t, id, "order-10"+string(rune('0'+i)), kind, fields{"orderId": "o-17", "amount": 4200})
	}
	first := func(query string, n int) map[string]any { return deliveries(t, id, query, n)[0].(map[string]any) }
	s.delivered = first("status=delivered&endpoint="+s.good, 6)["id"].(string)
	s.dead = first("status=dead&endpoint="+s.bad, 6)["id"].(string)
	s.event = first("status=dead", 6)["event"].(map[string]any)["place"].(string)
	made := call(t, "POST", "/v1/tenants/"+id+"/replays", fields{"endpoint": s.bad, "which": "failed", "since": time.Now().Add(-time.Hour), "dry_run": true})
	s.replay = made["id"].(string)
	s.own = "parcel.sent"
	call(t, "PUT", "/v1/tenants/"+id+"/types/"+s.own, fields{
		"type": s.own, "domain": "parcels", "meaning": "A parcel was handed to the carrier.", "schema": fields{"type": "object", "required": []string{"id"}},
		"valid": []any{fields{"id": "p1"}}, "invalid": []any{fields{"data": fields{}, "error": "data/id"}},
	})
	inside := endpoint(t, id, fields{"name": "Inside", "pull": true}, s.own)
	publish(t, id, "parcel-1", s.own, fields{"id": "p1"})
	s.pulled = first("endpoint="+inside, 1)["id"].(string)
	publish(t, id, "erased", "order.paid", fields{})
	deliveries(t, id, "event=erased", 3)
	call(t, "POST", "/v1/tenants/"+id+"/erasures", fields{"event": "erased"})
	return s
}

// pages are all there are, by the names of their pictures.
func (s shop) pages() [][2]string {
	at := "#/t/" + s.tenant + "/"
	return [][2]string{
		{"overview", at + "overview"},
		{"endpoints", at + "endpoints"},
		{"new-endpoint", at + "new-endpoint"},
		{"endpoint", at + "endpoints/" + s.good},
		{"endpoint-failing", at + "endpoints/" + s.bad},
		{"deliveries", at + "deliveries"},
		{"delivery", at + "deliveries/" + s.delivered},
		{"delivery-dead", at + "deliveries/" + s.dead},
		{"events", at + "events"},
		{"event", at + "events/" + s.event},
		{"types", at + "types"},
		{"type", at + "types/user.created"},
		{"dead", at + "dead"},
		{"replays", at + "replays"},
		{"replay", at + "replays/" + s.replay},
		{"replays-counted", at + "replays?what=counts"},
		{"new-type", at + "new-type"},
		{"edit-type", at + "types/" + s.own + "/edit"},
		{"own-type", at + "types/" + s.own},
		{"pulled", at + "deliveries/" + s.pulled},
		{"erasures", at + "erasures"},
		{"audit", at + "audit"},
		{"settings", at + "settings"},
		{"tenants", "#/tenants"},
		{"tokens", "#/tokens"},
		{"nowhere", at + "nowhere"},
		{"no-tenant", "#/t/nobody/overview"},
	}
}

// TestScreens keeps a picture of every page, in both themes, on a desk and on a phone.
// It wants no page to be wider than its window.
func TestScreens(t *testing.T) {
	if *screens == "" {
		t.Skip("keeps pictures with -screens DIR")
	}
	if err := os.MkdirAll(*screens, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newShop(t, "screens")
	b := newTab(t, s.tenant)
	b.do(chromedp.Navigate(shared.base))
	b.until(settled)
	b.picture("signin")
	b.enter(adminToken)
	empty := "#/t/" + tenant(t, "newcomer") + "/"
	for _, p := range append(s.pages(), [2]string{"overview-empty", empty + "overview"}, [2]string{"endpoints-empty", empty + "endpoints"}) {
		b.hash = p[1]
		b.picture(p[0])
	}
	b.openHash("#/t/" + s.tenant + "/dead")
	b.press("Replay…")
	b.hash = ""
	b.picture("replay-dialog")
	for name, open := range dialogs(s) {
		open(b)
		b.picture(name)
	}
}

// dialogs are those with most in them: how each is opened.
func dialogs(s shop) map[string]func(*tab) {
	at := "#/t/" + s.tenant + "/"
	return map[string]func(*tab){
		"tenant-dialog": func(b *tab) {
			b.openHash(at + "settings")
			b.press("Edit")
			b.write("Stored events", "much")
			b.press("Save")
			b.wrongAt("quota.stored_bytes", "is no size")
		},
		"erase-dialog": func(b *tab) {
			b.openHash(at + "events/" + s.event)
			b.press("Erase…")
			b.shows("This cannot be undone.")
		},
		"proof-dialog": func(b *tab) {
			b.openHash(at + "erasures")
			b.press("Proof")
			b.shows("Hash")
		},
	}
}

// picture shows the page of hash anew in each window: charts are drawn for it. Without a
// hash it takes what is there.
func (b *tab) picture(name string) {
	b.t.Helper()
	for _, window := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1360, 900}, {"phone", 390, 844}} {
		b.size(window.width, window.height)
		if b.hash != "" {
			b.openHash(b.hash)
		}
		for _, theme := range []string{"light", "dark"} {
			b.theme(theme)
			shot, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				b.t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(*screens, name+"-"+window.name+"-"+theme+".png"), shot, 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
		b.fits(name+" on a "+window.name, window.width)
	}
}

// fits wants nothing to stick out of the window sideways.
func (b *tab) fits(what string, width int64) {
	b.t.Helper()
	// A phone makes its window as wide as what is in it: so the width is given.
	window := strconv.FormatInt(width+1, 10)
	wide := b.script(`document.documentElement.scrollWidth > ` + window + ` ? [...document.querySelectorAll("main *")].filter((n) => n.getBoundingClientRect().right > ` + window + ` && !n.closest(".scroll, .codebox, .tabs")).slice(0, 3).map((n) => n.outerHTML.slice(0, 120)) : []`)
	if list, _ := wide.([]any); len(list) > 0 {
		said, _ := json.Marshal(list)
		b.t.Errorf("%s: it is wider than the window: %s", what, said)
	}
}
