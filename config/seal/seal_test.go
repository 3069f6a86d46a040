package seal_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/config/seal"
	"github.com/tidings-dev/tidings/schemas"
)

// Keys of 32 equal bytes.
var (
	keyA = "tkey_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	keyB = "tkey_" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{2}, 32))
)

func ring(t testing.TB, lines ...string) *seal.Keyring {
	t.Helper()
	k, err := seal.Parse(strings.Join(lines, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatIsSealedOpens(t *testing.T) {
	k := ring(t, seal.NewKey())
	seen := map[string]bool{}
	for _, plain := range []string{"", "x", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", strings.Repeat("long", 9999)} {
		for _, about := range []string{"", "endpoint ep_a of acme"} {
			for range 3 {
				sealed := k.Seal([]byte(plain), []byte(about))
				if len(plain) > 8 && strings.Contains(sealed, plain[:8]) || seen[sealed] {
					t.Errorf("%q sealed is %q, again or open", plain, sealed)
				}
				seen[sealed] = true
				if got, err := k.Open(sealed, []byte(about)); err != nil || string(got) != plain {
					t.Errorf("opened %q, %v; want %q", got, err, plain)
				}
			}
		}
	}
}

func TestNewKeysDiffer(t *testing.T) {
	a, b := seal.NewKey(), seal.NewKey()
	if a == b || len(a) != len(keyA) || !strings.HasPrefix(a, "tkey_") {
		t.Errorf("made %d and %d bytes, the same: %t", len(a), len(b), a == b)
	}
}

// Whatever is changed of a sealed text, or of what it is about, it does not open.
func TestTamperedTextsDoNotOpen(t *testing.T) {
	k := ring(t, keyA)
	sealed := k.Seal([]byte("secret"), []byte("about"))
	for i := range sealed {
		for _, c := range []byte{'A', 'B', '0', '.', '=', '\n', 0x80} {
			changed := []byte(sealed)
			if changed[i] == c {
				continue
			}
			changed[i] = c
			if got, err := k.Open(string(changed), []byte("about")); err == nil {
				t.Fatalf("with %q for %q at %d it opens: %q", c, sealed[i], i, got)
			}
		}
	}
	for name, changed := range map[string]string{
		"cut": sealed[:len(sealed)-1], "cut short": sealed[:12], "id only": sealed[:9], "empty": "", "no id": sealed[8:],
		"longer": sealed + "A", "line break": sealed + "\n", "break inside": sealed[:20] + "\r\n" + sealed[20:], "padded": sealed + "==",
		"id in capitals": strings.ToUpper(sealed[:8]) + sealed[8:],
	} {
		if got, err := k.Open(changed, []byte("about")); err == nil {
			t.Errorf("%s: it opens: %q", name, got)
		}
	}
	for _, about := range []string{"", "abou", "about2", "About"} {
		if _, err := k.Open(sealed, []byte(about)); !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Errorf("about %q: %v, want invalid", about, err)
		}
	}
}

func TestKeysRotate(t *testing.T) {
	before, during, after := ring(t, keyA), ring(t, "# new", keyB, "", "  "+keyA+"\r"), ring(t, keyB)
	old, about := before.Seal([]byte("secret"), nil), []byte(nil)
	if during.Current(old) || !before.Current(old) {
		t.Error("the old text is current with a newer key, or not without")
	}
	plain, err := during.Open(old, about)
	if err != nil || string(plain) != "secret" {
		t.Fatalf("with both keys the old text opens as %q, %v", plain, err)
	}
	sealed := during.Seal(plain, about)
	if !during.Current(sealed) || !after.Current(sealed) {
		t.Error("what is sealed anew is not of the newest key")
	}
	if plain, err := after.Open(sealed, about); err != nil || string(plain) != "secret" {
		t.Errorf("without the old key the new text opens as %q, %v", plain, err)
	}
	id := old[:8]
	if _, err := after.Open(old, about); !schemas.HasCode(err, schemas.CodeUnavailable) || !strings.Contains(err.Error(), id+", which this process has not: add it to the key file") {
		t.Errorf("without the old key: %v, want the id %s and what to do", err, id)
	}
}

func TestBadKeyFilesNameTheLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":       {"", "it has no key"},
		"comments":    {"# a\n\n # b\n", "it has no key"},
		"no prefix":   {"# one\n" + keyA[5:], `line 2: a key begins with "tkey_"`},
		"another":     {keyA + "\nwhsec_" + keyB[5:], "line 2: a key begins"},
		"cut":         {keyA + "\n" + keyB + "\n" + keyB[:30], "line 3: after \"tkey_\" come 32 bytes"},
		"short":       {"tkey_AAAA", "line 1: after \"tkey_\" come 32 bytes"},
		"long":        {"tkey_" + base64.StdEncoding.EncodeToString(make([]byte, 33)), "line 1: after"},
		"loose bits":  {keyA[:len(keyA)-2] + "F=", "line 1: after"},
		"two a line":  {keyA + " " + keyB, "line 1: after"},
		"twice":       {keyA + "\n" + keyB + "\n" + keyA, "line 3: key "},
		"no new line": {keyA + keyB, "line 1: after"},
	} {
		_, err := seal.Parse(c.text)
		if !schemas.HasCode(err, schemas.CodeInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		} else if strings.Contains(err.Error(), keyA[5:15]) || strings.Contains(err.Error(), keyB[5:15]) {
			t.Errorf("%s: the error shows a key: %v", name, err)
		}
	}
}

