package handshake

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

// The headers of the handshake (Web Hooks for Event Delivery 1.0.2, sections
// 4.1 and 4.2).
const (
	headerRequestOrigin   = "WebHook-Request-Origin"
	headerRequestCallback = "WebHook-Request-Callback"
	headerRequestRate     = "WebHook-Request-Rate"
	headerAllowedOrigin   = "WebHook-Allowed-Origin"
	headerAllowedRate     = "WebHook-Allowed-Rate"
)

// Request is what an endpoint is asked.
type Request struct {
	// URL is the endpoint's, to the letter: the consent is for this URL alone.
	URL *url.URL
	// Origin is the DNS name of this Tidings, all its processes together, as in
	// "webhooks.example.com".
	Origin string
	// Callback is where the endpoint may consent later, with a GET or a POST; nil
	// offers none. Whoever knows it can consent, so it holds a secret.
	Callback *url.URL
	// Rate is how many requests per minute are asked for; 0 asks for no rate.
	Rate int
	// UserAgent names the sender; Go's HTTP client if empty.
	UserAgent string
	// Header goes along, as it does with the endpoint's deliveries. What the
	// handshake sets itself wins.
	Header http.Header
}

// Validate names the field that is wrong.
func (r Request) Validate() error {
	switch {
	case !absolute(r.URL):
		return schemas.Errorf(schemas.CodeInvalid, "handshake: the endpoint's url is not absolute: write it like \"https://example.com/hooks\"")
	case !dnsName(r.Origin):
		return schemas.Errorf(schemas.CodeInvalid, "handshake: origin %q is not a DNS name: write it like \"webhooks.example.com\"", r.Origin)
	case r.Callback != nil && !absolute(r.Callback):
		return schemas.Errorf(schemas.CodeInvalid, "handshake: the callback's url is not absolute: write it like \"https://example.com/confirm\"")
	case r.Rate < 0:
		return schemas.Errorf(schemas.CodeInvalid, "handshake: rate %d: use requests per minute, or 0 to ask for none", r.Rate)
	}
	return nil
}

func absolute(u *url.URL) bool {
	return u != nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != ""
}

// dnsName is lenient about where its characters stand; what counts is that none
// of them has a meaning in a header.
func dnsName(s string) bool {
	const most = 253 // RFC 1035, section 2.3.4, as text
	return s != "" && len(s) <= most && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

func (r Request) header() http.Header {
	h := http.Header{}
	maps.Copy(h, r.Header)
	if r.UserAgent != "" {
		h.Set("User-Agent", r.UserAgent)
	}
	h.Set(headerRequestOrigin, r.Origin)
	if r.Callback != nil {
		h.Set(headerRequestCallback, r.Callback.String())
	}
	if r.Rate > 0 {
		h.Set(headerRequestRate, strconv.Itoa(r.Rate))
	}
	return h
}
