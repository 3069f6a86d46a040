package signing_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// relayBoxKey is the one in RelayBox's documentation; its vectors are signed
// with it.
const relayBoxKey = "21d45d1d4dff46f13cd4478ba08395d9"

type relayBoxVector struct{ Name, Body, Sig string }

// relayBoxVectors were made in Node with json-canonicalize, as RelayBox's own
// library signs.
func relayBoxVectors(t testing.TB) (all []relayBoxVector) {
	t.Helper()
	f, err := os.Open("../ecmascript/testdata/relaybox-signatures.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // read only
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var v relayBoxVector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if len(all) < 4 {
		t.Fatalf("read %d vectors", len(all))
	}
	return all
}

func TestRelayBoxVectors(t *testing.T) {
	for _, v := range relayBoxVectors(t) {
		if got, err := signing.RelayBoxSignature(relayBoxKey, []byte(v.Body)); err != nil || got != v.Sig {
			t.Errorf("%s: got %s, %v; want %s", v.Name, got, err, v.Sig)
		}
	}
}

func TestRelayBoxSignatureRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ key, body string }{
		"empty key": {"", "{}"}, "empty body": {"k", ""}, "not JSON": {"k", "{"}, "two values": {"k", "{}{}"},
	} {
		if got, err := signing.RelayBoxSignature(tt.key, []byte(tt.body)); !schemas.HasCode(err, schemas.CodeInvalid) || got != "" {
			t.Errorf("%s: got %q, %v; want an invalid-error", name, got, err)
		}
	}
}

// TestRelayBoxTimestamp signs payloads whose timestamp is not what it should be.
// Only after the signature is that of interest.
func TestRelayBoxTimestamp(t *testing.T) {
	v := mustVerifier(t, schemas.DialectRelayBox, relayBoxKey)
	for body, want := range map[string]error{
		`{"timestamp":"2025-01-05T10:00:00.500Z"}`:                                         nil,
		`{"timestamp":"2025-01-05T11:00:00+01:00"}`:                                        nil,
		`{"Timestamp":"2000-01-01T00:00:00Z","timestamp":"2025-01-05T10:00:00Z"}`:          nil,
		`{"timestamp":"2000-01-01T00:00:00Z","Timestamp":"2025-01-05T10:00:00Z"}`:          signing.ErrTimestamp,
		`{"data":{"timestamp":"2025-01-05T10:00:00Z"},"timestamp":"2000-01-01T00:00:00Z"}`: signing.ErrTimestamp,
		`{"timestamp":"2025-01-05T10:01:00.501Z"}`:                                         signing.ErrTimestamp,
		`{"timestamp":"2025-01-05T09:59:00.499Z"}`:                                         signing.ErrTimestamp,
		`{"timestamp":"0000-01-01T00:00:00Z"}`:                                             signing.ErrTimestamp,
		`{"timestamp":"9999-01-01T00:00:00Z"}`:                                             signing.ErrTimestamp,
		`{"Timestamp":"2025-01-05T10:00:00Z"}`:                                             signing.ErrMalformedBody,
		`{"data":{"timestamp":"2025-01-05T10:00:00Z"}}`:                                    signing.ErrMalformedBody,
		`{"timestamp":1736071200500}`:                                                      signing.ErrMalformedBody,
		`{"timestamp":null}`:                                                               signing.ErrMalformedBody,
		`{"timestamp":""}`:                                                                 signing.ErrMalformedBody,
		`{"timestamp":"now"}`:                                                              signing.ErrMalformedBody,
		`{}`:                                                                               signing.ErrMalformedBody,
		`[]`:                                                                               signing.ErrMalformedBody,
		`null`:                                                                             signing.ErrMalformedBody,
	} {
		signature, err := signing.RelayBoxSignature(relayBoxKey, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		h.Set(signing.HeaderRelayBoxSignature, signature)
		err = v.Verify(h, []byte(body), systemAt)
		if got := verdict(t, err); !errors.Is(got, want) {
			t.Errorf("%s: got %v, want %v", body, err, want)
		}
		h.Set(signing.HeaderRelayBoxSignature, strings.Repeat("0", len(signature)))
		if err := v.Verify(h, []byte(body), systemAt); !errors.Is(err, signing.ErrSignature) {
			t.Errorf("%s, not signed: got %v, want ErrSignature", body, err)
		}
	}
}

func TestOneRouteVector(t *testing.T) {
	const (
		key  = "OneRoute-secret"
		body = `{"event":"newMessage","message":{"content":"Hi"},"conversation":{"id":"c1"}}`
		want = "cb82bbfc94e1f2a2b1aa2d4d8d1763153d8f010c1b67f7c8388721fde125597717b488dc35a1064cf08c45e2af27ebc46b32d5c939fa089aa7f787a4f246d614"
	)
	if got := signing.OneRouteSignature(key, []byte(body)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := signing.OneRouteSignature("", []byte(body)); got != "" {
		t.Errorf("an empty key signs: %s", got)
	}
	h := http.Header{}
	h.Set(signing.HeaderOneRoute, want)
	if err := mustVerifier(t, schemas.DialectOneRoute, key).Verify(h, []byte(body), time.Now()); err != nil {
		t.Error(err)
	}
}

// TestHeaderNames: the constants are what HTTP's canonical form makes of the
// names, so that they can be set in a map directly.
func TestHeaderNames(t *testing.T) {
	for constant, name := range map[string]string{
		signing.HeaderRelayBoxSignature: "X-RelayBox-Webhook-Signature",
		signing.HeaderRelayBoxID:        "X-RelayBox-Webhook-Id",
		signing.HeaderOneRoute:          "x-oneroute-signature",
		signing.HeaderROQ:               "roq-platform-webhook-key",
	} {
		if want := http.CanonicalHeaderKey(name); constant != want {
			t.Errorf("got %s, want %s", constant, want)
		}
	}
}
