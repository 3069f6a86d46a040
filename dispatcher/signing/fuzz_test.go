package signing_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
)

// FuzzParseKey holds that what is accepted has 24 to 64 bytes, signs, and is
// the same key with and without its prefix, and that what is refused is not
// repeated.
func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"", "whsec_", "whsec_" + encoded(32), encoded(24), "whsk_" + encoded(32), "a\nb", "whsec_%s%!"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		key, err := signing.ParseKey(secret)
		if err != nil {
			// Short ones may be a part of the sentence by chance.
			if len(secret) > 80 && strings.Contains(err.Error(), secret) {
				t.Errorf("the error repeats the secret: %v", err)
			}
			if key != (signing.Key{}) {
				t.Error("an error came with a usable key")
			}
			return
		}
		bare := strings.TrimPrefix(secret, "whsec_")
		raw, err := base64.StdEncoding.DecodeString(bare)
		if err != nil || len(raw) < 24 || len(raw) > 64 {
			t.Fatalf("accepted a secret of %d bytes, %v", len(raw), err)
		}
		at := time.Unix(1_700_000_000, 0)
		want := mustKey(t, "whsec_"+bare).Sign("dlv_1", at, nil)
		if got := key.Sign("dlv_1", at, nil); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// FuzzVerify holds that Verify accepts exactly what HMAC, computed another way,
// says is signed, that it errs within its closed set, and that a changed body
// is refused.
func FuzzVerify(f *testing.F) {
	const clock = 1_700_000_000
	key := mustKey(f, encoded(32))
	valid := key.Sign("dlv_1", time.Unix(clock, 0), []byte("{}"))
	f.Add("dlv_1", "1700000000", valid, []byte("{}"))
	f.Add("dlv_1", "1700000000", "v1a,AAAA "+valid, []byte("{}"))
	f.Add("dlv_1.1700000000", "1700000000", valid, []byte("{}"))
	f.Add("", "", "", []byte(nil))
	f.Add("dlv_1", "-1", "v1,", []byte("{}"))
	f.Fuzz(func(t *testing.T, id, stamp, list string, body []byte) {
		h := http.Header{}
		h.Set(signing.HeaderID, id)
		h.Set(signing.HeaderTimestamp, stamp)
		h.Set(signing.HeaderSignature, list)
		err := signing.Verify(h, body, time.Unix(clock, 0), key)
		if verdict(t, err) == nil && !slices.Contains(strings.Split(list, " "), plainSign(id, stamp, body)) {
			t.Errorf("accepted id %q, timestamp %q, signature %q", id, stamp, list)
		}

		if id == "" || strings.Contains(id, ".") {
			return
		}
		h = headers(id, time.Unix(clock, 0), body, key)
		if err := signing.Verify(h, body, time.Unix(clock, 0), key); err != nil {
			t.Errorf("refused what it signed: %v", err)
		}
		if err := signing.Verify(h, append(body, '.'), time.Unix(clock, 0), key); err == nil {
			t.Error("accepted a changed body")
		}
	})
}

// plainSign is the specification's formula, word for word, under encoded(32).
func plainSign(id, stamp string, body []byte) string {
	secret, _ := base64.StdEncoding.DecodeString(encoded(32))
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(id + "." + stamp + "." + string(body)))
	return "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil))
}
