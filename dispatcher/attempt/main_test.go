package attempt

import (
	"io"
	"log"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if a goroutine is left when all tests have ended. It keeps what
// net/http logs of hostile receivers, a line for each frame, from hiding what
// tests say.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	goleak.VerifyTestMain(m)
}
