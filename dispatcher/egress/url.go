package egress

import (
	"net/url"

	"github.com/tidings-dev/tidings/schemas"
)

// CheckURL refuses a URL that no request can be made for: a scheme other than
// http or https, credentials, or no host. It does not look at the address,
// which only the guard can judge. Its errors are [*schemas.Error] with
// CodeInvalid and never carry the credentials.
func CheckURL(u *url.URL) error {
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return schemas.Errorf(schemas.CodeInvalid, "url scheme %q: use https", u.Scheme)
	case u.User != nil:
		return schemas.Errorf(schemas.CodeInvalid, "url of %s carries credentials: remove \"user:password@\"", u.Host)
	case u.Hostname() == "":
		return schemas.Errorf(schemas.CodeInvalid, "url has no host: write it like \"https://example.com/hooks\"")
	}
	return nil
}
