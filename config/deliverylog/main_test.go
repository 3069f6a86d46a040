package deliverylog

import (
	"testing"

	"github.com/tidings-dev/tidings/config/streams/streamstest"
)

func TestMain(m *testing.M) { streamstest.Main(m) }

func open(tb testing.TB, url string) *Store {
	tb.Helper()
	s, err := Open(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}
