package signing

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"slices"
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
type Key struct {
	macs *sync.Pool // of *mac; nil if the key is not symmetric
	pair *pair      // nil if the key is not of ed25519
}

// mac is what one signature needs, kept for the next.
type mac struct {
	hash hash.Hash
	text []byte // scratch
}

// ParseKey reads an endpoint's secret:
//
//	whsec_  the base64 of 24 to 64 random bytes; the prefix may be left out    signs and verifies "v1"
//	whsk_   an ed25519 key: the base64 of its seed, or of its seed and public half   "v1a"
//	whpk_   the public half alone                                        verifies "v1a", does not sign
//
// Whoever is to sign asks [Key.CanSign]. Errors have the code
// [schemas.CodeInvalid] and never repeat the secret.
func ParseKey(secret string) (Key, error) {
	if secret == "" {
		return Key{}, invalid("it is empty: use %q followed by base64", secretPrefix)
	}
	if encoded, ok := strings.CutPrefix(secret, privatePrefix); ok {
		return parsePrivate(encoded)
	}
	if encoded, ok := strings.CutPrefix(secret, publicPrefix); ok {
		return parsePublic(encoded)
	}
	key, err := decodeKey(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return Key{}, err
	}
	if len(key) < minKeyBytes || len(key) > maxKeyBytes {
		return Key{}, invalid("it has %d bytes: use the base64 of %d to %d random bytes", len(key), minKeyBytes, maxKeyBytes)
	}
	return newKey(key), nil
}

func decodeKey(encoded string) ([]byte, error) {
	// The decoder would skip line breaks: whoever pasted one should know.
	if strings.ContainsAny(encoded, " \t\r\n") {
		return nil, invalid("it contains white space: remove it")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, invalid("it is not base64: use A-Z, a-z, 0-9, \"+\" and \"/\", padded with \"=\"")
	}
	return key, nil
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

// Sign is one signature, "v1,<base64>" or, by an ed25519 key, "v1a,<base64>", of
// an attempt made at the given time to deliver body under the id. The id must not
// contain a "." (Standard Webhooks 1.0.0): [Verify] refuses one that does. A key
// that cannot sign returns the empty string, which no receiver accepts.
func (k Key) Sign(id string, at time.Time, body []byte) string {
	switch {
	case k.pair != nil:
		return k.pair.sign(id, at.Unix(), body)
	case k.macs != nil:
		m := k.macs.Get().(*mac)
		defer k.macs.Put(m)
		return string(m.sign(id, at.Unix(), body))
	}
	return ""
}

// CanSign reports whether the key is more than a public half. Refuse a sender's
// key that cannot.
func (k Key) CanSign() bool { return k.macs != nil || k.pair != nil && k.pair.private != nil }

// usable tells a parsed key from the zero Key.
func (k Key) usable() bool { return k != Key{} }

// anyOf reports whether one of the signatures is this key's. Versions it does
// not make are passed over: the version is part of what is compared.
func (k Key) anyOf(signatures []string, id string, seconds int64, body []byte) bool {
	switch {
	case k.pair != nil:
		return k.pair.anyOf(signatures, id, seconds, body)
	case k.macs != nil:
		m := k.macs.Get().(*mac)
		defer k.macs.Put(m)
		want := m.sign(id, seconds, body)
		return slices.ContainsFunc(signatures, func(s string) bool { return hmac.Equal([]byte(s), want) })
	}
	return false
}

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
