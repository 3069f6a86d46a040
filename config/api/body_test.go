package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/config/api/document"
	"github.com/tidings-dev/tidings/schemas"
)

func TestRotated(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	old := []schemas.Secret{
		schemas.NewSecret("a"),
		schemas.NewSecret("b").Until(at.Add(time.Hour)),
		schemas.NewSecret("c").Until(at.Add(100 * time.Hour)),
		schemas.NewSecret("over").Until(at),
		schemas.NewSecret("new"),
	}
	got := ""
	for _, s := range rotated(old, "new", at, 24*time.Hour) {
		got += s.Reveal()
		if !s.Expires.IsZero() {
			got += s.Expires.Sub(at).String()
		}
		got += " "
	}
	if got != "new a24h0m0s b1h0m0s c24h0m0s " {
		t.Errorf("got %q", got)
	}
	if n := len(rotated(old, "new", at, 0)); n != 1 {
		t.Errorf("without overlap %d secrets are left", n)
	}
	if n := len(rotated(make([]schemas.Secret, 30), "new", at, time.Hour)); n != schemas.MaxSecrets {
		t.Errorf("%d secrets are kept", n)
	}
}

func TestIfMatch(t *testing.T) {
	for text, want := range map[string]struct {
		version uint64
		code    schemas.Code
	}{
		`"42"`: {42, ""}, ` "42" `: {42, ""}, `*`: {0, ""},
		`"0"`: {0, schemas.CodeStale}, `"042"`: {0, schemas.CodeStale}, `W/"42"`: {0, schemas.CodeStale}, `"x"`: {0, schemas.CodeStale},
		`42`: {0, schemas.CodeInvalid}, `"1", "2"`: {0, schemas.CodeInvalid}, ``: {0, schemas.CodeInvalid}, `"`: {0, schemas.CodeInvalid},
	} {
		version, err := parseIfMatch([]string{text})
		if version != want.version || (err == nil) != (want.code == "") || err != nil && !schemas.HasCode(err, want.code) {
			t.Errorf("%q: got %d, %v", text, version, err)
		}
	}
	if version, err := parseIfMatch(nil); version != 0 || err != nil {
		t.Errorf("none: got %d, %v", version, err)
	}
}

func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{`"42"`, `*`, `W/"1"`, `"0"`, `""`, `"1","2"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		version, err := parseIfMatch([]string{text})
		if err == nil && version != 0 && etag(version) != strings.TrimSpace(text) || err == nil && version == 0 && text != "*" {
			t.Errorf("%q is version %d", text, version)
		}
	})
}

func FuzzCursor(f *testing.F) {
	for _, seed := range []string{"", cursor("ep_1"), "x", "MQ", "MWE="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		after, err := parseCursor(text)
		if err == nil && text != "" && (cursor(after) != text || after == "") {
			t.Errorf("%q leads to %q", text, after)
		}
	})
}

// FuzzBody decodes into each kind of body. What is taken can be written and taken
// again, to the same.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"name":"n","url":"https://x","policy":{"timeout":"5s","retry":["1s"],"rate":"1/s"},"headers":{"a":"b"}}`,
		`{"types":["*"],"filters":[{"all":[{"not":{"exact":{"a":"b"}}}]}]}`, `{"filters":null}`, `[]`, `{"a":{"b":[]}}`, `null`, `{"user":[null]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, kind := range []any{endpointInput{}, subscriptionInput{}, tenantInput{}} {
			v := reflect.New(reflect.TypeOf(kind))
			err := document.Decode(body, v.Interface())
			if err != nil && !schemas.HasCode(err, schemas.CodeInvalid) {
				t.Errorf("%T: %v", kind, err)
			}
			patched := reflect.New(reflect.TypeOf(kind))
			if err := document.Patch(patched.Interface(), body); err != nil && !schemas.HasCode(err, schemas.CodeInvalid) {
				t.Errorf("%T: patch: %v", kind, err)
			}
			if err != nil {
				continue
			}
			b, err := json.Marshal(v.Interface())
			again := reflect.New(reflect.TypeOf(kind))
			if err == nil {
				err = document.Decode(b, again.Interface())
			}
			if second, _ := json.Marshal(again.Interface()); err != nil || string(second) != string(b) {
				t.Errorf("%T: %s became %s, %v", kind, b, second, err)
			}
		}
	})
}
