package roam_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// The ids are made of what they are for, so they are the same everywhere and for
// good.
const (
	idRecording = "216a6327-2b8b-5107-93dc-361199062bb9"
	n8nURL      = "https://n8n.example.test/webhook/6f0a/default"
)

// TestConformance makes the requests that Roam's clients make, and reads the
// answers byte for byte.
func TestConformance(t *testing.T) {
	inRig(t, func(t *testing.T, r *rig) {
		// Roam's node for n8n sends this, and unsubscribes by query with a
		// Content-Type and no body.
		w := r.post("acme-org", subscribe, asJSON, `{"url":"`+n8nURL+`","event":"recording:saved"}`)
		check(t, w, http.StatusOK, `{"id":"`+idRecording+`","event":"recording:saved","url":"`+n8nURL+`"}`)
		w = r.post("acme-org", unsubscribe+"?id="+idRecording, asJSON, "")
		check(t, w, http.StatusNoContent, "")
		w = r.post("acme-org", unsubscribe+"?id="+idRecording, asJSON, "")
		check(t, w, http.StatusNotFound, `{"error":"webhook subscription not found"}`)

		// The documents have dots, a filter, and a form.
		w = r.post("acme-org", subscribe, asJSON, `{"url":"`+n8nURL+`","event":"recording.saved","filter":null}`)
		check(t, w, http.StatusOK, `{"id":"`+idRecording+`","event":"recording.saved","url":"`+n8nURL+`"}`)
		w = r.post("acme-org", subscribe, asJSON, `{"event":"onair.guest.rsvp","url":"https://a.test/?a=1&b=<2>","filter":{"status":"going","eventId":"evt_q1"}}`)
		_, rest, _ := strings.Cut(w.Body.String(), ",")
		if want := `"event":"onair.guest.rsvp","url":"https://a.test/?a=1&b=<2>","filter":{"eventId":"evt_q1","status":"going"}}`; rest != want {
			t.Errorf("got  %s\nwant %s", rest, want)
		}
		// The reference of Roam's SDK for Go says what becomes of JSON.
		w = r.post("acme-org", unsubscribe, asJSON, `{"id":"`+idRecording+`"}`)
		check(t, w, http.StatusBadRequest, `{"error":"id parameter required"}`)
		w = r.post("acme-org", unsubscribe, asForm, "id="+idRecording)
		check(t, w, http.StatusNoContent, "")
	})
}

// TestEvents subscribes to every event of Roam's documents, in both spellings,
// which mean the same subscription and are echoed as they came.
func TestEvents(t *testing.T) {
	events := []string{
		"chat:message:dm", "chat:message:channel", "chat:message:mention", "chat:message:reaction", "recording:saved",
		"transcript:saved", "lobby:booked", "user:status:update", "onair.event.created", "onair.event.updated",
		"onair.event.canceled", "onair.guest.rsvp", "onair.guest.added",
		"transcript:started", "magicast.created", // newer than the rest: there is no type for them yet
	}
	inRig(t, func(t *testing.T, r *rig) {
		for _, event := range events {
			ids := map[string]bool{}
			for _, spelling := range []string{event, strings.ReplaceAll(event, ":", "."), strings.ReplaceAll(event, ".", ":")} {
				w := r.post("acme-org", subscribe, asJSON, `{"url":"https://a.test/","event":"`+spelling+`"}`)
				if !strings.Contains(w.Body.String(), `"event":"`+spelling+`"`) {
					t.Errorf("%s: %s", spelling, w.Body)
				}
				ids[strings.Split(w.Body.String(), ",")[0]] = true
			}
			if len(ids) != 1 {
				t.Errorf("%s has the ids %v", event, ids)
			}
		}
		if got, want := r.counts(), [2]int{1, len(events)}; got != want {
			t.Errorf("%d endpoints and subscriptions, want %d", got, want)
		}
	})
}

// TestOwnEvents is about types that a tenant brought along with a name in Roam's
// dialect: they are the tenant's alone.
func TestOwnEvents(t *testing.T) {
	const own = `{"type":"desk.moved","domain":"desks","meaning":"A desk was moved.","dialects":{"roam":{"name":"desk:moved"}},
		"filters":{"eventId":"/id","chat":"/chat"},"schema":{"type":"object","properties":{"id":{"type":"string","description":"The desk."},"chat":{"type":"string","description":"The chat."}}},"valid":[{"id":"1"}],"invalid":[{"data":1,"error":"object"}]}`
	inRig(t, func(t *testing.T, r *rig) {
		r.options.Catalogue.Refused = func(err error) { t.Fatal(err) }
		r.options.Catalogue.Apply(schemas.Change{EventType: &schemas.EventType{Tenant: "acme", Type: "desk.moved", Definition: []byte(own)}})
		body := `{"url":"https://a.test/","event":"desk.moved","filter":{"eventId":"9"}}`
		s, _ := r.stored(r.subscribed("acme-org", body))
		if len(s.Filters) != 1 || s.Filters[0].Exact["/id"] != "9" || s.Types[0] != "desk.moved" {
			t.Errorf("stored %+v", s)
		}
		w := r.post("beta-org", subscribe, asJSON, body)
		check(t, w, http.StatusBadRequest, `{"error":"Unrecognized event \"desk.moved\": use one like \"chat:message:dm\" or \"onair.event.created\""}`)
	})
}
