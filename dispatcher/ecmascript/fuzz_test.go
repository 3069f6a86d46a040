package ecmascript_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
	"github.com/tidings-dev/tidings/schemas"
)

// FuzzStringify holds what checkRewrite says, and that the canonical form of
// what is written is that of the text.
func FuzzStringify(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		out, ok := checkRewrite(t, ecmascript.Stringify, text)
		if !ok {
			return
		}
		want, err := ecmascript.Canonicalize(nil, text)
		if err != nil {
			t.Fatalf("Canonicalize: %v", err)
		}
		if got, err := ecmascript.Canonicalize(nil, out); err != nil || !bytes.Equal(got, want) {
			t.Errorf("canonical form of %q\n got %q, %v\nwant %q", out, got, err, want)
		}
	})
}

// FuzzCanonicalize holds what checkRewrite says.
func FuzzCanonicalize(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		checkRewrite(t, ecmascript.Canonicalize, text)
	})
}

func addSeeds(f *testing.F) {
	for _, table := range [][]rewriting{values, strs, numbers, properties} {
		for _, c := range table {
			f.Add([]byte(c.text))
		}
	}
	for _, text := range []string{"", "[1,]", `{"a"}`, `"\x"`, "1e", `{"a":1}}`} {
		f.Add([]byte(text))
	}
}

// checkRewrite holds that a text is refused only if it is not JSON or too deep,
// and then with nothing appended; that what is appended is valid JSON and valid
// UTF-8, is written the same way again, and means to Go what the text does.
func checkRewrite(t *testing.T, rewrite func(dst, text []byte) ([]byte, error), text []byte) (out []byte, ok bool) {
	out, err := rewrite([]byte("x"), text)
	if err != nil {
		deep := strings.Contains(err.Error(), "nested deeper")
		if !schemas.HasCode(err, schemas.CodeInvalid) || string(out) != "x" || !deep && json.Valid(text) {
			t.Errorf("%q: got %q, %v", text, out, err)
		}
		return nil, false
	}
	out = out[1:]
	if !json.Valid(text) {
		t.Errorf("%q is not JSON, but was written as %q", text, out)
	}
	if !json.Valid(out) || !utf8.Valid(out) {
		t.Errorf("%q was written as %q", text, out)
	}
	if again, err := rewrite(nil, out); err != nil || !bytes.Equal(again, out) {
		t.Errorf("%q was written as %q, and then as %q, %v", text, out, again, err)
	}
	checkMeaning(t, text, out)
	return out, true
}

// checkMeaning compares two texts as encoding/json reads them, unless it cannot
// read them as JavaScript does: it replaces lone surrogates, replaces other
// parts of invalid UTF-8, and refuses large numbers.
func checkMeaning(t *testing.T, text, out []byte) {
	if !utf8.Valid(text) || bytes.Contains(bytes.ToLower(text), []byte(`\ud`)) {
		return
	}
	var want, got any
	if err := json.Unmarshal(text, &want); err != nil {
		return
	}
	if err := json.Unmarshal(out, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q was written as %q: %v", text, out, err)
	}
}
