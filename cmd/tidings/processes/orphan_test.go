//go:build !linux

package processes

import "os/exec"

func endWithTest(*exec.Cmd) {}
