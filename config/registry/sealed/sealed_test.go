package sealed_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/registry/sealed"
	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/schemas"
)

func newKeys(tb testing.TB) *seal.Keyring {
	tb.Helper()
	keys, err := seal.Parse(seal.NewKey())
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

func endpoint() schemas.Endpoint {
	return schemas.Endpoint{
		ID: "ep_a", Tenant: "acme", URL: "https://example.com/hooks",
		Secrets: []schemas.Secret{schemas.NewSecret("whsec_first"), schemas.NewSecret("whsec_second").Until(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))},
		Headers: map[string]schemas.Secret{"X-Key": schemas.NewSecret("hidden-value")},
	}
}

// What is stored shows nothing that is secret, and without a key has what is no
// secret.
func TestEncode(t *testing.T) {
	keys := newKeys(t)
	b, err := sealed.Encode(keys, endpoint())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"first", "second", "hidden-value", "X-Key"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%q stands in %s", secret, b)
		}
	}
	if got, _, err := sealed.Decode(keys, b); err != nil || !reflect.DeepEqual(*got, endpoint()) || got.Secrets[1].Reveal() != "whsec_second" {
		t.Errorf("it came back as %+v, %v", got, err)
	}
	if text := sealed.Text(b); !keys.Current(text) {
		t.Errorf("what is sealed of it is %q", text)
	}
	if got, _, err := sealed.Decode(nil, b); err != nil || got.Secrets != nil || got.Headers != nil || got.URL != endpoint().URL {
		t.Errorf("without a key it is %+v, %v", got, err)
	}
	if _, text, err := sealed.Decode(newKeys(t), b); !schemas.HasCode(err, schemas.CodeUnavailable) || text != sealed.Text(b) {
		t.Errorf("with another key: %q, %v", text, err)
	}
	if _, err := sealed.Encode(nil, endpoint()); !schemas.HasCode(err, schemas.CodeUnavailable) {
		t.Errorf("sealed without a key: %v", err)
	}
}

// What is sealed of one record opens in no other.
func TestDecodeInAnothersRecord(t *testing.T) {
	keys := newKeys(t)
	b, err := sealed.Encode(keys, endpoint())
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{strings.Replace(string(b), "ep_a", "ep_b", 1), strings.Replace(string(b), "acme", "beta", 1)} {
		if _, _, err := sealed.Decode(keys, []byte(other)); !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("in another's record: %v", err)
		}
	}
}

func TestText(t *testing.T) {
	plain, err := sealed.Encode(newKeys(t), schemas.Endpoint{ID: "ep_a", Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []string{string(plain), "", "{", `{"sealed":1}`} {
		if text := sealed.Text([]byte(b)); text != "" {
			t.Errorf("%q has %q sealed", b, text)
		}
	}
}
