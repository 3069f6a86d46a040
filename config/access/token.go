package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// tokenPrefix makes a token that leaked easy to find.
const (
	tokenPrefix = "tidings_"
	tokenSize   = 32 // random bytes
)

// NewToken makes a token: what the caller presents, to be shown once, and the
// hash that is kept.
func NewToken() (presented, hash string) {
	var b [tokenSize]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand since Go 1.24)
	presented = tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
	return presented, Hash(presented)
}

// Hash is what is kept of a token: its SHA-256 in hex.
func Hash(presented string) string {
	sum := sha256.Sum256([]byte(presented))
	return hex.EncodeToString(sum[:])
}

// MaxToken bounds, in bytes, what a caller may present.
const MaxToken = 4096

// bearer reads the token of an Authorization header. One that an administrator
// chose has any form.
func bearer(header string) (token string, ok bool) {
	scheme, token, ok := strings.Cut(header, " ")
	token = strings.TrimLeft(token, " ")
	return token, ok && strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= MaxToken
}
