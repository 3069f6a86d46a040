package console

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// get asks a handler for a path as it is written, with headers in pairs.
func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.URL.Path = path
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// assets are the addresses that the page names.
func assets(t *testing.T, h http.Handler) []string {
	t.Helper()
	found := regexp.MustCompile(`(?:src|href)="(/console/[^"]+)"`).FindAllStringSubmatch(text(t, get(t, h, "/").Body), -1)
	list := make([]string, len(found))
	for i, f := range found {
		list[i] = f[1]
	}
	if len(list) < 4 {
		t.Fatalf("the page names only %q", list)
	}
	return list
}

// TestThePolicy wants each answer to carry the policy, also one that refuses.
func TestThePolicy(t *testing.T) {
	const want = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; connect-src 'self'; " +
		"font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
	h := Handler(Options{})
	for _, path := range append(assets(t, h), "/", "/console.json", "/favicon.ico", "/console/nothing") {
		r := get(t, h, path)
		for name, value := range map[string]string{
			"Content-Security-Policy": want, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "X-Frame-Options": "DENY",
		} {
			if got := r.Header.Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", path, name, got, value)
			}
		}
		if r.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie", path)
		}
	}
	r := get(t, Handler(Options{FrameAncestors: "https://app.example.com"}), "/")
	if got := r.Header.Get("Content-Security-Policy"); !strings.HasSuffix(got, "frame-ancestors https://app.example.com") || r.Header.Get("X-Frame-Options") != "" {
		t.Errorf("in a frame: %q, X-Frame-Options %q", got, r.Header.Get("X-Frame-Options"))
	}
}

// TestCaching wants the page asked for anew, and its files kept for ever.
func TestCaching(t *testing.T) {
	h := Handler(Options{})
	for path, cache := range map[string]string{"/": "no-cache", "/console.json": "no-cache", assets(t, h)[0]: "public, max-age=31536000, immutable"} {
		for _, encoding := range []string{"", "gzip"} {
			r := get(t, h, path, "Accept-Encoding", encoding)
			if got := r.Header.Get("Cache-Control"); r.StatusCode != 200 || got != cache || r.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: %d, Cache-Control %q, want %q", path, r.StatusCode, got, cache)
			}
			again := get(t, h, path, "Accept-Encoding", encoding, "If-None-Match", r.Header.Get("ETag"))
			if again.StatusCode != 304 || text(t, again.Body) != "" {
				t.Errorf("%s, %q: asked again it is %d", path, encoding, again.StatusCode)
			}
			if other := get(t, h, path, "Accept-Encoding", encoding, "If-None-Match", `"another"`); other.StatusCode != 200 {
				t.Errorf("%s: of another version it is %d", path, other.StatusCode)
			}
		}
		plain := text(t, get(t, h, path).Body)
		unzipped, err := gzip.NewReader(get(t, h, path, "Accept-Encoding", "br, gzip").Body)
		if err != nil || text(t, unzipped) != plain {
			t.Errorf("%s: compressed it is another, %v", path, err)
		}
	}
}

// TestNothingElse looks for listings, other versions, and ways out of the folder.
func TestNothingElse(t *testing.T) {
	h := Handler(Options{})
	base := strings.TrimSuffix(assets(t, h)[1], "css/base.css")
	if base == assets(t, h)[1] {
		t.Fatalf("the page names %q second, want its first style", base)
	}
	for _, path := range []string{
		"/console", "/console/", base, strings.TrimSuffix(base, "/"), base + "js", base + "js/", base + "js/pages/", base + "index.html",
		base + "../console.go", base + "js/../../console.go", base + "%2e%2e/console.go", base + "js//app.js", base + "js/./app.js", base + `..\console.go`, base + "js/app.js/",
		"/console/0000000000000000/js/app.js", "/console/../etc/passwd", "/index.html", "/v1/tenants", "/console.json/", base + "js/app.js\x00",
	} {
		r := get(t, h, path)
		if r.StatusCode != 404 || r.Header.Get("Cache-Control") != "no-store" || strings.Contains(text(t, r.Body), "<") {
			t.Errorf("%q: %d, want a bare 404 that is not kept", path, r.StatusCode)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("x")))
	if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodHead, "/", nil))
	if w.Code != 200 || w.Body.Len() > 0 || w.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d with %d bytes", w.Code, w.Body.Len())
	}
}

