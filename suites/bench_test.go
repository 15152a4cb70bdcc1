package suites_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mqttspec/suites"
)

// BenchmarkRun times whole runs: checks per second, the longest check, CPU time
// and the peak of this process's memory (with the embedded broker in it).
//
//	go test ./suites -run xxx -bench Run -benchtime 3x
func BenchmarkRun(b *testing.B) {
	for _, broker := range witnesses(b) {
		for _, parallel := range []int{1, 8, 32, 64} {
			b.Run(fmt.Sprintf("%s/parallel=%d", broker.name, parallel), func(b *testing.B) {
				target := bare(broker.target)
				var checks int
				var longest float64
				cpu := cpuTime()
				for b.Loop() {
					r, err := suites.Test(b.Context(), target, suites.Options{Parallel: parallel})
					if err != nil {
						b.Fatal(err)
					}
					checks = len(r.Checks)
					for _, c := range r.Checks {
						longest = max(longest, c.DurationMS)
					}
				}
				perRun := b.Elapsed() / time.Duration(b.N)
				b.ReportMetric(float64(checks), "checks")
				b.ReportMetric(float64(checks)/perRun.Seconds(), "checks/s")
				b.ReportMetric(longest, "longest-ms")
				b.ReportMetric((cpuTime()-cpu).Seconds()/float64(b.N), "cpu-s/run")
				b.ReportMetric(peakMemory(), "peak-MiB")
			})
		}
	}
}

// cpuTime is what this process has used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakMemory is the peak resident memory of this process in MiB, since the
// start of the process; 0 where the system does not tell.
func peakMemory() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}
