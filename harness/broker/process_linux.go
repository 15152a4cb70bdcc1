package broker

import "syscall"

// ownGroup puts a command into a process group of its own and lets the kernel
// kill it when we die without having stopped it.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