// TestTheOperatorsWishes wants them told, and escaped.
func TestTheOperatorsWishes(t *testing.T) {
	r := get(t, Handler(Options{Name: `A "B" </script>`, Logo: "https://example.com/a.svg", Accent: "#112233", Version: "1.2"}), "/console.json")
	want := `{"name":"A \"B\" \u003c/script\u003e","logo":"https://example.com/a.svg","accent":"#112233","version":"1.2"}`
	if got := text(t, r.Body); got != want || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := text(t, get(t, Handler(Options{}), "/console.json").Body); got != `{"name":"Tidings","logo":"","accent":"","version":""}` {
		t.Errorf("got %s", got)
	}
}

// source reads the scripts and pages as they are written.
func source(t *testing.T, ending string, each func(name, content string)) {
	t.Helper()
	n := 0
	err := fs.WalkDir(files, "web", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ending) {
			return err
		}
		n++
		content, err := files.ReadFile(name)
		each(name, string(content))
		return err
	})
	if err != nil || n == 0 {
		t.Fatalf("%d files end in %s, %v", n, ending, err)
	}
}

// TestNoMarkupFromData looks for the ways by which text becomes markup or script, and
// for anything from elsewhere.
func TestNoMarkupFromData(t *testing.T) {
	banned := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\beval\(|new Function|srcdoc|setHTMLUnsafe|localStorage\.setItem\("tidings\.session`)
	elsewhere := regexp.MustCompile(`(?:from|import\()\s*["'](?:https?:|//)`)
	if !banned.MatchString(`a.innerHTML = b`) || !elsewhere.MatchString(`import x from "https://cdn.example"`) {
		t.Fatal("the patterns find nothing")
	}
	source(t, ".js", func(name, content string) {
		for _, pattern := range []*regexp.Regexp{banned, elsewhere} {
			if found := pattern.FindString(content); found != "" {
				t.Errorf("%s has %q: make nodes with dom.js, and load what is here", name, found)
			}
		}
		if lines := strings.Count(content, "\n"); lines > 400 {
			t.Errorf("%s has %d lines: use at most 400", name, lines)
		}
	})
	source(t, ".html", func(name, content string) {
		if found := regexp.MustCompile(`\s(?:on[a-z]+|style)=|<style|<script(?:>|[^>]*>[^<])|"(?:https?:)?//`).FindString(content); found != "" {
			t.Errorf("%s has %q inline or from elsewhere: the policy refuses it", name, found)
		}
	})
	source(t, ".css", func(name, content string) {
		if found := regexp.MustCompile(`@import|url\(`).FindString(content); found != "" {
			t.Errorf("%s has %q", name, found)
		}
	})
}

// TestImportsAreThere wants each module that a script imports to be a file.
func TestImportsAreThere(t *testing.T) {
	imported := regexp.MustCompile(`(?:from|import\()\s*"(\.[^"]+)"`)
	source(t, ".js", func(name, content string) {
		for _, found := range imported.FindAllStringSubmatch(content, -1) {
			target := joined(name, found[1])
			if _, err := files.ReadFile(target); err != nil {
				t.Errorf("%s imports %s: %v", name, found[1], err)
			}
		}
	})
}

// joined is a path relative to a file.
func joined(file, relative string) string {
	parts := strings.Split(file, "/")
	parts = parts[:len(parts)-1]
	for part := range strings.SplitSeq(relative, "/") {
		switch part {
		case ".":
		case "..":
			parts = parts[:len(parts)-1]
		default:
			parts = append(slices.Clone(parts), part)
		}
	}
	return strings.Join(parts, "/")
}
