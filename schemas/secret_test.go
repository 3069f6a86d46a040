package schemas_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

func TestSecretNeverPrints(t *testing.T) {
	const value = "whsec_plainly"
	s := schemas.NewSecret(value)
	if s.Reveal() != value || (schemas.Secret{}).Reveal() != "" {
		t.Fatal("Reveal is not the secret")
	}
	type hidden struct {
		secret schemas.Secret
		list   []schemas.Secret
	}
	shapes := map[string]any{
		"itself":               s,
		"its address":          &s,
		"a list":               []schemas.Secret{s},
		"a map":                map[string]schemas.Secret{"s": s},
		"a struct":             schemas.Endpoint{Secrets: []schemas.Secret{s}},
		"a struct's address":   &schemas.Endpoint{Secrets: []schemas.Secret{s}},
		"an unexported field":  hidden{s, []schemas.Secret{s}},
		"an unexported fields": &hidden{s, []schemas.Secret{s}},
		"a wrapped error":      fmt.Errorf("sign with %v: %w", s, fmt.Errorf("%q", s)),
	}
	var log bytes.Buffer
	text, jsonLog := slog.New(slog.NewTextHandler(&log, nil)), slog.New(slog.NewJSONHandler(&log, nil))
	for name, v := range shapes {
		var printed []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%10.3s", "%!"} {
			printed = append(printed, fmt.Sprintf(verb, v))
		}
		marshalled, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		log.Reset()
		text.Info("m", "v", v)
		jsonLog.Info("m", "v", v)
		printed = append(printed, string(marshalled), log.String())
		for _, p := range printed {
			if strings.Contains(p, "plainly") || strings.Contains(p, fmt.Sprintf("%x", "plainly")) {
				t.Errorf("%s prints the secret: %s", name, p)
			}
		}
	}
	for _, got := range []string{fmt.Sprint(s), fmt.Sprintf("%#v", s), fmt.Sprintf("%d", s), s.String(), s.GoString(), s.LogValue().String()} {
		if got != "<secret>" {
			t.Errorf("got %s, want <secret>", got)
		}
	}
}
