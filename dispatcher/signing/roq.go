package signing

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
)

// HeaderROQ carries the endpoint's key as it is: ROQ's dialect signs nothing.
// Whoever sees one request can make others.
const HeaderROQ = "Roq-Platform-Webhook-Key"

// roqKeys are hashes of the keys, so that a comparison tells nothing of their
// length either.
type roqKeys [][sha256.Size]byte

func newROQ(secrets []string) (check, error) {
	if err := notEmpty(secrets); err != nil {
		return nil, err
	}
	keys := make(roqKeys, len(secrets))
	for i, s := range secrets {
		keys[i] = sha256.Sum256([]byte(s))
	}
	return keys.verify, nil
}

func (keys roqKeys) verify(header http.Header, _ []byte, _ clock) error {
	value, err := single(header, HeaderROQ)
	if err != nil {
		return err
	}
	given, found := sha256.Sum256([]byte(value)), 0
	for _, k := range keys {
		found |= subtle.ConstantTimeCompare(given[:], k[:])
	}
	if found == 0 {
		return fmt.Errorf("%s is none of the keys given here: %w", HeaderROQ, ErrSignature)
	}
	return nil
}
