package processes

import (
	"os/exec"
	"syscall"
)

// endWithTest makes the system end a process when the test's own is killed,
// and with it its clean-ups. Elsewhere than on Linux nobody does.
func endWithTest(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
