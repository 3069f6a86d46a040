package egress

import (
	"net/url"
	"strconv"

	"github.com/tidings-dev/tidings/schemas"
)

// CheckURL refuses a URL that no request can be made for: a scheme other than
// http or https, credentials, no host, or a port that is none. It does not look at
// the address, which only the guard can judge. Its errors are [*schemas.Error] with
// CodeInvalid and never carry the credentials.
func CheckURL(u *url.URL) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return schemas.Errorf(schemas.CodeInvalid, "url scheme %q: use https", u.Scheme)
	case u.User != nil:
		return schemas.Errorf(schemas.CodeInvalid, "url of %s carries credentials: remove \"user:password@\"", u.Host)
	case u.Hostname() == "":
		return schemas.Errorf(schemas.CodeInvalid, "url has no host: write it like \"https://example.com/hooks\"")
	case !validPort(u.Port()):
		return schemas.Errorf(schemas.CodeInvalid, "url of %s has no valid port: use one of 1 to 65535, or none for the scheme's own", u.Host)
	}
	return nil
}

// validPort refuses 0, which nobody listens on, and what has more than 16 bits:
// Go 1.26's dialer overflows and takes port 4294967739 for 443. Empty is the scheme's own port.
func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}
