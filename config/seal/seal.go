package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/tidings-dev/tidings/schemas"
)

const (
	keyPrefix = "tkey_"
	keySize   = 32 // bytes: AES-256
	idSize    = 4  // bytes
)

// strict refuses a last character with bits that mean nothing: one sealed text
// has one spelling.
var strict = base64.RawURLEncoding.Strict()

// Keyring is the keys of one file. It is safe for concurrent use, and has no
// form that prints a key.
type Keyring struct{ keys []key }

type key struct {
	id   string
	aead cipher.AEAD
}

// NewKey makes a key, as a line of a key file.
func NewKey() string {
	var b [keySize]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand since Go 1.24)
	return keyPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// Parse reads a key file: one key a line, the newest first. Empty lines and
// those that begin with "#" are skipped. The error names the line and does not
// repeat it.
func Parse(text string) (*Keyring, error) {
	ring := &Keyring{}
	line := 0
	for content := range strings.Lines(text) {
		line++
		content = strings.TrimSpace(content)
		if content == "" || strings.HasPrefix(content, "#") {
			continue
		}
		k, err := parseKey(content)
		if err != nil {
			return nil, schemas.Errorf(schemas.CodeInvalid, "key file, line %d: %w", line, err)
		}
		if _, ok := ring.find(k.id); ok {
			return nil, schemas.Errorf(schemas.CodeInvalid, "key file, line %d: key %s is there twice: remove one line", line, k.id)
		}
		ring.keys = append(ring.keys, k)
	}
	if len(ring.keys) == 0 {
		return nil, schemas.Errorf(schemas.CodeInvalid, "key file: it has no key: put in a line of %q and 32 random bytes in base64", keyPrefix)
	}
	return ring, nil
}

func parseKey(text string) (key, error) {
	encoded, ok := strings.CutPrefix(text, keyPrefix)
	if !ok {
		return key{}, schemas.Errorf(schemas.CodeInvalid, "a key begins with %q", keyPrefix)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(b) != keySize { // the decoder's error repeats nothing, but says nothing either
		return key{}, schemas.Errorf(schemas.CodeInvalid, "after %q come %d bytes in base64: copy the whole key", keyPrefix, keySize)
	}
	block, err := aes.NewCipher(b)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return key{}, err
	}
	sum := sha256.Sum256(append([]byte("tidings key id"), b...))
	return key{id: hex.EncodeToString(sum[:idSize]), aead: aead}, nil
}

func (r *Keyring) find(id string) (key, bool) {
	for _, k := range r.keys {
		if k.id == id {
			return k, true
		}
	}
	return key{}, false
}

// Seal encrypts plain with the newest key. Sealing the same again gives another
// text.
func (r *Keyring) Seal(plain, about []byte) string {
	k := r.keys[0]
	sealed := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(plain)+k.aead.Overhead())
	_, _ = rand.Read(sealed) // never fails
	sealed = k.aead.Seal(sealed, sealed, plain, about)
	return k.id + "." + strict.EncodeToString(sealed)
}

// Open decrypts what Seal made of the same about, with whichever key it was. A
// key that is missing is a [schemas.CodeUnavailable] with the key's id; a text
// that is not as it was sealed, or not about this, is a [schemas.CodeInvalid].
func (r *Keyring) Open(sealed string, about []byte) ([]byte, error) {
	id, encoded, ok := strings.Cut(sealed, ".")
	if raw, err := hex.DecodeString(id); !ok || err != nil || len(raw) != idSize || hex.EncodeToString(raw) != id {
		return nil, schemas.Errorf(schemas.CodeInvalid, "sealed text: it does not begin with a key's id: it was not sealed by Tidings")
	}
	k, ok := r.find(id)
	if !ok {
		return nil, schemas.Errorf(schemas.CodeUnavailable, "sealed text: it needs the key %s, which this process has not: add it to the key file", id)
	}
	b, err := strict.DecodeString(encoded)
	if size := k.aead.NonceSize(); err == nil && len(b) >= size && !strings.ContainsAny(encoded, "\r\n") { // which decoding skips
		plain, err := k.aead.Open(nil, b[:size], b[size:], about)
		if err == nil {
			return plain, nil
		}
	}
	return nil, schemas.Errorf(schemas.CodeInvalid, "sealed text: it was changed, or belongs to another record: restore it, or write the secret anew")
}

// Current reports whether a sealed text is of the newest key.
func (r *Keyring) Current(sealed string) bool {
	return strings.HasPrefix(sealed, r.keys[0].id+".")
}

// Format names the keys by their ids, whatever the verb.
func (r Keyring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// String names the keys by their ids.
func (r Keyring) String() string {
	ids := make([]string, len(r.keys))
	for i, k := range r.keys {
		ids[i] = k.id
	}
	return "keys " + strings.Join(ids, ", ")
}

// LogValue names the keys by their ids.
func (r Keyring) LogValue() slog.Value { return slog.StringValue(r.String()) }
