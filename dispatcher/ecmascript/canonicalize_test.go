package ecmascript_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
)

func TestCanonicalize(t *testing.T) {
	checkRewritings(t, ecmascript.Canonicalize, []rewriting{
		{"sorted at every level", `{"b":[{"d":1,"c":2}],"a":{"z":{"y":1,"x":2},"0":3}}`, `{"a":{"0":3,"z":{"x":2,"y":1}},"b":[{"c":2,"d":1}]}`},
		{"indexes are names like others", `{"a":1,"10":2,"9":3,"-":4}`, `{"-":4,"10":2,"9":3,"a":1}`},
		{"the shorter first", `{"aa":1,"a":2,"":3,"ab":4}`, `{"":3,"a":2,"aa":1,"ab":4}`},
		{"capitals first", `{"a":1,"B":2,"_":3}`, `{"B":2,"_":3,"a":1}`},
		{"by value, not as written", `{"\u0062":1,"a":2,"!":3,"\n":4}`, `{"\n":4,"!":3,"a":2,"b":1}`},
		{"control characters count", `{"\u0000b":1,"\u0000a":2,"\u0000":3}`, `{"\u0000":3,"\u0000a":2,"\u0000b":1}`},
		{"twice: the last value", `{"b":1,"a":2,"b":3}`, `{"a":2,"b":3}`},
		{"many with the same name", `{"b":0` + strings.Repeat(`,"b":1,"a":2,"c":3`, 50) + `,"c":5,"b":6}`, `{"a":2,"b":6,"c":5}`},
		{"__proto__", `{"a":1,"__proto__":2,"A":3}`, `{"A":3,"__proto__":2,"a":1}`},
		{"a pair before U+E000 and U+FFFD", `{"\ufffd":1,"\ue000":2,"😀":3,"é":4,"z":5}`, "{\"z\":5,\"é\":4,\"😀\":3,\"\ue000\":2,\"\ufffd\":1}"},
		{"a pair before U+FFFD, further on", `{"a\ufffd":1,"a😀b":2}`, "{\"a😀b\":2,\"a\ufffd\":1}"},
		{"two pairs with the same first half", `{"😁":1,"😀b":2,"😀a":3,"😀":4}`, `{"😀":4,"😀a":3,"😀b":2,"😁":1}`},
		{"lone surrogates among pairs", `{"\udc00":1,"\ud83d":2,"😀":3,"\ud83e":4,"\ud83c":5,"\ud7ff":6,"\ue000":7}`, "{\"\ud7ff\":6,\"\\ud83c\":5,\"\\ud83d\":2,\"😀\":3,\"\\ud83e\":4,\"\\udc00\":1,\"\ue000\":7}"},
		{"a lone surrogate, then more", `{"\ud83d\uffff":1,"😀":2,"\ud83da":3}`, "{\"\\ud83da\":3,\"😀\":2,\"\\ud83d\uffff\":1}"},
		{"the known difference: sorted beside toJSON", `{"z":1,"toJSON":1,"a":{"d":1,"c":2}}`, `{"a":{"c":2,"d":1},"toJSON":1,"z":1}`},
	})
	for _, table := range [][]rewriting{values, strs, numbers} {
		checkRewritings(t, ecmascript.Canonicalize, table)
	}
}

// TestRelayBoxVectors holds that what RelayBox's own code signs is what is
// signed here.
func TestRelayBoxVectors(t *testing.T) {
	file, err := os.ReadFile("testdata/relaybox-signatures.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range bytes.Lines(file) {
		count++
		var v struct{ Name, Body, Signed, Sig string }
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		t.Run(v.Name, func(t *testing.T) {
			canonical, err := ecmascript.Canonicalize(nil, []byte(v.Body))
			if err != nil {
				t.Fatal(err)
			}
			signed := ecmascript.AppendString(nil, string(canonical))
			if string(signed) != v.Signed {
				t.Errorf("got  %s\nwant %s", signed, v.Signed)
			}
			mac := hmac.New(sha256.New, []byte("21d45d1d4dff46f13cd4478ba08395d9"))
			mac.Write(signed)
			if sig := hex.EncodeToString(mac.Sum(nil)); sig != v.Sig {
				t.Errorf("got signature %s, want %s", sig, v.Sig)
			}
		})
	}
	if count != 4 {
		t.Errorf("read %d vectors, want 4", count)
	}
}

func TestAppendString(t *testing.T) {
	for _, c := range []struct{ name, s, want string }{
		{"nothing", "", `""`},
		{"plain", "a b", `"a b"`},
		{"escapes", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\""},
		{"no others", "<b>&'\u2028\u2029é😀", "\"<b>&'\u2028\u2029é😀\""},
		{"an escape is text", `\ud800\n`, `"\\ud800\\n"`},
		{"invalid UTF-8", "\xe2\x82|\x80\xff|\xed\xa0\x80", "\"\ufffd|\ufffd\ufffd|\ufffd\ufffd\ufffd\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ecmascript.AppendString([]byte("x"), c.s); string(got) != "x"+c.want {
				t.Errorf("got %q, want %q", got, "x"+c.want)
			}
		})
	}
}
