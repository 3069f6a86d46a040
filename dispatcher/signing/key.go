package signing

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	// secretPrefix marks a symmetric secret (Standard Webhooks 1.0.0, "Signature
	// scheme").
	secretPrefix = "whsec_"

	// A symmetric key has 24 to 64 bytes (the same section).
	minKeyBytes = 24
	maxKeyBytes = 64

	// newKeyBytes is the size of SHA-256's output: RFC 2104, section 3, advises
	// at least as much and sees no gain in more.
	newKeyBytes = sha256.Size

	version = "v1"
)

// Key signs for one endpoint. Make it once with [ParseKey] and keep it: it
// remembers what HMAC derives from the secret. It is safe for concurrent use,
// and its copies are the same key. It prints as "<secret>". The zero Key signs
// and verifies nothing.
type Key struct{ macs *sync.Pool } // of *mac

// mac is what one signature needs, kept for the next.
type mac struct {
	hash hash.Hash
	text []byte // scratch
}

// ParseKey reads an endpoint's secret: "whsec_" and the base64 of 24 to 64
// random bytes, or that base64 alone. Its errors have the code
// [schemas.CodeInvalid] and never repeat the secret.
func ParseKey(secret string) (Key, error) {
	if secret == "" {
		return Key{}, invalid("it is empty: use \"whsec_\" followed by base64")
	}
	if strings.HasPrefix(secret, "whsk_") || strings.HasPrefix(secret, "whpk_") {
		return Key{}, invalid("it is an ed25519 key: use a symmetric one, which begins with \"whsec_\"")
	}
	encoded := strings.TrimPrefix(secret, secretPrefix)
	// The decoder would skip line breaks: whoever pasted one should know.
	if strings.ContainsAny(encoded, " \t\r\n") {
		return Key{}, invalid("it contains white space: remove it")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return Key{}, invalid("it is not base64: use A-Z, a-z, 0-9, \"+\" and \"/\", padded with \"=\"")
	}
	if len(key) < minKeyBytes || len(key) > maxKeyBytes {
		return Key{}, invalid("it has %d bytes: use the base64 of %d to %d random bytes", len(key), minKeyBytes, maxKeyBytes)
	}
	return newKey(key), nil
}

func invalid(format string, args ...any) error {
	return schemas.Errorf(schemas.CodeInvalid, "signing secret: "+format, args...)
}

func newKey(secret []byte) Key {
	return Key{macs: &sync.Pool{New: func() any {
		return &mac{hash: hmac.New(sha256.New, secret)}
	}}}
}

// NewSecret makes a secret of 32 random bytes that [ParseKey] accepts.
func NewSecret() string {
	var key [newKeyBytes]byte
	_, _ = rand.Read(key[:]) // never fails: crypto/rand
	return secretPrefix + base64.StdEncoding.EncodeToString(key[:])
}

// Sign is one signature, "v1,<base64>", of an attempt made at the given time to
// deliver body under the id. The id must not contain a "." (Standard Webhooks
// 1.0.0): [Verify] refuses one that does. The zero Key returns the empty
// string, which no receiver accepts.
func (k Key) Sign(id string, at time.Time, body []byte) string {
	if !k.usable() {
		return ""
	}
	m := k.macs.Get().(*mac)
	defer k.macs.Put(m)
	return string(m.sign(id, at.Unix(), body))
}

// usable tells a parsed key from the zero Key.
func (k Key) usable() bool { return k.macs != nil }

// sign returns a signature that is valid until the next.
func (m *mac) sign(id string, seconds int64, body []byte) []byte {
	m.text = append(append(m.text[:0], id...), '.')
	m.text = append(strconv.AppendInt(m.text, seconds, 10), '.')
	m.hash.Reset()
	m.hash.Write(m.text)
	m.hash.Write(body)

	m.text = m.hash.Sum(m.text[:0])
	sum := len(m.text)
	m.text = append(m.text, version...)
	m.text = append(m.text, ',')
	m.text = base64.StdEncoding.AppendEncode(m.text, m.text[:sum])
	return m.text[sum:]
}

// String hides the secret.
func (k Key) String() string { return schemas.Secret{}.String() }

// GoString hides the secret from %#v.
func (k Key) GoString() string { return schemas.Secret{}.GoString() }
