package egress_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/egress"
	"github.com/tidings-dev/tidings/schemas"
)

func TestCheckURL(t *testing.T) {
	tests := []struct{ raw, want string }{
		{"https://example.com/hooks", ""},
		{"http://example.com:8080/hooks?a=b", ""},
		{"HTTPS://example.com", ""}, // url.Parse lowers the scheme
		{"https://[2606:4700:4700::1111]:8443/", ""},
		{"https://127.0.0.1/", ""}, // for the guard to judge
		{"ftp://example.com/", "scheme"},
		{"file:///etc/passwd", "scheme"},
		{"gopher://example.com/", "scheme"},
		{"unix:///run/app.sock", "scheme"},
		{"/hooks", "scheme"},
		{"//example.com/hooks", "scheme"},
		{"https://user:hunter2@example.com/", "credentials"},
		{"https://user@example.com/", "credentials"},
		{"https://@example.com/", "credentials"},
		{"https:///hooks", "host"},
		{"https://:443/", "host"},
		{"https:example.com", "host"},
		{"https://example.com:/", ""},
		{"https://example.com:1/", ""},
		{"https://example.com:65535/", ""},
		{"https://example.com:0/", "port"},
		{"https://example.com:65536/", "port"},
		{"https://example.com:4294967739/", "port"}, // 443, as Go's dialer reads it
	}
	for _, tt := range tests {
		u, err := url.Parse(tt.raw)
		if err != nil {
			t.Fatal(err)
		}
		err = egress.CheckURL(u)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.raw, err)
			}
			continue
		}
		coded, ok := errors.AsType[*schemas.Error](err)
		if !ok || coded.Code != schemas.CodeInvalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an invalid %s", tt.raw, err, tt.want)
		}
		if ok && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the password: %v", tt.raw, err)
		}
	}
}
