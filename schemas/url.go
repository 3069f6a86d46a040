package schemas

import (
	"net/url"
	"strconv"
)

// MaxURL bounds the URL of an endpoint, in bytes.
const MaxURL = 2048

// ParseURL reads where deliveries are to go: an absolute URL of http or https,
// with a host, without credentials, and with a port that is one or none. It does
// not judge where that leads. Its errors are [*Error] with CodeInvalid and never
// repeat the URL, whose credentials they would carry.
func ParseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case len(raw) > MaxURL:
		return nil, Errorf(CodeInvalid, "url has %d bytes: use at most %d", len(raw), MaxURL)
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

// validPort refuses 0, which nobody listens on, and what has more than 16 bits:
// Go 1.26's dialer overflows and takes port 4294967739 for 443. Empty is the
// scheme's own port.
func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}
