package pipe

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/tidings-dev/tidings/schemas"
)

// listen opens a TCP listener at the address of a flag.
func listen(ctx context.Context, flag, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, schemas.Errorf(schemas.CodeConflict, "%s %s: %w: give it another with %s, or end what listens there", flag, addr, err, flag)
	case err != nil:
		return nil, schemas.Errorf(schemas.CodeInvalid, "%s %s: %w", flag, addr, err)
	}
	return l, nil
}
