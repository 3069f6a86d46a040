package signing_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/signing"
	"github.com/tidings-dev/tidings/schemas"
)

// encoded is the base64 of n bytes that tests can recognize.
func encoded(n int) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xA5}, n))
}

func mustKey(t testing.TB, secret string) signing.Key {
	t.Helper()
	key, err := signing.ParseKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestParseKey(t *testing.T) {
	for name, tt := range map[string]struct {
		secret string
		want   string // part of the error; empty means accepted
	}{
		"prefixed":             {"whsec_" + encoded(32), ""},
		"bare":                 {encoded(32), ""},
		"shortest":             {encoded(24), ""},
		"longest":              {encoded(64), ""},
		"too short":            {"whsec_" + encoded(23), "23 bytes"},
		"too long":             {"whsec_" + encoded(65), "65 bytes"},
		"empty":                {"", "empty"},
		"prefix alone":         {"whsec_", "0 bytes"},
		"prefix twice":         {"whsec_whsec_" + encoded(32), "not base64"},
		"prefix in capitals":   {"WHSEC_" + encoded(32), "not base64"},
		"no padding":           {"whsec_" + strings.TrimRight(encoded(32), "="), "not base64"},
		"URL alphabet":         {"whsec_" + strings.Repeat("-_", 16), "not base64"},
		"not in the alphabet":  {"whsec_" + strings.Repeat("!", 32), "not base64"},
		"line break at end":    {"whsec_" + encoded(32) + "\n", "white space"},
		"line break inside":    {"whsec_" + encoded(24) + "\r\n" + encoded(24), "white space"},
		"leading space":        {" " + encoded(32), "white space"},
		"redacted by mistake":  {schemas.NewSecret(encoded(32)).String(), "not base64"},
		"two secrets in a row": {"whsec_" + encoded(32) + ",whsec_" + encoded(32), "not base64"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := signing.ParseKey(tt.secret)
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var known *schemas.Error
			if !errors.As(err, &known) || known.Code != schemas.CodeInvalid || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want an invalid-error about %q", err, tt.want)
			}
			if secret := strings.TrimSpace(tt.secret); len(secret) > 8 && strings.Contains(err.Error(), secret) {
				t.Errorf("the error repeats the secret: %v", err)
			}
		})
	}
}

func TestNewSecret(t *testing.T) {
	first, second := signing.NewSecret(), signing.NewSecret()
	if first == second {
		t.Error("two new secrets are equal")
	}
	mustKey(t, first)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(first, "whsec_"))
	if err != nil || len(key) != 32 {
		t.Errorf("got %d bytes, %v; want 32", len(key), err)
	}
}

func TestKeyHidesItsSecret(t *testing.T) {
	for _, secret := range []string{encoded(32), "whsk_" + encoded(32), "whpk_" + encoded(32)} {
		key := mustKey(t, secret)
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("made", "key", key)
		for _, printed := range []string{
			fmt.Sprint(key), fmt.Sprintf("%v %+v %s", key, key, key), fmt.Sprintf("%#v", key), log.String(),
		} {
			if !strings.Contains(printed, "<secret>") {
				t.Errorf("got %q, want <secret>", printed)
			}
		}
		for _, verb := range []string{"%d", "%x", "%q"} {
			if printed := fmt.Sprintf(verb, key); strings.Contains(strings.ToLower(printed), "a5a5") || strings.Contains(printed, "165 165") {
				t.Errorf("%s prints the secret: %q", verb, printed)
			}
		}
	}
}
