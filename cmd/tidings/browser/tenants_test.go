package browser

import (
	"fmt"
	"testing"
	"time"
)

// TestATenantIsEdited changes all that a tenant has, and wants what is wrong said at its
// field: by the page, and by the API.
func TestATenantIsEdited(t *testing.T) {
	b := newTab(t, tenant(t, "edited"))
	b.enter(adminToken)
	b.openHash("#/tenants")
	b.script(`document.querySelector("button[aria-label='Edit Edited']").click()`)
	b.write("Name", "Edited, Inc.")
	b.write("Stored events", "a lot")
	b.press("Save")
	b.wrongAt("quota.stored_bytes", "“a lot” is no size")
	b.write("Stored events", "1.5 GB")
	b.write("Events published", "1000 a year")
	b.press("Save")
	b.wrongAt("quota.events", "1000 a year")
	b.write("Events published", "600/m")
	b.write("Events are kept", "10m") // the API's to refuse
	b.press("Save")
	b.wrongAt("retention.events", "1h")
	b.write("Events are kept", "3d")
	b.write("Endpoints", "50")
	b.write("Data that breaks its type's schema", "quarantine")
	b.press("Save")
	b.until(`!document.querySelector("dialog")`)
	b.shows("Edited, Inc.")
	b.shows("becomes a dead letter")
	got := call(t, "GET", "/v1/tenants/edited", nil)
	if said := fmt.Sprintf("%v %v %v %v", got["name"], got["validation"], got["quota"], got["retention"]); said != "Edited, Inc. quarantine map[endpoints:50 events:600/m stored_bytes:1.5e+09] map[events:72h0m0s]" {
		t.Errorf("the tenant is %s", said)
	}

	// What somebody else changes meanwhile stays, and an empty field is the operator's.
	b.open("settings")
	b.press("Edit")
	b.until(`document.querySelector("input[name='retention.events']").value === "72h"`)
	call(t, "PATCH", "/v1/tenants/edited", fields{"quota": fields{"held": 7}})
	b.write("Endpoints", "")
	b.press("Save")
	b.until(`!document.querySelector("dialog")`)
	got = call(t, "GET", "/v1/tenants/edited", nil)
	if said := fmt.Sprint(got["quota"], got["retention"]); said != "map[events:600/m held:7 stored_bytes:1.5e+09] map[events:72h0m0s]" {
		t.Errorf("the tenant has %s", said)
	}
}

// TestATenantIsDeleted wants its id written first, and its pages to know that it is gone.
func TestATenantIsDeleted(t *testing.T) {
	b := newTab(t, tenant(t, "shortlived"))
	b.enter(adminToken)
	b.open("settings")
	b.press("Delete")
	b.write("Write its id", "short")
	b.script(`document.querySelector("dialog[open] button[type=submit]").click()`)
	b.wrongAt("typed", "nothing was done")
	if got := call(t, "GET", "/v1/tenants/shortlived", nil); got["id"] != "shortlived" {
		t.Fatalf("got %v", got)
	}
	b.write("Write its id", "shortlived")
	b.script(`document.querySelector("dialog[open] button[type=submit]").click()`)
	b.until(`location.hash === "#/tenants"`)
	b.until(`document.querySelector("main h1")?.textContent === "Tenants" && ` + settled)
	if said := b.script(`document.querySelector("main").innerText.includes("shortlived")`); said == true {
		t.Error("the list still has it")
	}
	b.open("settings")
	b.shows("There is no such tenant")
}

// wrongAt waits until the field of this name is said to be wrong, in these words.
func (b *tab) wrongAt(name, words string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`(() => { const n = document.querySelector("[name='%s']"); return n.getAttribute("aria-invalid") === "true" && n.closest(".field").textContent.includes(%q); })()`, name, words))
}

// TestATenantThatIsNot wants it said that there is none, on every page, and a way out.
func TestATenantThatIsNot(t *testing.T) {
	b := newTab(t, tenant(t, "there"))
	b.enter(adminToken)
	for _, page := range []string{"overview", "endpoints", "deliveries/dlv_x", "settings"} {
		b.openHash("#/t/nowhere-to-be-found/" + page)
		b.shows("There is no such tenant")
		b.shows("nowhere-to-be-found")
		if said := b.script(`document.body.innerText.includes("No connection")`); said == true {
			t.Errorf("%s: it says that there is no connection", page)
		}
	}
	b.press("All tenants")
	b.shows("New tenant")
	b.open("overview") // of one that there is
	b.shows("Nothing happened in the last hour")

	token := call(t, "POST", "/v1/tokens", fields{"scope": "tenant:read", "tenant": "there"})["token"].(string)
	b = newTab(t, "there")
	b.enter(token)
	b.openHash("#/t/another/overview")
	b.shows("Your token is for another tenant")
	b.press("To there")
	b.until(`location.hash === "#/t/there/overview"`)
}

// TestTheWorstOfMany wants the endpoint that fails among all the tenant has, more than the
// page knows by name, shown first, and charts as soon as there is something to draw.
func TestTheWorstOfMany(t *testing.T) {
	r := newReceiver(t)
	id := tenant(t, "many")
	for i := range 60 {
		call(t, "POST", "/v1/tenants/"+id+"/endpoints", fields{"name": fmt.Sprintf("Well %d", i), "url": r.URL})
	}
	last := newReceiver(t)
	last.says(status(500))
	endpoint(t, id, fields{"name": "The last of many", "url": last.URL, "policy": fields{"retry": []string{"1h"}}}, "order.*")
	endpoint(t, id, fields{"name": "Half well", "url": last.URL, "policy": fields{"retry": []string{"1h"}}}, "user.*")
	b := newTab(t, id)
	b.enter(adminToken)
	b.open("overview")
	b.shows("All endpoints are well")
	b.shows("Nothing happened in the last hour")
	publish(t, id, "e1", "order.paid", fields{})
	deliveries(t, id, "status=retrying", 1)
	last.says(nil)
	publish(t, id, "u1", "user.created", fields{})
	deliveries(t, id, "status=delivered", 1)
	last.says(status(500))
	publish(t, id, "u2", "user.created", fields{})
	deliveries(t, id, "status=retrying", 2)
	const rows = `[...document.querySelectorAll("[aria-label='Endpoints that fare worst'] tbody tr")].map((r) => r.innerText.replaceAll(/\s+/g, " ").trim())`
	b.until(rows + `.length === 2`) // the page is open all the while
	b.until(`!!document.querySelector("section[aria-label=Attempts] svg")`)
	if got := fmt.Sprint(b.script(rows)); got != "[The last of many 100 % 0 Half well 50.0 % 0]" {
		t.Errorf("the worst are %s", got)
	}
}

// TestCountsAreNoReplays wants a count apart from the replay that it went before.
func TestCountsAreNoReplays(t *testing.T) {
	b := newTab(t, tenant(t, "recount"))
	since := time.Now().Add(-time.Hour)
	for _, dry := range []bool{true, false} {
		call(t, "POST", "/v1/tenants/recount/replays", fields{"which": "all", "since": since, "dry_run": dry})
	}
	b.enter(adminToken)
	b.open("replays")
	b.shows("1 in all")
	b.press("Only counted")
	b.shows("Before a replay begins it is counted")
	b.shows("1 in all")
	b.script(`document.querySelector("tr[data-key] a").click()`)
	b.shows("this only counted what a replay would send")
}
