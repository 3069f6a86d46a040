//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package broker

import "os"

// lockDir locks nothing: the system has no flock.
func lockDir(string) (*os.File, error) { return nil, nil }
