package signing_test

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tidings-dev/tidings/dispatcher/signing"
)

// vectors are those that the reference libraries publish in their tests and
// READMEs.
var vectors = []struct {
	secret, id string
	at         int64
	body, want string
}{
	{
		"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
		`{"test": 2432232314}`, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
	},
	{
		"C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553,
		`{"email":"test@example.com","username":"test_user"}`, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
	},
}

// headers are what a sender adds to an attempt.
func headers(id string, at time.Time, body []byte, keys ...signing.Key) http.Header {
	h := http.Header{}
	h.Set(signing.HeaderID, id)
	h.Set(signing.HeaderTimestamp, signing.Timestamp(at))
	h.Set(signing.HeaderSignature, signing.Signatures(keys, id, at, body))
	return h
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		for _, prefix := range []string{"", "whsec_"} {
			key, at, body := mustKey(t, prefix+v.secret), time.Unix(v.at, 999_999_999), []byte(v.body)
			// Twice: the second one uses what the first left behind.
			for range 2 {
				if got := key.Sign(v.id, at, body); got != v.want {
					t.Errorf("%s: got %s, want %s", v.id, got, v.want)
				}
			}
			if err := signing.Verify(headers(v.id, at, body, key), body, at, key); err != nil {
				t.Errorf("%s: %v", v.id, err)
			}
		}
	}
}

// TestReferenceLibrary lets Standard Webhooks' own library for Go verify what
// is signed here and the reverse. It reads time.Now, so it gets a bubble's.
func TestReferenceLibrary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		bodies := []string{"", "{}", `{"type":"user.created","data":{"näme":"ö"}}`, "a.b.c", "\x00\xff\n"}
		for _, secret := range []string{encoded(24), "whsec_" + encoded(64), signing.NewSecret()} {
			key := mustKey(t, secret)
			theirs, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Fatal(err)
			}
			for _, body := range bodies {
				ours := headers("dlv_1", now, []byte(body), mustKey(t, signing.NewSecret()), key)
				if err := theirs.Verify([]byte(body), ours); err != nil {
					t.Errorf("body %q: theirs refuses ours: %v", body, err)
				}
				signature, err := theirs.Sign("dlv_1", now, []byte(body))
				if err != nil {
					t.Fatal(err)
				}
				ours.Set(signing.HeaderSignature, signature)
				if err := signing.Verify(ours, []byte(body), now, key); err != nil {
					t.Errorf("body %q: ours refuses theirs: %v", body, err)
				}
			}
		}
	})
}

func TestSignatures(t *testing.T) {
	at, body := time.Unix(1_700_000_000, 0), []byte("{}")
	newest, older := mustKey(t, signing.NewSecret()), mustKey(t, signing.NewSecret())
	a, b := newest.Sign("dlv_1", at, body), older.Sign("dlv_1", at, body)
	for name, tt := range map[string]struct {
		keys []signing.Key
		want string
	}{
		"none":         {nil, ""},
		"one":          {[]signing.Key{newest}, a},
		"rotation":     {[]signing.Key{newest, older}, a + " " + b},
		"a zero Key":   {[]signing.Key{{}}, ""},
		"one is zero":  {[]signing.Key{{}, older}, b},
		"order counts": {[]signing.Key{older, newest}, b + " " + a},
	} {
		if got := signing.Signatures(tt.keys, "dlv_1", at, body); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestSignConcurrently(t *testing.T) {
	v := vectors[0]
	key := mustKey(t, v.secret)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got := key.Sign(v.id, time.Unix(v.at, 0), []byte(v.body)); got != v.want {
					t.Errorf("got %s, want %s", got, v.want)
				}
			}
		})
	}
	wg.Wait()
}
