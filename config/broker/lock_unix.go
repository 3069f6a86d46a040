//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package broker

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/tidings-dev/tidings/schemas"
)

// lockDir keeps other processes from the data directory until the file is
// closed or the process is gone, however it ends. JetStream does not: two
// servers on one store ruin it, and the second need not even get as far as to
// listen.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "data directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, schemas.Errorf(schemas.CodeInvalid, "data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, schemas.Errorf(schemas.CodeConflict, "data directory %s is in use by another process: stop that one, or choose another --data-dir", dir)
	}
	return f, nil
}
