package signing

import (
	"crypto/hmac"
	"crypto/sha512"
	"fmt"
	"net/http"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
)

// HeaderOneRoute carries [OneRouteSignature]. OneRoute's documentation at first
// had no signature; its later versions have this one.
const HeaderOneRoute = "X-Oneroute-Signature"

// OneRouteSignature is the value of [HeaderOneRoute]: HMAC-SHA512, in lower-case
// hex, of the body as it is. Receivers check it over
// JSON.stringify(JSON.parse(body)), so the body must be what
// [ecmascript.Stringify] writes. An empty key signs nothing.
func OneRouteSignature(key string, body []byte) string {
	if key == "" {
		return ""
	}
	return hexMAC(sha512.New, key, body)
}

// newOneRoute verifies, as OneRoute's documentation has it, the body parsed and
// written again: formatting may change on the way, values may not.
func newOneRoute(secrets []string) (check, error) {
	if err := notEmpty(secrets); err != nil {
		return nil, err
	}
	return func(header http.Header, body []byte, _ clock) error {
		given, err := single(header, HeaderOneRoute)
		if err != nil {
			return err
		}
		signed, err := ecmascript.Stringify(nil, body)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMalformedBody, err)
		}
		found := false
		for _, key := range secrets {
			found = hmac.Equal([]byte(given), []byte(OneRouteSignature(key, signed))) || found
		}
		if !found {
			return noMatch(HeaderOneRoute)
		}
		return unambiguous(body)
	}, nil
}
