package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// between is a server before Tidings that answers some routes itself: those that an
// older or a newer Tidings has or has not.
func between(t *testing.T, routes map[string]http.HandlerFunc) string {
	t.Helper()
	tidings, err := url.Parse(shared.base)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", httputil.NewSingleHostReverseProxy(tidings))
	for pattern, answer := range routes {
		mux.HandleFunc(pattern, answer)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func says(status int, body any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", map[bool]string{true: "application/json", false: "application/problem+json"}[status < 400])
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
}

// liveEvents is a stream as GET …/live sends it: a hundred events in ten seconds, of
// which two deliveries wait, and the nth attempt at one. It ends when it is told to.
func liveEvents(w http.ResponseWriter, r *http.Request, n int, stop <-chan struct{}) {
	if r.Header.Get("Authorization") == "" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	send := func(name string, data any) {
		text, _ := json.Marshal(data)
		fmt.Fprintf(w, ": a comment\nevent: %s\ndata: %s\n\n", name, text)
		w.(http.Flusher).Flush()
	}
	at := time.Now()
	for i := range 2 {
		send("overview", fields{
			"at": at.Add(time.Duration(i) * 10 * time.Second), "accepted": 100 * i, "matched": 200 * i, "delivered": 150 * i, "retried": 3 * i, "dead": i,
			"waiting": 2, "oldest_seconds": 75, "endpoints": []any{fields{"id": "ep_1", "waiting": 2, "oldest_seconds": 75}},
		})
	}
	send("attempt", fields{
		"at": at, "delivery": "dlv_0000000000000000000000000000live", "endpoint": "ep_1", "event": fields{"id": "e", "type": "live.event", "source": "/live"},
		"attempt": n, "outcome": "retry", "reason": "timeout", "status": 0, "duration_ms": 1500,
	})
	select {
	case <-stop:
	case <-r.Context().Done():
	}
}

// TestTheStream has the overview live: by the stream of a server that has one, which
// falls silent once, and breaks once.
func TestTheStream(t *testing.T) {
	b := newTab(t, tenant(t, "live"))
	var mu sync.Mutex
	streams, stop := 0, make(chan struct{})
	base := between(t, map[string]http.HandlerFunc{
		"GET /v1/me": says(200, fields{"token": "tok_1", "name": "Ada", "scope": "admin", "tenant": "", "user": nil, "expires": nil}),
		"GET /v1/tenants/{tenant}/live": func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			streams++
			n := streams
			mu.Unlock()
			liveEvents(w, r, n, stop)
		},
	})
	b.do(chromedp.Navigate(base + "/#link=" + adminToken))
	b.shows("Ada") // who it is, by /v1/me
	b.open("overview")
	b.until(`document.querySelector(".live").textContent === "Live"`)
	for _, text := range []string{"10 a second", "20 a second", "15 a second", "live.event", "timeout", "1.5 s", "75 s"} {
		b.shows(text)
	}
	b.until(`document.querySelectorAll(".pipe.moving").length === 2`)
	b.until(`document.querySelector(".live").textContent.startsWith("No connection")`) // nothing has come for a while
	b.until(`document.querySelector(".live").textContent === "Live"`)
	close(stop) // the server is restarted
	b.until(`document.querySelectorAll("tr[data-key]").length >= 3`)
	b.open("endpoints") // leaving the page ends the stream
	mu.Lock()
	defer mu.Unlock()
	if streams < 3 {
		t.Errorf("the console asked for %d streams, want another after each that has ended", streams)
	}
}

// TestLinksAndAudit uses routes that a server may not have.
func TestLinksAndAudit(t *testing.T) {
	b := newTab(t, tenant(t, "newer"))
	base := between(t, map[string]http.HandlerFunc{
		"POST /v1/tenants/{tenant}/links": says(201, fields{"url": "/#link=tidings_short", "token": "tidings_short", "expires": time.Now().Add(15 * time.Minute)}),
		"GET /v1/tenants/{tenant}/audit": func(w http.ResponseWriter, r *http.Request) {
			page := fields{"data": []any{fields{"at": time.Now(), "token": "tok_1", "name": "Ada", "method": "POST", "action": "/v1/tenants/{tenant}/endpoints/{endpoint}/pause", "object": "/v1/tenants/newer/endpoints/ep_1/pause", "link": true, "fields": []string{"paused"}, "status": 200}}, "next": "more"}
			if r.URL.Query().Get("cursor") == "more" {
				page = fields{"data": []any{fields{"at": time.Now(), "token": "tok_2", "method": "DELETE", "action": "/v1/tenants/{tenant}/endpoints/{endpoint}", "object": "/v1/tenants/newer/endpoints/ep_2", "status": 409}}}
			}
			says(200, page)(w, r)
		},
	})
	b.do(chromedp.Navigate(base + "/#link=" + adminToken))
	b.until(`!!document.querySelector(".shell")`)
	b.open("audit")
	b.shows("paused the endpoint")
	b.press("Older")
	b.shows("removed the endpoint")
	b.shows("2 in all")
	b.press("Share")
	b.press("Make the link")
	b.shows(base + "/#link=tidings_short")
	b.press("Done")
}

// TestWhatGoesWrong wants the API's words shown, with a way to try again, and one slow
// part to hold up no other.
func TestWhatGoesWrong(t *testing.T) {
	id := tenant(t, "wrong")
	endpoint(t, id, fields{"name": "Steady", "url": "https://receiver.example/"})
	b := newTab(t, id)
	var mu sync.Mutex
	broken := true
	base := between(t, map[string]http.HandlerFunc{
		"GET /v1/tenants/{tenant}/deliveries": func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if broken {
				says(503, fields{"title": "Service Unavailable", "status": 503, "code": "unavailable", "detail": "the database is away: try again in a moment"})(w, r)
				return
			}
			says(200, fields{"items": []any{}})(w, r)
		},
		"GET /v1/tenants/{tenant}/counts": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	})
	b.do(chromedp.Navigate(base + "/#link=" + adminToken))
	b.until(`!!document.querySelector(".shell")`)
	b.open("deliveries")
	b.shows("the database is away: try again in a moment")
	mu.Lock()
	broken = false
	mu.Unlock()
	b.press("Try again")
	b.shows("No deliveries yet")
	b.script(`location.hash = "#/t/wrong/endpoints"`)
	b.shows("Steady") // though its health never comes
	b.script(`location.hash = "#/t/wrong/types"`)
	b.shows("user.created")

	call(t, "POST", "/v1/tokens", fields{"name": "short", "scope": "tenant:read", "tenant": id})
	b.script(`sessionStorage.setItem("tidings.session", JSON.stringify({token: "tidings_revoked", scope: "tenant:read", tenant: "wrong"}))`)
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(base+"/#/t/wrong/events"))
	b.shows("Sign in") // with the reason
	if said := b.script(`document.querySelector(".note")?.textContent ?? ""`).(string); !strings.Contains(said, "token") {
		t.Errorf("it says %q", said)
	}
	for _, wrong := range b.complaints() { // the browser itself notes refused requests
		if !strings.Contains(wrong, "Failed to load resource") {
			t.Error(wrong)
		}
	}
}
