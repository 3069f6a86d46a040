package browser

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// widths of windows, in CSS pixels: a laptop, a small one, a tablet and a phone.
var widths = []int64{1360, 1024, 768, 360}

// TestNothingScrollsSideways wants neither a page nor a table on it wider than its window,
// whatever things are called.
func TestNothingScrollsSideways(t *testing.T) {
	s := newShop(t, "widths")
	r := newReceiver(t)
	r.says(status(http.StatusServiceUnavailable))
	long := strings.Repeat("long", 15)
	endpoint(t, s.tenant, fields{"name": "An endpoint with a name that is " + long, "url": r.URL + "/" + strings.Repeat("path/", 30) + long, "policy": fields{"retry": []string{"1h"}, "statuses": fields{"404": "dead", "4xx": "retry"}}}, "warehouse.*")
	publish(t, s.tenant, "an-event-"+long+long, "warehouse.inventory.adjustment."+long, fields{})
	deliveries(t, s.tenant, "status=retrying", 1)
	b := newTab(t, s.tenant)
	b.enter(adminToken)
	for _, width := range widths {
		b.size(width, 900)
		pages := map[string]func(*tab){}
		for _, p := range s.pages() {
			pages[p[0]] = func(b *tab) { b.openHash(p[1]) }
		}
		maps.Copy(pages, dialogs(s))
		for name, open := range pages {
			open(b)
			b.drawn()
			wide := b.script(`[document.documentElement, ...document.querySelectorAll(".scroll, dialog[open]")].filter((n) => n.scrollWidth > (n === document.documentElement ? innerWidth : n.clientWidth)).map((n) => n.tagName + " " + (n.ariaLabel ?? "") + " " + n.scrollWidth + " in " + n.clientWidth
				+ [...n.querySelectorAll("main *, dialog *, tr:nth-child(-n+2) > *")].filter((c) => c.getBoundingClientRect().right > n.getBoundingClientRect().left + n.clientWidth + 1).slice(0, 3).map((c) => "\n" + c.outerHTML.slice(0, 150)).join(""))`)
			if list, _ := wide.([]any); len(list) > 0 {
				said, _ := json.MarshalIndent(list, "", "  ")
				t.Errorf("%s, %d px: %s", name, width, said)
			}
			if n := b.script(`[...document.querySelectorAll(".codewrap:has(.lines) > .button")].filter((n) => n.getBoundingClientRect().top < n.previousElementSibling.getBoundingClientRect().bottom).length`); n != 0.0 {
				t.Errorf("%s, %d px: %v buttons cover code", name, width, n)
			}
			// A phone's window grows with what is in it, so it is measured against what was asked for.
			if inner := b.script(`innerWidth`); inner != float64(width) {
				t.Errorf("%s, %d px: the window grew to %v", name, width, inner)
			}
		}
	}
}
