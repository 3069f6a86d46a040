package handshake_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/tidings-dev/tidings/dispatcher/handshake"
)

// receiver is a server with the handshake of the CloudEvents SDK for Go.
func receiver(t *testing.T, rate int, origins []string, callsBack bool) *httptest.Server {
	t.Helper()
	p, err := cehttp.New(cehttp.WithDefaultOptionsHandlerFunc([]string{http.MethodPost}, rate, origins, callsBack))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return server
}

func TestAskReceiverOfTheSDK(t *testing.T) {
	for name, row := range map[string]struct {
		allowed []string
		consent bool
	}{
		"all":     {[]string{"*"}, true},
		"us":      {[]string{origin}, true},
		"another": {[]string{"other.example"}, false},
		// It compares by prefix and answers the prefix, where section 4.2.1 has "the
		// origin name supplied in the WebHook-Request-Origin header".
		"a prefix of us": {[]string{"webhooks"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := handshake.Request{URL: parse(t, receiver(t, 90, row.allowed, false).URL), Origin: origin, Rate: 120}
			got, err := ask(t, r)
			if row.consent && (err != nil || got.Rate != 90) || !row.consent && !errors.Is(err, handshake.ErrNoConsent) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// Offered a callback, the receiver withholds its headers and posts them there.
func TestReceiverOfTheSDKCallsBack(t *testing.T) {
	called := make(chan *http.Request, 1)
	callback := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { called <- q }))
	t.Cleanup(callback.Close)
	r := handshake.Request{
		URL:    parse(t, receiver(t, 90, []string{"*"}, true).URL),
		Origin: origin, Rate: 120, Callback: parse(t, callback.URL+"/confirm?key=secret"),
	}
	if _, err := ask(t, r); !errors.Is(err, handshake.ErrNoConsent) {
		t.Fatalf("got %v, want no consent yet", err)
	}
	select {
	case q := <-called:
		got, err := handshake.ReadCallback(q.Header, r)
		if err != nil || got.Rate != 90 || q.Method != http.MethodPost || q.URL.Query().Get("key") != "secret" {
			t.Errorf("%s %s: got %+v, %v", q.Method, q.URL, got, err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the receiver did not call back")
	}
}
