package schemas

import (
	"net/url"
	"strconv"
	"strings"
)

// MaxURL bounds the URL of an endpoint, in bytes.
const MaxURL = 2048

// ParseURL reads where deliveries are to go: an absolute URL of http or https,
// with a host, without credentials, and with a port that is one or none. It does
// not judge where that leads. Its errors are [*Error] with CodeInvalid and never
// repeat more of the URL than its scheme or, where that was left out, its host and
// port: the rest may carry credentials.
func ParseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case len(raw) > MaxURL:
		return nil, Errorf(CodeInvalid, "url has %d bytes: use at most %d", len(raw), MaxURL)
	case bareHost(raw, u) != "":
		return nil, Errorf(CodeInvalid, "url has no scheme: write http://%[1]s/… or https://%[1]s/…", bareHost(raw, u))
	case err != nil:
		return nil, Errorf(CodeInvalid, "url does not parse: write it like \"https://example.com/hooks\"")
	case u.IsAbs() && u.Scheme != "https" && u.Scheme != "http":
		return nil, Errorf(CodeInvalid, "url scheme %q: use https", u.Scheme)
	case !u.IsAbs() || u.Hostname() == "":
		return nil, Errorf(CodeInvalid, "url is not absolute: write it like \"https://example.com/hooks\"")
	case u.User != nil:
		return nil, Errorf(CodeInvalid, "url carries credentials: remove \"user:password@\"; deliveries prove their origin by signature")
	case !validPort(u.Port()):
		return nil, Errorf(CodeInvalid, "url has no valid port: use one of 1 to 65535, or none for the scheme's own")
	}
	return u, nil
}

// bareHost is the host and port of a URL without a scheme, like localhost:9000/x, whose
// host net/url takes for the scheme, for a path, or for a mistake; "" if raw is none. u
// is what net/url made of it, nil if nothing. A word alone, like hooks, may be a path.
func bareHost(raw string, u *url.URL) string {
	if u != nil && (u.Scheme == "http" || u.Scheme == "https") {
		return ""
	}
	meant, err := url.Parse("http://" + raw)
	if err != nil || meant.Hostname() == "" || meant.User != nil || strings.HasSuffix(meant.Host, ":") || !validPort(meant.Port()) {
		return ""
	}
	if meant.Port() == "" && meant.Hostname() != "localhost" && !strings.ContainsAny(strings.Trim(meant.Hostname(), "."), ".:") {
		return ""
	}
	return meant.Host
}

// validPort refuses 0, which nobody listens on, and what has more than 16 bits:
// Go 1.26's dialer overflows and takes port 4294967739 for 443. Empty is the
// scheme's own port.
func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}
