package ingest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/producers/ingest"
)

// BenchmarkRead reads events of 1 KiB, alone and 1000 at once.
func BenchmarkRead(b *testing.B) {
	one := event(`,"data":{"text":"` + strings.Repeat("x", 1000) + `"}`)
	for name, c := range map[string]struct{ contentType, body string }{
		"structured": {structured, one},
		"batch":      {batch, "[" + strings.Repeat(one+",", 999) + one + "]"},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(c.body)))
			for b.Loop() {
				r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(c.body))
				r.Header.Set("Content-Type", c.contentType)
				if _, err := ingest.Read(r, ingest.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
