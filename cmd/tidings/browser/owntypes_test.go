package browser

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestWhereJSONIsWrong holds the console's words to texts as people write them. Where it is
// JSON, or is not, the browser has the last word.
func TestWhereJSONIsWrong(t *testing.T) {
	b := newTab(t, "")
	b.do(chromedp.Navigate(shared.base))
	b.until(settled)
	for text, want := range map[string]string{
		`{"a": [1, -2.5e3, "x\u00e9\n", true, null, {}, []]} `: "",
		"":                              "line 1, column 1: it ends where a value is missing",
		"{\n  \"a\": 1,\n}":             "line 2, column 9: a comma too many before the }",
		"{\n  a: 1\n}":                  "line 2, column 3: a name in double quotes is missing",
		`{'a': 1}`:                      "line 1, column 2: a name in double quotes is missing",
		`{"a": 'b'}`:                    "line 1, column 7: use double quotes",
		`{"a" 1}`:                       "line 1, column 6: a colon is missing behind the name",
		`{"a": tru}`:                    "line 1, column 7: here is no value: text needs double quotes",
		`{"a": }`:                       "line 1, column 7: here is no value: text needs double quotes",
		`[1 2]`:                         "line 1, column 4: a comma or a ] is missing",
		`[01]`:                          "line 1, column 2: here is no value: text needs double quotes",
		"[\n1":                          "line 2, column 2: it ends, and the [ of line 1 has no ]",
		`{"a": "b`:                      "line 1, column 7: this text has no end, or a \\ or a line break that must be escaped",
		`{} {}`:                         "line 1, column 4: there is more behind its end",
		`{"a": 1, // of course` + "\n}": "line 1, column 10: a name in double quotes is missing",
	} {
		quoted, _ := json.Marshal(text)
		got := b.script(`import(document.querySelector("script[type=module]").src.replace("app.js", "json.js")).then((m) => { try { m.parseJSON(` + string(quoted) + `); return ""; } catch (error) { return error.message; } })`)
		if want != "" {
			want = "This is not JSON: " + want + "."
		}
		if got != want {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
}

// TestATypeIsDefined makes a type of the tenant's own, changes and removes it. What does
// not parse is told while it is written, and not sent.
func TestATypeIsDefined(t *testing.T) {
	b := newTab(t, tenant(t, "definer"))
	b.enter(adminToken)
	b.open("types")
	b.press("New event type")
	b.shows("What is refused")
	b.write("Type", "parcel.sent")
	b.write("Domain", "parcels")
	b.write("Meaning", "A parcel was handed to the carrier.")
	b.write("Schema", "{\n  \"type\": \"object\",\n  \"required\": [\"id\"\n}")
	b.wrongAt("schema", "line 4, column 1: a comma or a ] is missing")
	b.press("Create the type")
	b.until(`document.activeElement?.name === "schema"`)
	b.write("Schema", "[]")
	b.wrongAt("schema", "Write an object")
	b.write("Schema", `{"type": "objec"}`)
	b.press("Create the type")
	b.wrongAt("schema", "must be one of") // the API knows schemas
	b.write("Schema", `{"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}`)
	b.script(`(() => { const n = document.querySelector("[aria-label='Example 1'] textarea"); n.value = "{\"id\": 1}"; })()`)
	b.press("Create the type")
	b.until(`document.querySelector("[aria-label='Example 1'] [aria-invalid]")?.closest(".field").textContent.includes("data/id: must be a string")`)
	b.script(`document.querySelector("[aria-label='Example 1'] textarea").value = "{\"id\": \"p1\"}"`)
	b.press("Another example")
	b.script(`document.querySelector("[aria-label='Example 2'] textarea").value = "{\"id\": \"p2\"}"`)
	b.press("Create the type")
	b.until(`location.hash === "#/t/definer/types/parcel.sent"`)
	b.shows("by this tenant, here")
	b.press("Edit")
	b.until(`!!document.querySelector("[name=meaning]") && ` + settled)
	b.write("Meaning", "A parcel has left.")
	b.press("Save")
	b.shows("A parcel has left.")
	got := call(t, "GET", "/v1/tenants/definer/types/parcel.sent", nil)
	if fmt.Sprint(got["valid"]) != "[map[id:p1] map[id:p2]]" || got["origin"] != "tenant" {
		t.Errorf("it is %v", got)
	}

	// Two who change it at once: the second is told, and overwrites nothing.
	b.press("Edit")
	b.until(`!!document.querySelector("[name=meaning]") && ` + settled)
	got["meaning"] = "By another."
	delete(got, "origin")
	call(t, "PUT", "/v1/tenants/definer/types/parcel.sent", got)
	b.write("Meaning", "By me.")
	b.press("Save")
	b.shows("Somebody else has changed this type meanwhile.")

	b.open("types/parcel.sent")
	b.press("Remove")
	b.script(`document.querySelector("dialog[open] button[type=submit]").click()`)
	b.until(`location.hash === "#/t/definer/types"`)
	b.open("types/parcel.sent")
	b.shows("This type is not in the catalogue")
	b.press("Define it")
	b.until(`document.querySelector("input[name=type]")?.value === "parcel.sent"`)

	// One that comes with Tidings is made the tenant's own, and comes back.
	b.open("types/user.created")
	b.press("Make it your own")
	b.until(settled)
	b.write("Meaning", "A user of ours.")
	b.press("Save")
	b.shows("A user of ours.")
	if own := call(t, "GET", "/v1/tenants/definer/types/user.created", nil); own["origin"] != "tenant" || own["involves"] == nil {
		t.Errorf("it is %v", own)
	}
}
