package signing_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// No reference library signs with ed25519 yet: this vector was made with
// crypto/ed25519 alone, from a seed of 32 bytes 0x07.
const (
	edPublic    = "whpk_6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw="
	edSignature = "v1a,VVfV8DSc2s3uNzQsPw9BLYSjdnGuyUTq8v584aiAYahdqzV6wld3PlyUMXBU8yPvM8Jtq/jV4lAXtGxc0HMEBg=="
	edBody      = `{"type":"a.b"}`
)

var (
	edSeed = bytes.Repeat([]byte{7}, ed25519.SeedSize)
	edAt   = time.Unix(1_700_000_000, 0)
)

func secretKey(raw []byte) string { return "whsk_" + base64.StdEncoding.EncodeToString(raw) }

func TestEd25519Vector(t *testing.T) {
	public := mustKey(t, edPublic)
	for name, secret := range map[string]string{
		"seed": secretKey(edSeed), "seed and public half": secretKey(ed25519.NewKeyFromSeed(edSeed)),
	} {
		key := mustKey(t, secret)
		if got := key.Sign("msg_1", edAt, []byte(edBody)); got != edSignature {
			t.Errorf("%s: got %s", name, got)
		}
		if got := key.Public(); got != edPublic {
			t.Errorf("%s: got %s, want %s", name, got, edPublic)
		}
		h := headers("msg_1", edAt, []byte(edBody), key)
		for _, verifier := range []signing.Key{key, public} {
			if err := signing.Verify(h, []byte(edBody), edAt, verifier); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if got := public.Sign("msg_1", edAt, []byte(edBody)); got != "" || public.CanSign() {
		t.Errorf("a public half signs: %q", got)
	}
}

func TestEd25519Refuses(t *testing.T) {
	key, other := mustKey(t, secretKey(edSeed)), mustKey(t, secretKey(bytes.Repeat([]byte{8}, 32)))
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(edSignature, "v1a,"))
	if err != nil {
		t.Fatal(err)
	}
	changed := slices.Clone(raw)
	changed[0] ^= 1
	encode := base64.StdEncoding.EncodeToString
	for name, tt := range map[string]struct {
		list, body string
		want       error
	}{
		"in order":            {edSignature, edBody, nil},
		"second":              {"v1,AAAA " + edSignature, edBody, nil},
		"another body":        {edSignature, edBody + " ", signing.ErrSignature},
		"another key's":       {other.Sign("msg_1", edAt, []byte(edBody)), edBody, signing.ErrSignature},
		"another id":          {key.Sign("msg_2", edAt, []byte(edBody)), edBody, signing.ErrSignature},
		"one bit changed":     {"v1a," + encode(changed), edBody, signing.ErrSignature},
		"as version v1":       {"v1," + encode(raw), edBody, signing.ErrSignature},
		"no version":          {encode(raw), edBody, signing.ErrSignature},
		"cut short":           {"v1a," + encode(raw[:63]), edBody, signing.ErrSignature},
		"too long":            {edSignature + "AAAA", edBody, signing.ErrSignature},
		"nothing":             {"v1a,", edBody, signing.ErrSignature},
		"not base64":          {"v1a," + strings.Repeat("!", 88), edBody, signing.ErrSignature},
		"another spelling":    {strings.Replace(edSignature, "Bg==", "Bh==", 1), edBody, signing.ErrSignature},
		"broken by a newline": {"v1a," + encode(raw)[:40] + "\n" + encode(raw)[40:87], edBody, signing.ErrSignature},
	} {
		h := headers("msg_1", edAt, []byte(edBody), key)
		h.Set(signing.HeaderSignature, tt.list)
		err := signing.Verify(h, []byte(tt.body), edAt, mustKey(t, edPublic))
		if got := verdict(t, err); !errors.Is(got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
}

// TestRotationToEd25519 signs by a symmetric key and an ed25519 key at once, so
// that receivers change over one by one.
func TestRotationToEd25519(t *testing.T) {
	symmetric, pair := mustKey(t, signing.NewSecret()), mustKey(t, secretKey(edSeed))
	h := headers("msg_1", edAt, []byte(edBody), pair, mustKey(t, edPublic), symmetric)
	if got, want := h.Get(signing.HeaderSignature), edSignature+" "+symmetric.Sign("msg_1", edAt, []byte(edBody)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	stranger := mustKey(t, signing.NewSecret())
	for name, keys := range map[string][]signing.Key{
		"old":     {symmetric},
		"new":     {mustKey(t, edPublic)},
		"both":    {stranger, mustKey(t, edPublic), symmetric},
		"any one": {stranger, symmetric},
	} {
		if err := signing.Verify(h, []byte(edBody), edAt, keys...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := signing.Verify(h, []byte(edBody), edAt, stranger); !errors.Is(err, signing.ErrSignature) {
		t.Errorf("stranger: got %v", err)
	}
}

func TestParseEd25519Key(t *testing.T) {
	mixed := slices.Concat(edSeed, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)).Public().(ed25519.PublicKey))
	for name, tt := range map[string]struct {
		secret, want string
	}{
		"secret of 31 bytes": {secretKey(edSeed[:31]), "31 bytes"},
		"secret of 33 bytes": {secretKey(append(edSeed[:32:32], 1)), "33 bytes"},
		"secret of no bytes": {"whsk_", "0 bytes"},
		"halves of two keys": {secretKey(mixed), "do not belong together"},
		"secret not base64":  {"whsk_" + strings.Repeat("!", 44), "not base64"},
		"secret with a line": {secretKey(edSeed) + "\n", "white space"},
		"public of 31 bytes": {"whpk_" + encoded(31), "31 bytes"},
		"public of 64 bytes": {"whpk_" + encoded(64), "64 bytes"},
		"public not base64":  {"whpk_" + strings.Repeat("!", 44), "not base64"},
		"public of no bytes": {"whpk_", "0 bytes"},
	} {
		key, err := signing.ParseKey(tt.secret)
		if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), tt.want) || key != (signing.Key{}) {
			t.Errorf("%s: got %v, want an invalid-error about %q", name, err, tt.want)
		}
		if len(tt.secret) > 8 && strings.Contains(err.Error(), strings.TrimSpace(tt.secret)) {
			t.Errorf("%s: the error repeats the secret: %v", name, err)
		}
	}
}

func TestNewKeyPair(t *testing.T) {
	secret, public := signing.NewKeyPair()
	key := mustKey(t, secret)
	if key.Public() != public || !key.CanSign() || mustKey(t, public).CanSign() || mustKey(t, public).Public() != public {
		t.Errorf("%s is not the public half of the secret", public)
	}
	if again, _ := signing.NewKeyPair(); again == secret {
		t.Error("two new keys are equal")
	}
	if key := mustKey(t, signing.NewSecret()); key.Public() != "" || !key.CanSign() || (signing.Key{}).CanSign() || (signing.Key{}).Public() != "" {
		t.Error("a symmetric key signs and has no public half; a zero Key does neither")
	}
}
