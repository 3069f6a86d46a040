package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestReadRequest takes requests apart that the scripts cannot hold.
func TestReadRequest(t *testing.T) {
	for name, tt := range map[string]struct {
		captured   string
		body, fail string
	}{
		"CR and LF":           {"POST / HTTP/1.1\r\nA: b\r\n\r\n{}\r\n\r\n", "{}\r\n\r\n", ""},
		"LF":                  {"A: b\n\n{}\r\n\r\nx", "{}\r\n\r\nx", ""},
		"CR and LF, then LF":  {"A: b\r\n\r\n{\n\n}", "{\n\n}", ""},
		"no body":             {"A: b\r\n\r\n", "", ""},
		"length":              {"A: b\nContent-Length: 2\n\n{}\n", "{}", ""},
		"length of nothing":   {"A: b\nContent-Length: 0\n\n\n", "", ""},
		"length too long":     {"A: b\nContent-Length: 4\n\n{}\n", "", "has 3 bytes and Content-Length says 4"},
		"chunks":              {"A: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n3\r\na\":\r\n2\r\n1}\r\n0\r\n\r\n", `{"a":1}`, ""},
		"chunks already read": {"A: b\r\nTransfer-Encoding: chunked\r\n\r\n{}", "", "is not in chunks"},
		"no empty line":       {"A: b\n", "", "no empty line"},
		"nothing":             {"", "", "no empty line"},
		"no header":           {"what\nis: this\n\n{}", "", "not lines like"},
	} {
		h, body, err := readRequest([]byte(tt.captured))
		switch {
		case tt.fail != "":
			if err == nil || !strings.Contains(err.Error(), tt.fail) {
				t.Errorf("%s: got %v, want %q", name, err, tt.fail)
			}
		case err != nil || string(body) != tt.body || h.Get("a") != "b":
			t.Errorf("%s: got %q, %v, %v; want %q", name, body, h, err, tt.body)
		}
	}
	h, _, err := readRequest([]byte("Webhook-Id: 1\nWEBHOOK-ID: 2\n\n"))
	if got := h[http.CanonicalHeaderKey("webhook-id")]; err != nil || len(got) != 2 {
		t.Errorf("a header twice: got %q, %v", got, err)
	}
}
