package signing_test

import (
	"bytes"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/tidings-dev/tidings/dispatcher/signing"
)

// BenchmarkSign signs a body of 1 KiB. Its ceiling is one SHA-256 of as many
// bytes, measured in the same run: "x/sha256" is how many times as long a
// signature takes.
func BenchmarkSign(b *testing.B) {
	key := mustKey(b, signing.NewSecret())
	const id = "dlv_0123456789abcdefghijklmnopqrstuv"
	at, body := time.Unix(1_700_000_000, 0), bytes.Repeat([]byte("x"), 1<<10)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		_ = key.Sign(id, at, body)
	}
	signed := b.Elapsed() / time.Duration(b.N)

	var sum [sha256.Size]byte
	began := time.Now()
	for range b.N {
		sum = sha256.Sum256(body)
	}
	plain := time.Since(began) / time.Duration(b.N)
	_ = sum
	b.ReportMetric(float64(signed)/float64(max(plain, 1)), "x/sha256")
}
