//go:build darwin || linux

package broker

import "syscall"

func roomOf(dir string) Room {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return Room{}
	}
	block := uint64(s.Bsize) //nolint:gosec,unconvert // positive; its type differs from system to system
	return Room{Free: s.Bavail * block, Total: s.Blocks * block}
}
