package signing_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
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
