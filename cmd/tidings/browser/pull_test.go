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
