package main

import (
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// A figure is what one run cost.
type figure struct {
	user, sys, wall time.Duration
	peak            int64 // bytes of resident memory
}

func (f figure) cpu() time.Duration { return f.user + f.sys }

// measure runs cmd to its end.
func measure(cmd *exec.Cmd) (figure, error) {
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return figure{}, fmt.Errorf("run %s: %w\n%s", cmd.Path, err, out)
	}
	f := figure{user: cmd.ProcessState.UserTime(), sys: cmd.ProcessState.SystemTime(), wall: time.Since(start)}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		f.peak = int64(usage.Maxrss) //nolint:unconvert // an int32 on some systems
		if runtime.GOOS != "darwin" {
			f.peak <<= 10 // getrusage(2): kilobytes, but bytes on macOS
		}
	}
	return f, nil
}

// line is f in the format of Go benchmarks.
func (f figure) line(tool string, sc scenario) string {
	gib := float64(sc.bytes()) / (1 << 30)
	return fmt.Sprintf("BenchmarkCopy/%s/%s 1 %d ns/op %.3f cpu-s/GiB %.4f cpu-ms/object %.1f MiB-peak %.1f MiB/s",
		sc.name, tool, f.wall.Nanoseconds(), f.cpu().Seconds()/gib, f.cpu().Seconds()*1000/float64(sc.n),
		float64(f.peak)/(1<<20), gib*1024/f.wall.Seconds())
}

// median takes each figure's middle value by itself.
func median(all []figure) figure {
	middle := func(of func(figure) int64) int64 {
		values := make([]int64, len(all))
		for i, f := range all {
			values[i] = of(f)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return figure{
		user: time.Duration(middle(func(f figure) int64 { return int64(f.user) })),
		sys:  time.Duration(middle(func(f figure) int64 { return int64(f.sys) })),
		wall: time.Duration(middle(func(f figure) int64 { return int64(f.wall) })),
		peak: middle(func(f figure) int64 { return f.peak }),
	}
}
