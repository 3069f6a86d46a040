package schemas_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// FuzzParseURL holds what passes to its promise, and errors to theirs: they never
// show a password.
func FuzzParseURL(f *testing.F) {
	for _, s := range []string{
		"https://example.com/hooks", "http://[::1]:8080/?a=b#c", "https://u:hunter2@example.com/", "https://example.com:0/", "https://example.com:65536/",
		"https://u:hunter2@[::1/", "//example.com", "https:example.com", "HTTPS://EXAMPLE.com", "https://u:hunter2@example.com:port/", "ftp://u:hunter2@x/", "\x00",
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
