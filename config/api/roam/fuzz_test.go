package roam

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

// FuzzSubscribe looks for a body that becomes a record the registry would refuse,
// or an answer that is not what was asked for.
func FuzzSubscribe(f *testing.F) {
	for _, seed := range []string{
		`{"url":"https://a.test/","event":"recording:saved"}`,
		`{"url":"http://127.0.0.1/","event":"lobby.booked","filter":{"lobbyId":"1"}}`,
		`{"url":"https://a.test/","event":"chat:message:reaction","filter":{"codes":["a","b"]}}`,
		`{"url":"https://a.test/","event":"onair.guest.rsvp","filter":{"eventId":"1","status":"going"}}`,
		`{"url":"https://a.test/","event":"magicast:created","filter":null}`, `[]`, `{"filter":{}}`,
	} {
		f.Add([]byte(seed))
	}
	h := &handler{Options{Catalogue: catalogue.New(), CheckURL: func(*url.URL) error { return nil }}}
	f.Fuzz(func(t *testing.T, body []byte) {
		asked, err := h.readWish("acme", body)
		if err != nil {
			if !schemas.HasCode(err, schemas.CodeInvalid) || strings.Contains(err.Error(), "filters[0]: has 0") {
				t.Fatal(err)
			}
			return
		}
		c := caller{tenant: "acme", user: []string{"U"}}
		e := schemas.Endpoint{ID: endpointID(c, asked.URL), Tenant: "acme", URL: asked.URL, Dialect: schemas.DialectRoam, Secrets: []schemas.Secret{schemas.NewSecret("x")}}
		s := schemas.Subscription{ID: "sub_1", Tenant: "acme", Endpoint: e.ID, Types: []schemas.TypePattern{schemas.TypePattern(asked.Type)}, Filters: asked.Exact}
		if err := e.Validate(); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		answer(w, 200, subscription{ID: "1", Event: asked.Event, URL: asked.URL, Filter: asked.Filter})
		var back subscription
		if err := json.Unmarshal(w.Body.Bytes(), &back); err != nil || back.URL != asked.URL || back.Event != asked.Event || len(back.Filter) != len(asked.Filter) || !utf8.ValidString(w.Body.String()) {
			t.Fatalf("answered %s, %v", w.Body, err)
		}
	})
}

// FuzzUnsubscribe looks for an id that is no subscription's.
func FuzzUnsubscribe(f *testing.F) {
	for _, seed := range []string{"", "id=1", "id=00000000-0000-4000-8000-00000000000A", "%zz", "id=%7B00000000-0000-4000-8000-000000000000%7D"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, query, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		id, err := readID(httptest.NewRecorder(), r)
		if err == nil && (id.Validate() != nil || len(id) != len("sub_")+uuidLen || strings.ToLower(string(id)) != string(id)) ||
			err != nil && !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Fatalf("read %q, %v", id, err)
		}
	})
}
