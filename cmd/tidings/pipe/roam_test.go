package pipe

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tidings-dev/tidings/config/access"
	"github.com/tidings-dev/tidings/config/api/roam"
	"github.com/tidings-dev/tidings/schemas"
	"github.com/tidings-dev/tidings/schemas/catalogue"
)

const (
	bookingData   = `{"lobby":{"id":"LOBBY","slug":"sales","displayName":"Sales","active":true,"url":"https://example.test/sales"},"booking":{"id":"bk_1","start":"2026-02-01T10:00:00Z","end":"2026-02-01T10:30:00Z","status":"confirmed"}}`
	recordingData = `{"recordingId":"rec_1","location":"us-east-1","startTime":"2026-01-05T15:00:00Z","endTime":"2026-01-05T15:42:00Z","host":{"name":"Dana Reyes","user":"USER","email":"MAIL"},"participants":[]}`
)

// roamClient calls /v0 on the pipe's registry, with tokens of each kind.
func roamClient(t *testing.T, p *pipe) func(token, target, contentType, body string) (status int, answer string) {
	tokens := map[string]schemas.Token{
		access.Hash("org"):  {ID: "tok_1", Scope: schemas.TokenWrite, Tenant: testTenant},
		access.Hash("dana"): {ID: "tok_2", Scope: schemas.TokenPersonal, Tenant: testTenant, User: []string{"U-dana", "dana@example.test"}},
	}
	h := roam.New(roam.Options{
		Registry: p.registry, Catalogue: catalogue.New(), CheckURL: func(*url.URL) error { return nil },
		Gate: access.New(access.Options{Lookup: func(hash string) (schemas.Token, bool) { token, ok := tokens[hash]; return token, ok }}),
	})
	return func(token, target, contentType, body string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
}

func (p *pipe) publishData(id, eventType, data string) {
	p.t.Helper()
	e := event.New()
	e.SetID(id)
	e.SetType(eventType)
	if err := e.SetData(event.ApplicationJSON, json.RawMessage(data)); err != nil {
		p.t.Fatal(err)
	}
	p.publishEvent(p.t.Context(), e)
}

// checkRoam holds what came to one path to the bodies that should, and to the
// signature of the API client's secret, as a receiver's library judges it.
func checkRoam(t *testing.T, p *pipe, path, user string, bodies ...string) {
	t.Helper()
	secret, err := roam.Secret(t.Context(), p.registry, testTenant, user)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, q := range p.receiver.Requests() {
		if q.Path != path {
			continue
		}
		got = append(got, string(q.Body))
		if err := verifier.Verify(q.Body, q.Header); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if strings.Join(got, "\n") != strings.Join(bodies, "\n") {
		t.Errorf("%s got\n%s\nwant\n%s", path, strings.Join(got, "\n"), strings.Join(bodies, "\n"))
	}
}

// TestRoam is a client of Roam's: it subscribes, gets what it asked for and what
// it may see, signed, and unsubscribes. What is published after an answer follows
// it.
func TestRoam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		call := roamClient(t, p)
		subscribe := func(token, body string) (id string) {
			status, answer := call(token, "/v0/webhook.subscribe", "application/json", body)
			rest, ok := strings.CutPrefix(answer, `{"id":"`)
			if status != http.StatusOK || !ok {
				t.Fatalf("subscribe: %d %s", status, answer)
			}
			return rest[:36]
		}
		booked := func(lobby string) string { return strings.Replace(bookingData, "LOBBY", lobby, 1) }
		recorded := func(user, mail string) string {
			return strings.NewReplacer("USER", user, "MAIL", mail).Replace(recordingData)
		}

		id := subscribe("org", `{"url":"http://receiver.test/org","event":"lobby:booked","filter":{"lobbyId":"L-9"}}`)
		subscribe("org", `{"url":"http://receiver.test/org","event":"recording.saved"}`)
		subscribe("dana", `{"url":"http://receiver.test/dana","event":"recording:saved"}`)
		p.publishData("e1", "lobby.booked", booked("L-1"))
		p.publishData("e2", "lobby.booked", booked("L-9"))
		p.ends(1)
		p.publishData("e3", "recording.saved", recorded("U-kim", "kim@example.test"))
		p.ends(1)
		p.publishData("e4", "recording.saved", recorded("U-other", "dana@example.test"))
		p.ends(2)
		checkRoam(t, p, "/org", "", booked("L-9"), recorded("U-kim", "kim@example.test"), recorded("U-other", "dana@example.test"))
		checkRoam(t, p, "/dana", "U-dana", recorded("U-other", "dana@example.test"))

		if status, answer := call("org", "/v0/webhook.unsubscribe", "application/x-www-form-urlencoded", "id="+id); status != http.StatusNoContent {
			t.Fatalf("unsubscribe: %d %s", status, answer)
		}
		p.publishData("e5", "lobby.booked", booked("L-9"))
		p.noMore(time.Minute)
	})
}

// Who subscribes over /v0 is in the tenant's audit list.
func TestRoamsChangesAreInTheAuditList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startPipe(t)
		_, v0, err := p.process.Handlers(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		token, hash := access.NewToken()
		if _, err := p.registry.CreateToken(t.Context(), schemas.Token{ID: "tok_org", Hash: hash, Scope: schemas.TokenWrite, Tenant: testTenant}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v0/webhook.subscribe", strings.NewReader(`{"url":"https://8.8.8.8/","event":"recording:saved"}`))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if v0.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		entries, _, err := p.process.audit.Page(t.Context(), testTenant, time.Time{}, "", 10)
		if err != nil || len(entries) != 1 || entries[0].Token != "tok_org" || entries[0].Action != "/v0/webhook.subscribe" {
			t.Errorf("kept %+v, %v", entries, err)
		}
	})
}
