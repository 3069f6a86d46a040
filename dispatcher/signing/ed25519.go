package signing

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

const (
	// Prefixes of an ed25519 key's two halves (Standard Webhooks 1.0.0,
	// "Signature scheme").
	privatePrefix = "whsk_"
	publicPrefix  = "whpk_"

	asymmetric = "v1a,"
)

// pair is an ed25519 key.
type pair struct {
	private ed25519.PrivateKey // nil if only the public half is known
	public  ed25519.PublicKey
}

// parsePrivate reads what follows "whsk_". The specification does not say
// whether that is the seed or seed and public half together; both are in use.
func parsePrivate(encoded string) (Key, error) {
	key, err := decodeKey(encoded)
	if err != nil {
		return Key{}, err
	}
	if len(key) != ed25519.SeedSize && len(key) != ed25519.PrivateKeySize {
		return Key{}, invalid("it has %d bytes: after %q use the base64 of a seed of %d bytes, or of a key of %d",
			len(key), privatePrefix, ed25519.SeedSize, ed25519.PrivateKeySize)
	}
	private := ed25519.NewKeyFromSeed(key[:ed25519.SeedSize])
	// To sign under a public half that is another's gives the secret away.
	if !bytes.HasPrefix(private, key) {
		return Key{}, invalid("its two halves do not belong together: use the key as it was made")
	}
	return Key{pair: &pair{private, private.Public().(ed25519.PublicKey)}}, nil
}

// parsePublic reads what follows "whpk_".
func parsePublic(encoded string) (Key, error) {
	key, err := decodeKey(encoded)
	if err != nil {
		return Key{}, err
	}
	if len(key) != ed25519.PublicKeySize {
		return Key{}, invalid("it has %d bytes: after %q use the base64 of %d", len(key), publicPrefix, ed25519.PublicKeySize)
	}
	return Key{pair: &pair{public: key}}, nil
}

// NewKeyPair makes an ed25519 key of random bytes. The sender signs with the
// secret, "whsk_…"; receivers verify with the public half, "whpk_…", and cannot
// sign with it. [ParseKey] accepts both.
func NewKeyPair() (secret, public string) {
	var seed [ed25519.SeedSize]byte
	_, _ = rand.Read(seed[:]) // never fails: crypto/rand
	key := ed25519.NewKeyFromSeed(seed[:])
	return privatePrefix + base64.StdEncoding.EncodeToString(seed[:]), publicText(key.Public().(ed25519.PublicKey))
}

func publicText(key ed25519.PublicKey) string {
	return publicPrefix + base64.StdEncoding.EncodeToString(key)
}

// Public is what a receiver needs to verify what an ed25519 key signs, "whpk_…".
// A symmetric key has no public half: it is the empty string.
func (k Key) Public() string {
	if k.pair == nil {
		return ""
	}
	return publicText(k.pair.public)
}

func (p *pair) sign(id string, seconds int64, body []byte) string {
	if p.private == nil {
		return ""
	}
	return asymmetric + base64.StdEncoding.EncodeToString(ed25519.Sign(p.private, signedText(id, seconds, body)))
}

// anyOf reports whether one of the signatures is this key's. Nothing secret is
// compared, so it need not take constant time.
func (p *pair) anyOf(signatures []string, id string, seconds int64, body []byte) bool {
	var text []byte
	return slices.ContainsFunc(signatures, func(s string) bool {
		encoded, ok := strings.CutPrefix(s, asymmetric)
		if !ok {
			return false
		}
		signature, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil {
			return false
		}
		if text == nil {
			text = signedText(id, seconds, body)
		}
		return ed25519.Verify(p.public, text, signature)
	})
}

// signedText is "<id>.<timestamp>.<body>".
func signedText(id string, seconds int64, body []byte) []byte {
	text := make([]byte, 0, len(id)+len(body)+len("..")+len("-9223372036854775808"))
	text = append(append(text, id...), '.')
	text = append(strconv.AppendInt(text, seconds, 10), '.')
	return append(text, body...)
}
