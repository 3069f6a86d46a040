package signing_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// FuzzParseKey holds that what is accepted has a size that the specification
// allows, that a secret is the same key with and without its prefix, and that
// what is refused is not repeated.
func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{
		"", "whsec_", "whsec_" + encoded(32), encoded(24), "whsk_" + encoded(32), "whpk_" + encoded(32), "whsk_" + encoded(64), "a\nb", "whsec_%s%!",
	} {
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
		prefix, sizes := "whsec_", func(n int) bool { return 24 <= n && n <= 64 }
		if strings.HasPrefix(secret, "whsk_") {
			prefix, sizes = "whsk_", func(n int) bool { return n == 32 || n == 64 }
		} else if strings.HasPrefix(secret, "whpk_") {
			prefix, sizes = "whpk_", func(n int) bool { return n == 32 }
		}
		bare := strings.TrimPrefix(secret, prefix)
		raw, err := base64.StdEncoding.DecodeString(bare)
		if err != nil || !sizes(len(raw)) {
			t.Fatalf("accepted a %s of %d bytes, %v", prefix, len(raw), err)
		}
		at := time.Unix(1_700_000_000, 0)
		want, got := mustKey(t, prefix+bare).Sign("dlv_1", at, nil), key.Sign("dlv_1", at, nil)
		if got != want || (got != "") != key.CanSign() || key.CanSign() == (prefix == "whpk_") {
			t.Errorf("got %s, want %s; can sign: %t", got, want, key.CanSign())
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

// FuzzVerifier holds, for every dialect, that a verifier accepts exactly the proof
// that its secret makes, and of another body only one that a reader finds the
// same value in.
func FuzzVerifier(f *testing.F) {
	const clock = "2025-01-05T10:00:00.500Z"
	all := systems()
	pair := all[0]
	pair.secret, pair.older = secretKey(edSeed), secretKey(make([]byte, 32))
	all = append(all, pair)
	for i := range all {
		f.Add(uint8(i), "v1,AAAA", []byte(`{"a":1}`), []byte(`{"a":1.0}`))
		f.Add(uint8(i), "", []byte(`"\u003c"`), []byte(`"<"`))
		f.Add(uint8(i), newerText, []byte(`{"a":{},"b":null}`), []byte(`{"a":{"x":1},"a":{},"b":1e999}`))
		f.Add(uint8(i), "0", []byte(`[9007199254740993]`), []byte("[9007199254740992,\xff]"))
	}
	f.Fuzz(func(t *testing.T, which uint8, proof string, data, other []byte) {
		s := all[int(which)%len(all)]
		v := mustVerifier(t, s.dialect, s.secret)
		wrap := func(data []byte) []byte {
			return slices.Concat([]byte(`{"data":`), data, []byte(`,"timestamp":"`+clock+`"}`))
		}
		body, changed := wrap(data), wrap(other)
		signed := body
		if s.dialect == schemas.DialectOneRoute { // the dialect writes bodies so
			if text, err := ecmascript.Stringify(nil, body); err == nil {
				signed = text
			}
		}
		if s.signsTheValue && !json.Valid(body) {
			h := http.Header{s.header: {proof}}
			if err := v.Verify(h, body, systemAt); verdict(t, err) == nil {
				t.Errorf("%s: accepted what is not JSON: %q", s.dialect, body)
			}
			return
		}
		right := s.exactly(t, signed)
		h := s.request(t, s.secret)
		h.Set(s.header, proof)
		err := v.Verify(h, body, systemAt)
		if verdict(t, err) == nil && !slices.Contains(strings.Split(proof, " "), right) {
			t.Errorf("%s: accepted the proof %q of %q", s.dialect, proof, body)
		}

		h.Set(s.header, right)
		// Of a value that is signed some texts are refused: see unambiguous.
		if err := v.Verify(h, signed, systemAt); verdict(t, err) != nil && !errors.Is(err, signing.ErrMalformedBody) {
			t.Errorf("%s: refused what it signed: %v", s.dialect, err)
		}
		if err := v.Verify(h, changed, systemAt); verdict(t, err) == nil && !s.unsigned && !sameToReaders(s, signed, changed) {
			t.Errorf("%s: accepted %q for %q", s.dialect, changed, signed)
		}
	})
}

// exactly is the proof of a body as it is.
func (s system) exactly(t testing.TB, body []byte) string {
	if s.dialect == schemas.DialectOneRoute {
		return signing.OneRouteSignature(s.secret, body)
	}
	return s.prove(t, s.secret, body)
}

// sameToReaders tells whether a Go program reads the same from both bodies, even
// into a variable that is filled from all members of a name.
func sameToReaders(s system, a, b []byte) bool {
	if !s.signsTheValue {
		return bytes.Equal(a, b)
	}
	read := func(body []byte) any {
		v := struct{ Data map[string]any }{}
		if json.Unmarshal(body, &v) == nil {
			return v
		}
		var other any
		_ = json.Unmarshal(body, &other)
		return other
	}
	return reflect.DeepEqual(read(a), read(b))
}
