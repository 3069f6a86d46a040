package browser

import "testing"

// TestAnEndpointIsPulledFrom makes one without a URL, and changes it.
func TestAnEndpointIsPulledFrom(t *testing.T) {
	b := newTab(t, tenant(t, "pulls"))
	b.enter(adminToken)
	b.open("new-endpoint")
	b.write("Name", "Behind a wall")
	b.write("How it gets them", "pull")
	b.until(`document.querySelector("input[name=url]").closest(".field").hidden`)
	b.write("Search event types, or write a pattern", "order.*")
	b.press("Add the pattern")
	b.press("Create endpoint")
	b.shows("The endpoint is made")
	b.press("Done")
	b.shows("Its receiver fetches what is due.")
	b.press("Edit")
	b.write("Retries after", "1m")
	b.press("Save")
	b.shows("2 attempts, the last after 60 s.")
	b.open("endpoints")
	b.shows("pulled by its receiver")
}

// TestWhatIsPulled reads how a delivery stands that is fetched: no request is spoken of.
func TestWhatIsPulled(t *testing.T) {
	b := newTab(t, tenant(t, "fetch"))
	id := endpoint(t, "fetch", fields{"name": "Behind a wall", "pull": true, "policy": fields{"retry": []string{"1s", "10h"}}}, "order.*")
	publish(t, "fetch", "e1", "order.paid", fields{})
	delivery := deliveries(t, "fetch", "status=waiting", 1)[0].(map[string]any)["id"].(string)
	b.enter(adminToken)
	b.open("deliveries/" + delivery)
	b.shows("to be pulled by its receiver")
	b.shows("Its receiver has not fetched it yet")
	poll := "/v1/tenants/fetch/endpoints/" + id
	nack := func() {
		t.Helper()
		got := call(t, "POST", poll+"/poll", fields{"wait": "30s"})["deliveries"].([]any)
		if len(got) != 1 {
			t.Fatalf("%d deliveries are handed out", len(got))
		}
		call(t, "POST", poll+"/settle", fields{"nack": []any{fields{"receipt": got[0].(map[string]any)["receipt"], "reason": "no room"}}})
	}
	nack()
	b.shows("Hand-out 1")
	b.until(`document.querySelector("dl").innerText.includes("1 time")`)
	b.open("deliveries/" + delivery)
	b.until(`(() => { const said = document.querySelector("dl").innerText; return said.includes("when its receiver fetches it, from") || said.includes("as soon as its receiver fetches it"); })()`)
	nack()
	b.open("deliveries/" + delivery)
	b.shows("Hand-out 2")
	b.shows("when its receiver fetches it, from")
	for _, word := range []string{"Next attempt", "just now", "Requests made", "Attempt 1"} {
		if b.script(`document.querySelector("main").innerText.includes("`+word+`")`) == true {
			t.Errorf("it says %q", word)
		}
	}
}
