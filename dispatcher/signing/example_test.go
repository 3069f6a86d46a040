package signing_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// A receiver verifies the body as it came, before it parses it.
func ExampleVerify() {
	key, err := signing.ParseKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		fmt.Println(err)
		return
	}
	header := http.Header{}
	header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	header.Set("webhook-timestamp", "1614265330")
	header.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	now := time.Unix(1614265333, 0) // time.Now() in a real receiver

	fmt.Println(signing.Verify(header, []byte(`{"test": 2432232314}`), now, key))
	fmt.Println(signing.Verify(header, []byte(`{"test": 2432232314}`), now.Add(time.Hour), key))
	// Output:
	// <nil>
	// webhook-timestamp 1614265330 is more than 5m0s before this clock, which reads 1614268933: webhook timestamp out of tolerance
}

// While a secret is rotated an attempt carries a signature by each key, newest
// first, so a receiver that still has the old one verifies it too.
func ExampleSignatures() {
	newest, _ := signing.ParseKey("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
	older, _ := signing.ParseKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	at := time.Unix(1614265330, 0)

	fmt.Println(signing.Signatures([]signing.Key{newest, older}, "dlv_1", at, []byte("{}")))
	// Output:
	// v1,8vIAVD0/J1pE54exfsLZAsebV/M2BQLM3a0DyQXkkc8= v1,Z57/ByFRqe3fIlZ/+1AFzk31+iiWWahtfmBtix5dKl4=
}

// A receiver puts the handler before its own: what arrives there is verified.
func ExampleVerifier_Handler() {
	receive := func(secret string) error {
		verifier, err := signing.NewVerifier(schemas.DialectStandard, secret)
		if err != nil {
			return err
		}
		http.Handle("POST /hooks", verifier.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body) // verified
			if err != nil {
				return
			}
			fmt.Printf("%s\n", body)
			w.WriteHeader(http.StatusNoContent)
		})))
		return nil
	}

	secret := signing.NewSecret()
	if err := receive(secret); err != nil {
		fmt.Println(err)
		return
	}
	// What a sender does.
	key, _ := signing.ParseKey(secret)
	const body = `{"type":"user.created"}`
	at := time.Now()
	post := func(arrives string) {
		r := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(arrives))
		r.Header.Set(signing.HeaderID, "dlv_1")
		r.Header.Set(signing.HeaderTimestamp, signing.Timestamp(at))
		r.Header.Set(signing.HeaderSignature, key.Sign("dlv_1", at, []byte(body)))
		w := httptest.NewRecorder()
		http.DefaultServeMux.ServeHTTP(w, r)
		fmt.Println(w.Code)
		fmt.Print(w.Body)
	}
	post(body)
	post(body + " ")
	// Output:
	// {"type":"user.created"}
	// 204
	// 401
	// This request is not verified: no matching webhook signature.
}

// An ed25519 key signs in a way that receivers cannot imitate: they have its
// public half.
func ExampleNewKeyPair() {
	secret, public := signing.NewKeyPair()
	key, _ := signing.ParseKey(secret)
	body, at := []byte(`{"type":"user.created"}`), time.Now()
	header := http.Header{}
	header.Set(signing.HeaderID, "dlv_1")
	header.Set(signing.HeaderTimestamp, signing.Timestamp(at))
	header.Set(signing.HeaderSignature, key.Sign("dlv_1", at, body))

	verifier, _ := signing.NewVerifier(schemas.DialectStandard, public)
	fmt.Println(verifier.Verify(header, body, at))

	half, _ := signing.ParseKey(public)
	fmt.Println(half.CanSign(), key.CanSign())
	// Output:
	// <nil>
	// false true
}
