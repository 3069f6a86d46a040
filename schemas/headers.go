package schemas

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Bounds of an endpoint's own headers.
const (
	MaxHeaders     = 20
	maxHeaderName  = 128
	maxHeaderValue = 4096
)

// reservedHeaders belong to the connection, to the body, or to who sends: what
// an endpoint could say there would break the request or its proof.
var reservedHeaders = []string{
	"accept-encoding", "connection", "content-encoding", "content-length", "content-type", "cookie", "date", "expect",
	"host", "keep-alive", "roq-platform-webhook-key", "te", "trailer", "traceparent", "tracestate", "transfer-encoding",
	"upgrade", "user-agent", "via",
}

// reservedHeaderPrefixes begin headers that dialects and proxies write.
var reservedHeaderPrefixes = []string{"ce-", "proxy-", "sec-", "webhook-", "x-forwarded-", "x-oneroute-", "x-relaybox-"}

// validateHeaders refuses what is no header (RFC 9110, section 5) or is not the
// endpoint's to set. It does not repeat values.
func validateHeaders(headers map[string]Secret) error {
	if len(headers) > MaxHeaders {
		return Errorf(CodeInvalid, "headers has %d members: use at most %d", len(headers), MaxHeaders)
	}
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		lower, value := strings.ToLower(name), headers[name].Reveal()
		prefixed := slices.ContainsFunc(reservedHeaderPrefixes, func(p string) bool { return strings.HasPrefix(lower, p) })
		switch {
		case name == "" || len(name) > maxHeaderName || strings.ContainsFunc(name, func(r rune) bool { return !tokenRune(r) }):
			return Errorf(CodeInvalid, "headers: %q is no header name: use letters, digits and '-', at most %d", name, maxHeaderName)
		case prefixed || slices.Contains(reservedHeaders, lower):
			return Errorf(CodeInvalid, "headers: %q is set by the sender: leave it out", name)
		case seen[lower] != "":
			return Errorf(CodeInvalid, "headers: %q and %q are the same header: leave one out", seen[lower], name)
		case len(value) > maxHeaderValue:
			return Errorf(CodeInvalid, "headers.%s: the value has %d bytes: use at most %d", name, len(value), maxHeaderValue)
		case strings.TrimSpace(value) != value || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f }):
			return Errorf(CodeInvalid, "headers.%s: the value has spaces around it, or characters that are not printable ASCII: remove them", name)
		}
		seen[lower] = name
	}
	return nil
}

// tokenRune reports whether r may stand in a token (RFC 9110, section 5.6.2).
func tokenRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

func validateStatuses(statuses map[string]StatusAction) error {
	known := []StatusAction{StatusDelivered, StatusRetry, StatusDead, StatusDisable}
	for _, key := range slices.Sorted(maps.Keys(statuses)) {
		code, err := strconv.Atoi(strings.Replace(key, "xx", "00", 1))
		if err != nil || len(key) != 3 || code < 200 || code > 599 {
			return Errorf(CodeInvalid, "statuses: %q is no final status: write it like \"404\" or \"4xx\", from 200 to 599", key)
		}
		if !slices.Contains(known, statuses[key]) {
			return Errorf(CodeInvalid, "statuses.%s: %q is unknown: use %s", key, statuses[key], list(known))
		}
	}
	return nil
}

// indexed is the place of an element in an error: "filters[0]".
func indexed(name string, i int) string { return name + "[" + strconv.Itoa(i) + "]" }
