package browser

import (
	"testing"
)

// TestASubjectIsErased erases all about a person: after the name is written twice, and with
// a proof that tells whose it was.
func TestASubjectIsErased(t *testing.T) {
	r := newReceiver(t)
	b := newTab(t, tenant(t, "forget"))
	endpoint(t, "forget", fields{"name": "Shop", "url": r.URL}, "order.*")
	for _, subject := range []string{"customer/4711", "customer/4712"} {
		call(t, "POST", "/v1/tenants/forget/events", fields{"specversion": "1.0", "id": "of-" + subject, "source": "/tests", "type": "order.paid", "subject": subject, "data": fields{}})
	}
	deliveries(t, "forget", "status=delivered", 2)
	b.enter(adminToken)
	b.open("erasures")
	b.shows("Nothing was erased")
	b.press("Erase…")
	b.shows("This cannot be undone.")
	b.write("Subject", "customer/4711")
	b.write("Write the subject once more", "customer/4712")
	b.press("Erase")
	b.wrongAt("again", "It is not the same: nothing was erased.")
	if left := until(t, "/v1/tenants/forget/events", func(map[string]any) bool { return true })["items"].([]any); len(left) != 2 {
		t.Fatalf("%d events are left, want both", len(left))
	}
	b.write("Write the subject once more", "customer/4711")
	b.press("Erase")
	b.shows("It is erased")
	b.shows("1 event found.")
	b.press("Done")
	b.shows("a subject")
	until(t, "/v1/tenants/forget/events", func(page map[string]any) bool { return len(page["items"].([]any)) == 1 })

	b.script(`document.querySelector("tr[data-key] button").click()`)
	b.write("Subject", "customer/4712")
	b.shows("It was another one.")
	b.write("Subject", "customer/4711")
	b.shows("It was this one.")
	b.press("Close")

	// One event, from its page.
	place := deliveries(t, "forget", "", 1)[0].(map[string]any)["event"].(map[string]any)["place"].(string)
	b.open("events/" + place)
	b.press("Erase…")
	b.write("Write the event's id once more", "of-customer/4712")
	b.press("Erase")
	b.shows("It is erased")
	b.press("Done")
	b.until(`location.hash === "#/t/forget/events"`) // its own page has nothing to show any more
	until(t, "/v1/tenants/forget/events", func(page map[string]any) bool { return len(page["items"].([]any)) == 0 })
	b.open("erasures")
	b.shows("2 in all")

	// On a phone what is said of a state stands beside its label, not below it.
	b.size(390, 900)
	b.until(`[...document.querySelectorAll(".stacked td[data-label=State]:has(.sub)")].filter((td) => td.firstChild.getBoundingClientRect().left > td.getBoundingClientRect().left + 100).length === 2`)
}
