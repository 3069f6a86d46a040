package dialect

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// NewSecret makes a secret of 32 random bytes in the form that the dialect's
// receivers know: "whsec_" and base64 for Standard Webhooks and those who follow
// it, hex for ROQ and RelayBox. It is empty for OneRoute, whose documentation has
// no signature: an endpoint is given one only if its receiver checks it.
func NewSecret(d schemas.Dialect) string {
	switch d {
	case schemas.DialectOneRoute:
		return ""
	case schemas.DialectROQ, schemas.DialectRelayBox:
		var key [32]byte
		_, _ = rand.Read(key[:]) // never fails
		return hex.EncodeToString(key[:])
	default:
		return signing.NewSecret()
	}
}