func TestAKeyringPrintsNoKey(t *testing.T) {
	k := ring(t, keyA, keyB)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %d %x %q", k, k, k, k, k, k, k), fmt.Sprintf("%v %+v %#v %d", *k, *k, *k, *k), k.LogValue().String()} {
		for _, shown := range []string{keyA[5:15], "1 1 1 1", "0101", "0x1, 0x1", "aead"} {
			if strings.Contains(text, shown) {
				t.Errorf("it prints %q", text)
			}
		}
	}
	if id := k.Seal(nil, nil)[:8]; !strings.Contains(k.String(), id) {
		t.Errorf("%s does not name the key %s", k, id)
	}
}

// vector was made by Node's crypto module (OpenSSL) with keyA, about "endpoint
// ep_a of acme", under the nonce 0, 1, … 11.
const vector = "2458dad2.AAECAwQFBgcICQoLzM7mQ0OhcBydHoi2U78POp28E80WEl3u1oSx7w"

// What another implementation of AES-256-GCM sealed opens.
func TestAnothersTextOpens(t *testing.T) {
	got, err := ring(t, keyA).Open(vector, []byte("endpoint ep_a of acme"))
	if err != nil || string(got) != "whsec_vector" {
		t.Errorf("opened %q, %v", got, err)
	}
}

func FuzzOpen(f *testing.F) {
	k := ring(f, keyA, keyB)
	f.Add(k.Seal([]byte("secret"), []byte("about")), "about")
	f.Add("", "")
	f.Add(vector, "endpoint ep_a of acme")
	f.Fuzz(func(t *testing.T, sealed, about string) {
		plain, err := k.Open(sealed, []byte(about))
		if err == nil && sealed != vector && string(plain) != "secret" {
			t.Errorf("%q opens as %q", sealed, plain)
		}
	})
}

func FuzzSeal(f *testing.F) {
	k := ring(f, keyA)
	f.Add([]byte("secret"), []byte("about"))
	f.Fuzz(func(t *testing.T, plain, about []byte) {
		got, err := k.Open(k.Seal(plain, about), about)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("opened %x, %v; want %x", got, err, plain)
		}
	})
}

// A file that is read has at least one key, and the keys work.
func FuzzParse(f *testing.F) {
	f.Add(keyA + "\n# c\n" + keyB + "\n")
	f.Add("tkey_")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := seal.Parse(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "key file") {
				t.Error(err)
			}
			return
		}
		sealed := k.Seal([]byte("x"), nil)
		if got, err := k.Open(sealed, nil); err != nil || string(got) != "x" || !k.Current(sealed) {
			t.Errorf("opened %q, %v", got, err)
		}
	})
}
