package browser

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPaths wants the console beside all else that the binary serves, and in the place
// of none of it.
func TestPaths(t *testing.T) {
	for path, want := range map[string][2]string{
		"/": {"200", "text/html"}, "/console.json": {"200", "application/json"}, "/favicon.ico": {"200", "image/svg+xml"},
		"/healthz": {"200", "application/json"}, "/readyz": {"200", "application/json"}, "/metrics": {"200", "text/plain"},
		"/openapi.json": {"200", "application/json"}, "/openapi.yaml": {"200", "application/yaml"}, "/v1/tenants": {"401", "application/problem+json"},
		"/v1/nothing": {"404", "application/problem+json"}, "/nothing": {"404", "application/problem+json"}, "/index.html": {"404", "application/problem+json"},
		"/console": {"404", "application/problem+json"}, "/console/": {"404", "application/problem+json"}, "/console/0123/js/app.js": {"404", "text/plain"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, shared.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultTransport.RoundTrip(r) // as it is: no redirect is followed
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if kind := answer.Header.Get("Content-Type"); !strings.HasPrefix(answer.Status, want[0]) || !strings.HasPrefix(kind, want[1]) {
			t.Errorf("GET %s: %s %s, want %s %s", path, answer.Status, kind, want[0], want[1])
		}
	}
}

// TestTheOperatorsColours has the console in a name and colours that are hard to read,
// and wants it legible all the same.
func TestTheOperatorsColours(t *testing.T) {
	axe := axeSource(t)
	s := tenant(t, "colours")
	endpoint(t, s, fields{"name": "Shop", "url": "https://receiver.example/"})
	for _, accent := range []string{"#ffe14d", "#101010", "#7f7f7f"} {
		b := newTab(t, s)
		base := between(t, map[string]http.HandlerFunc{"GET /console.json": says(200, fields{"name": "Ada's hooks", "logo": "javascript:window.struck=1", "accent": accent, "version": "9"})})
		b.do(chromedp.Navigate(base + "/#link=" + adminToken))
		b.until(`!!document.querySelector(".shell")`)
		b.shows("Ada's hooks")
		b.script(axe)
		b.open("endpoints")
		b.judge("endpoints in " + accent)
		if used := b.script(`document.documentElement.style.getPropertyValue("--accent-fill")`); used != accent {
			t.Errorf("the colour is %v, want %s", used, accent)
		}
	}
}
