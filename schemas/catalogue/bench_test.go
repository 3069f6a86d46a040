package catalogue

import (
	"bytes"
	"encoding/json"
	"testing"
)

// BenchmarkValidate judges an event of some 1 KiB. Its ceiling is the time that
// encoding/json takes to see that the data is JSON at all; "decoded" is the
// validator, which judges whatever the quick judgement doubts.
func BenchmarkValidate(b *testing.B) {
	x := builtinByType()["message.received"]
	var compact bytes.Buffer
	if err := json.Compact(&compact, x.Valid[0]); err != nil {
		b.Fatal(err)
	}
	data := compact.Bytes()
	for _, c := range []struct {
		name  string
		judge func() bool
	}{
		{"ceiling", func() bool { return json.Valid(data) }},
		{"quick", func() bool { return x.Validate(data) == nil }},
		{"decoded", func() bool {
			value, err := decode(data)
			return err == nil && x.rules.Validate(value) == nil
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if !c.judge() {
					b.Fatal("a good event is refused")
				}
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	c := New()
	for b.Loop() {
		if c.Find("acme", "user.created") == nil {
			b.Fatal("not found")
		}
	}
}

// BenchmarkParse is what a tenant's definition costs when it is taken in.
func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := Parse("parcel.sent.json", []byte(small)); err != nil {
			b.Fatal(err)
		}
	}
}
