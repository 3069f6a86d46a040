package schemas_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// A URL without a scheme is answered with what it should be, as far as that is no secret.
func TestParseURLWithoutScheme(t *testing.T) {
	const absolute, scheme, credentials = `url is not absolute`, `url scheme "`, "hunter2"
	hint := func(host string) string {
		return "url has no scheme: write http://" + host + "/… or https://" + host + "/…"
	}
	for raw, want := range map[string]string{
		"localhost:9000/x":                hint("localhost:9000"),
		"localhost:9000":                  hint("localhost:9000"),
		"localhost/x":                     hint("localhost"),
		"example.com/hook":                hint("example.com"),
		"example.com":                     hint("example.com"),
		"example.com:8080/x?to=http://a":  hint("example.com:8080"),
		"127.0.0.1:9000/x":                hint("127.0.0.1:9000"),
		"[::1]:8080/":                     hint("[::1]:8080"),
		"[::1]/":                          hint("[::1]"),
		"receiver:8080/x":                 hint("receiver:8080"),
		"example.com/x?token=hunter2":     hint("example.com"),
		"example.com:0/x":                 scheme + `example.com": use https`,
		"user:hunter2@example.com/x":      scheme + `user": use https`,
		"user:1234@example.com/x":         scheme + `user": use https`,
		"htp://example.com/x":             scheme + `htp": use https`,
		"mailto:a@b.c":                    scheme + `mailto": use https`,
		"":                                absolute,
		"hooks":                           absolute,
		"hooks/x":                         absolute,
		"/hooks":                          absolute,
		"./hooks":                         absolute,
		"//example.com/x":                 absolute,
		"https:example.com":               absolute,
		"http:8080":                       absolute,
		"https://u:hunter2@example.com:x": "url does not parse",
	} {
		_, err := schemas.ParseURL(raw)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), credentials) {
			t.Errorf("%q: got %v, want %s", raw, err, want)
		}
	}
}

// FuzzParseURL holds what passes to its promise, and errors to theirs: they never
// show a password.
func FuzzParseURL(f *testing.F) {
	for _, s := range []string{
		"https://example.com/hooks", "http://[::1]:8080/?a=b#c", "https://u:hunter2@example.com/", "https://example.com:0/", "https://example.com:65536/",
		"https://u:hunter2@[::1/", "//example.com", "https:example.com", "HTTPS://EXAMPLE.com", "https://u:hunter2@example.com:port/", "ftp://u:hunter2@x/", "\x00", "localhost:9000/x", "example.com/:hunter2@", "1.2.3.4:5/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := schemas.ParseURL(raw)
		if err != nil {
			if !schemas.HasCode(err, schemas.CodeInvalid) || strings.Contains(raw, ":hunter2@") && strings.Contains(err.Error(), ":hunter2") {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		checkURL(t, raw, u)
	})
}

func checkURL(t *testing.T, raw string, u *url.URL) {
	t.Helper()
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		t.Fatalf("%q is %#v", raw, u)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			t.Fatalf("%q has port %s", raw, port)
		}
	}
	again, err := url.Parse(u.String())
	if err != nil || again.Host != u.Host || again.Scheme != u.Scheme {
		t.Fatalf("%q is written %q, and read as %v, %v", raw, u, again, err)
	}
}
