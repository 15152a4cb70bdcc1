//go:build unix

package broker

import "syscall"

// terminate asks a process to end.
func terminate(pid int) { _ = syscall.Kill(pid, syscall.SIGTERM) }

// killGroup kills a process and all others in its group.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }
