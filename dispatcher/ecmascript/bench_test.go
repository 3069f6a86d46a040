package ecmascript_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/dispatcher/ecmascript"
)

// document is an event of about a kilobyte, as the two webhook systems have
// them.
func document() []byte {
	var b strings.Builder
	b.WriteString(`{"id":"3a1f2b4c-5d6e-4f70-8a9b-0c1d2e3f4a5b","event":"room:publish","data":{"items":[`)
	for i := range 6 {
		fmt.Fprintf(&b, `%s{"sku":"A-%d","name":"Tea \"green\" – 100 g","count":%d,"price":%d.25,"tags":["x","y"],"gift":false}`, strings.Repeat(",", min(i, 1)), i, i, i)
	}
	b.WriteString(`],"body":{"text":"Is my order on the way?\nThanks, Ada 😀","sentAt":1729602908913,"read":true,"agent":null}},` +
		`"session":{"appPid":"app1","keyId":"key1","clientId":null,"connectionId":"app1:c1","socketId":"s1","timestamp":"2024-10-22T13:14:49.823Z","exp":1729603189,"user":null},"timestamp":"2024-10-22T13:15:08.913Z"}`)
	return []byte(b.String())
}

func BenchmarkStringify(b *testing.B)    { benchmark(b, ecmascript.Stringify) }
func BenchmarkCanonicalize(b *testing.B) { benchmark(b, ecmascript.Canonicalize) }

// BenchmarkGo is what the standard library takes to read and write the same, to
// compare with.
func BenchmarkGo(b *testing.B) {
	benchmark(b, func(_, text []byte) ([]byte, error) {
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			return nil, err
		}
		return json.Marshal(v)
	})
}

func benchmark(b *testing.B, rewrite func(dst, text []byte) ([]byte, error)) {
	text := document()
	dst := make([]byte, 0, 2*len(text))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rewrite(dst, text); err != nil {
			b.Fatal(err)
		}
	}
}
