//go:build !unix

package broker

import (
	"os"
	"syscall"
)

// ownGroup has no counterpart here.
func ownGroup() *syscall.SysProcAttr { return nil }

// terminate ends a process; there is no way to ask.
func terminate(pid int) { killGroup(pid) }

// killGroup kills a process.
func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}
