package dialect_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/dialect"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// systems are the prefixes of testdata/wire.json, whose requests were written by
// hand after the systems' documents, not by this program.
var systems = map[string]schemas.Dialect{
	"rb": schemas.DialectRelayBox, "roam": schemas.DialectRoam, "roq": schemas.DialectROQ, "oneroute": schemas.DialectOneRoute,
}

// TestWire publishes what each system would have had to know, and wants the
// body that the system sends.
func TestWire(t *testing.T) {
	content, err := os.ReadFile("testdata/wire.json")
	if err != nil {
		t.Fatal(err)
	}
	var requests map[string]map[string]any
	if err := json.Unmarshal(content, &requests); err != nil {
		t.Fatal(err)
	}
	seen := map[schemas.Dialect]map[string]bool{}
	for title, want := range requests {
		system, name, _ := strings.Cut(title, "/")
		name, era, _ := strings.Cut(name, "#")
		d, ok := systems[system]
		if !ok {
			t.Fatalf("%s: whose is it?", title)
		}
		t.Run(title, func(t *testing.T) { wire(t, d, name, era, want) })
		if seen[d] == nil {
			seen[d] = map[string]bool{}
		}
		seen[d][name] = true
	}
	for d, count := range map[schemas.Dialect]int{
		schemas.DialectROQ: 15, schemas.DialectOneRoute: 1, schemas.DialectRoam: 13, schemas.DialectRelayBox: 13,
	} {
		if len(seen[d]) != count {
			t.Errorf("%s: %d events, want %d", d, len(seen[d]), count)
		}
	}
}

func wire(t *testing.T, d schemas.Dialect, name, era string, want map[string]any) {
	known := catalogue.New().Named("acme", d, name)
	if known == nil {
		t.Fatal("the catalogue does not know it")
	}
	mode := schemas.Mode("")
	if d == schemas.DialectRelayBox && era == "" {
		mode = schemas.ModeBody
	}
	data, err := json.Marshal(published(d, name, want))
	if err != nil {
		t.Fatal(err)
	}
	if err := known.Validate(data); err != nil {
		t.Errorf("the data that the wire tells of is refused: %v", err)
	}
	w := goldenWriter(t, d, mode)
	del := delivery(t, known.Type, string(data), accepted)
	del.Tenant = "env-1"
	at := time.Date(2025, 1, 5, 10, 0, 1, 234_000_000, time.UTC)
	body, err := w.Body(dialect.Attempt{Delivery: del, Words: known.Dialects[d], At: at})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if d == schemas.DialectRelayBox { // its own, and not the example's
		want["id"] = got["id"]
	}
	if d == schemas.DialectROQ {
		want["environmentId"] = "acme"
	}
	if !reflect.DeepEqual(want, got) {
		wanted, _ := json.Marshal(want)
		t.Errorf("got  %s\nwant %s", body, wanted)
	}
	if order := topLevel(d); order != nil && !inOrder(body, order) {
		t.Errorf("the members are not in the order %v: %s", order, body)
	}
}

// published is the event's data behind a request.
func published(d schemas.Dialect, name string, wire map[string]any) map[string]any {
	data := map[string]any{}
	switch d {
	case schemas.DialectROQ:
		return wire["data"].(map[string]any)
	case schemas.DialectRelayBox:
		if inner, ok := wire["data"].(map[string]any); ok {
			maps.Copy(data, inner)
		}
		data["session"] = wire["session"]
		switch {
		case name == "user:status:update": // shares its type with Roam's, which names the user
			data["id"], data["name"] = "u1", "Dana Reyes"
		case name == "room:publish" && data["body"] == nil: // spread
			data = map[string]any{
				"id": "m1", "timestamp": 1, "roomId": data["roomId"], "event": data["event"], "session": data["session"],
				"body": map[string]any{"message": data["message"]},
			}
		}
	default:
		for k, v := range wire {
			if d == schemas.DialectOneRoute && k == "event" || strings.HasPrefix(name, "onair.") && k == "type" {
				continue
			}
			data[k] = v
		}
	}
	return data
}

func topLevel(d schemas.Dialect) []string {
	switch d {
	case schemas.DialectROQ:
		return []string{"name", "id", "object", "data", "environmentId"}
	case schemas.DialectRelayBox:
		return []string{"id", "event", "data", "session", "timestamp"}
	case schemas.DialectOneRoute:
		return []string{"event"}
	default:
		return nil
	}
}

// inOrder reports whether the object begins with these members, in this order.
func inOrder(body []byte, names []string) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	_, _ = dec.Token()
	for _, name := range names {
		if got, err := dec.Token(); err != nil || got != name {
			return false
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return false
		}
	}
	return true
}
