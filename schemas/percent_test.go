package schemas

import (
	"testing"
	"unicode/utf8"
)

func TestEncodeValue(t *testing.T) {
	// The last is the example of the CloudEvents HTTP binding (1.0.2, 3.1.3.2).
	for in, want := range map[string]string{
		"":          "",
		"plain/:~!": "plain/:~!",
		" a b ":     "%20a%20b%20",
		`"a"`:       "%22a%22",
		"100%":      "100%25",
		"a\r\n\x7f": "a%0D%0A%7F",
		"\xff":      "%FF",
		"Euro € 😀":  "Euro%20%E2%82%AC%20%F0%9F%98%80",
	} {
		if got := encodeValue(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestDecodeValue(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "",
		"plain":                           "plain",
		"Euro%20%E2%82%AC%20%F0%9F%98%80": "Euro € 😀",
		"%e2%82%ac":                       "€",
		"€":                               "€",
		"100%":                            "100%",
		"%4":                              "%4",
		"%zz%2":                           "%zz%2",
		"%2541":                           "%41",
		`"`:                               `"`,
		`""`:                              "",
		`"a b"`:                           "a b",
		`"a \"b\" \\"`:                    `a "b" \`,
		`"%22"`:                           `"`,
		`a"b"`:                            `a"b"`,
	} {
		if got, err := decodeValue(in); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"\xff", "%FF", "%e2%82", `"%c3"`} {
		if got, err := decodeValue(in); err == nil {
			t.Errorf("%q: got %q, want an error", in, got)
		}
	}
}

// FuzzPercent holds that decoding undoes encoding, and that what is encoded is
// printable ASCII.
func FuzzPercent(f *testing.F) {
	for _, seed := range []string{"", "plain", "%", "%25", `"quoted"`, "größe 😀", "a\r\nb", "\xff", `"a\"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		encoded := encodeValue(s)
		for i := range len(encoded) {
			if c := encoded[i]; c <= ' ' || c >= 0x7f || c == '"' {
				t.Fatalf("%q is encoded as %q", s, encoded)
			}
		}
		got, err := decodeValue(encoded)
		if utf8.ValidString(s) && (err != nil || got != s) {
			t.Errorf("%q came back as %q, %v", s, got, err)
		}
		if !utf8.ValidString(s) && err == nil {
			t.Errorf("%q is not UTF-8 and came back as %q", s, got)
		}
		_, _ = decodeValue(s) // must not panic
	})
}
