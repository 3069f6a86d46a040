package catalogue

import (
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/schemas"
)

// FuzzParse looks for a file, and for data of its type, at which reading or
// judging panics, and for judgements that differ.
func FuzzParse(f *testing.F) {
	f.Add([]byte(small), []byte(`{"id": "p1"}`))
	for _, schema := range quickSchemas {
		f.Add([]byte(strings.Replace(small, `"type": "object",`, `"allOf": [`+schema+`],`, 1)), []byte(`{}`))
	}
	for _, x := range Builtin() {
		f.Add([]byte(x.Definition()), []byte(x.Invalid[0].Data))
	}
	f.Fuzz(func(t *testing.T, file, data []byte) {
		x, _, err := parse("parcel.sent.json", file)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Fatal("an error without words")
			}
			return
		}
		if _, err := Parse("parcel.sent.json", x.Definition()); err != nil {
			t.Fatalf("read again: %v", err)
		}
		if err := x.Validate(data); err != nil && !schemas.HasCode(err, schemas.CodeInvalid) {
			t.Fatalf("validate: %v", err)
		}
		if x.Channel != "" {
			_ = x.ChannelOf(data)
		}
	})
}
