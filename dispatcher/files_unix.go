//go:build unix

package dispatcher

import "syscall"

// openFiles is how many files this process may have open; 0 if that is not known.
func openFiles() int {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return int(min(uint64(l.Cur), 1<<30)) //nolint:gosec,unconvert // signed on some systems; bounded
}
