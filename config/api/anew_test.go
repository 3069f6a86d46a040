package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/deliverylog"
	"github.com/tidings-dev/tidings/schemas"
)

// A tenant that is made anew sees nothing of the one before that had its id, whoever
// asks; what was done to that one is for administrators.
func TestATenantMadeAnewSeesNothingOfTheOneBefore(t *testing.T) {
	r := newRig(t)
	endpoint, _ := r.tenants()
	id, _ := r.logged(endpoint)
	r.do(204, "DELETE", "/v1/tenants/acme", "")
	r.do(201, "POST", "/v1/tenants", `{"id":"acme"}`)
	made := accepted.Add(4*time.Minute + time.Second) // after the fourth event
	r.madeAt("acme", made)
	r.pending = []deliverylog.Event{{
		Place: schemas.NewDeliveryID(accepted, 9, ""), Sequence: 9, Accepted: accepted, Pending: true,
		EventSummary: schemas.EventSummary{ID: "waits", Source: "/s", Type: "user.created"},
	}}
	writer := r.token(schemas.Token{Scope: schemas.TokenWrite, Tenant: "acme"})
	const at = "/v1/tenants/acme"
	for _, token := range []string{r.admin, writer} {
		for path, name := range map[string]func(map[string]any) any{"/events": idOf, "/deliveries": eventOf, "/events?since=2026-01-31T00:00:00Z": idOf} {
			if page, _ := r.as(token, 200, "GET "+at+path, ""); idsOf(page, name) != "forgotten" {
				t.Errorf("%s: %s", path, idsOf(page, name))
			}
		}
		for _, query := range []string{"?id=" + id, "?event=first", "?until=2026-01-31T12:03:00Z"} {
			if page, _ := r.as(token, 200, "GET "+at+"/deliveries"+query, ""); len(page["items"].([]any)) != 0 {
				t.Errorf("%s: %v", query, page)
			}
		}
		r.as(token, 404, "GET "+at+"/deliveries/"+id, "")
		r.as(token, 404, "POST "+at+"/deliveries/"+id+"/resend", "")
		r.as(token, 404, "GET "+at+"/events/"+string(schemas.NewDeliveryID(accepted.Add(time.Minute), 1, "")), "")
		r.as(token, 404, "GET "+at+"/events/"+string(r.pending[0].Place), "")
		page, _ := r.as(token, 200, "GET "+at+"/counts?since=2026-01-31T12:00:00Z&until=2026-01-31T12:10:00Z&step=10m", "")
		if p := page["items"].([]any)[0].(map[string]any); p["attempts"] != 1.0 || p["dead"] != 0.0 {
			t.Errorf("counted: %v", p)
		}
	}
	e, _ := r.do(201, "POST", at+"/endpoints", `{"url":"https://example.com/hooks"}`)
	j, _ := r.as(writer, 201, "POST "+at+"/replays", `{"which":"missing","since":"2026-01-01T00:00:00Z","endpoint":"`+e["id"].(string)+`"}`)
	if j["since"] != made.Format(time.RFC3339) {
		t.Errorf("the replay begins at %v", j["since"])
	}
	if p, _ := r.as(writer, 400, "POST "+at+"/replays", `{"which":"all","since":"2026-01-01T00:00:00Z","until":"2026-01-31T12:04:00Z"}`); p["field"] != "until" {
		t.Errorf("got %v", p)
	}
}

// What was done to a tenant before is for administrators.
func TestATenantMadeAnewIsToldNothingOfTheOneBefore(t *testing.T) {
	r := newRig(t)
	r.tenants()
	r.do(200, "PATCH", "/v1/tenants/acme", `{"name":"Before"}`)
	r.do(204, "DELETE", "/v1/tenants/acme", "")
	<-time.After(2 * time.Millisecond) // times are kept to the millisecond
	r.do(201, "POST", "/v1/tenants", `{"id":"acme"}`)
	writer := r.token(schemas.Token{Scope: schemas.TokenWrite, Tenant: "acme"})
	r.as(writer, 201, "POST /v1/tenants/acme/endpoints", `{"url":"https://example.com/hooks"}`)
	for token, want := range map[string]string{r.admin: "POST DELETE PATCH POST POST", writer: "POST"} {
		page, _ := r.as(token, 200, "GET /v1/tenants/acme/audit", "")
		if got := idsOf(page, func(e map[string]any) any { return e["method"] }); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for token, want := range map[string]int{r.admin: 2, writer: 0} {
		r.madeAt("acme", time.Now().Add(time.Hour)) // after the erasures that the rig makes up
		page, _ := r.as(token, 200, "GET /v1/tenants/acme/erasures", "")
		if got := page["items"].([]any); len(got) != want {
			t.Errorf("%d erasures, want %d", len(got), want)
		}
	}
}

// Whoever watches a tenant does not go on with another of the same id.
func TestWatchingEndsWithTheTenant(t *testing.T) {
	r, records, _ := newWatched(t)
	r.tenants()
	ended := make(chan string)
	go func() { // ends with the stream
		ended <- r.send(request{method: "GET", path: "/v1/tenants/acme/live", token: r.admin}).Body.String()
	}()
	records <- nil // it watches
	r.do(204, "DELETE", "/v1/tenants/acme", "")
	<-time.After(2 * time.Millisecond)
	r.do(201, "POST", "/v1/tenants", `{"id":"acme"}`)
	select {
	case records <- []schemas.Record{attempted(schemas.Delivered)}:
	case <-time.After(5 * time.Second):
	}
	select {
	case got := <-ended:
		if strings.Contains(got, "event: attempt") {
			t.Errorf("it saw %s", got)
		}
	case <-time.After(10 * time.Second):
		t.Error("it goes on")
	}
}
