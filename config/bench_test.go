package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/config"
)

// BenchmarkReadFile reads a file of a thousand endpoints with two subscriptions
// each, one of them with a filter.
func BenchmarkReadFile(b *testing.B) {
	var text strings.Builder
	text.WriteString("tenants:\n  - id: acme\n    endpoints:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, `      - id: ep_%d
        url: https://example.com/%[1]d
        secrets: [{value: %s}]
        policy: {timeout: 15s, retry: [5s, 5m]}
        subscribe: [user.*]
        subscriptions: [{types: [lobby.booked], filters: [{exact: {subject: l%[1]d}}]}]
`, i, secretA)
	}
	path := writeFiles(b, text.String(), nil)
	for b.Loop() {
		if _, err := config.ReadFile(path); err != nil {
			b.Fatal(err)
		}
	}
}
