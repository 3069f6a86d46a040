package pipe

import (
	"strings"
	"testing"

	"github.com/tidings-dev/tidings/cmd/tidings/usage"
)

func TestATakenPortIsTold(t *testing.T) {
	taken, err := listen(t.Context(), "--http-addr", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // it only was to be taken
	for addr, want := range map[string]struct {
		code int
		says string
	}{
		taken.Addr().String(): {usage.ExitFailed, "give it another with --http-addr, or end what listens there"},
		"127.0.0.1:far":       {usage.ExitUsage, "--http-addr 127.0.0.1:far: "},
	} {
		_, err := listen(t.Context(), "--http-addr", addr)
		if err == nil || usage.ExitCode(err) != want.code || !strings.Contains(err.Error(), want.says) {
			t.Errorf("%s: exit code %d, %v; want %d and %q", addr, usage.ExitCode(err), err, want.code, want.says)
		}
	}
}
