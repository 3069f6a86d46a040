package browser

import (
	"os/exec"
	"syscall"
)

// endWithTests makes the system end a process when the tests' own is killed.
func endWithTests(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
