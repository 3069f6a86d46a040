//go:build unix

package h1

import (
	"errors"
	"syscall"
)

// quiet tells whether an idle socket is still open and has nothing to read. Its
// peer's farewell, or bytes nobody asked for, end its use; that the one byte is
// lost to TLS does not matter then.
func quiet(socket syscall.RawConn) bool {
	if socket == nil {
		return true // a pipe: it fails when it is written to
	}
	empty := false
	err := socket.Read(func(fd uintptr) bool {
		var b [1]byte
		_, err := syscall.Read(int(fd), b[:]) // Go's sockets do not block
		empty = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && empty
}
