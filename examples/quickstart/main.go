// Command quickstart shows the main job on a machine with nothing but Go: it
// copies a list of objects between two S3 services whose keys differ, the
// source's living three seconds; kills the copy half-way; runs the same command
// again; and compares every object. It needs no account and no network beyond
// Go's modules: both services and the vendor of keys are simulators in this
// process. The xfer it runs is the real one, built from this checkout.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// What is copied, and how.
const (
	large, largeSize = 3, 192 << 20
	small, smallSize = 400, 64 << 10
	keyLife          = 3 * time.Second
	workers          = 8
	partSize         = 8 << 20
	limitRate        = "64MiB" // a second, so that there is something to see
)

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "xfer-quickstart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	step("building xfer")
	xfer := filepath.Join(dir, "xfer")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", xfer, "xfer/cmd/xfer").CombinedOutput(); err != nil {
		return fmt.Errorf("build xfer: %w\n%s", err, out)
	}

	step("starting two S3 services on this machine; the source's keys live %v", keyLife)
	w, err := newWorld()
	if err != nil {
		return err
	}
	defer w.close()
	list := filepath.Join(dir, "list.txt")
	if err := os.WriteFile(list, []byte(w.list()), 0o600); err != nil {
		return err
	}

	args := []string{
		"copy", "--manifest", list,
		"--source-endpoint", w.source.URL(), "--source-creds", "web:" + w.vendor.Endpoint(),
		"--dest-endpoint", w.dest.URL(), "--dest-creds", "env:DEST",
		"--workers", fmt.Sprint(workers), "--part-size", "8MiB", "--limit-rate", limitRate,
		"s3://copies/",
	}
	step("copying %d objects of %d KiB and %d of %d MiB:", small, smallSize>>10, large, largeSize>>20)
	fmt.Printf("\n  xfer %s\n\n", strings.Join(args, " "))

	first := w.command(ctx, xfer, args)
	if err := first.Start(); err != nil {
		return fmt.Errorf("start xfer: %w", err)
	}
	if err := w.waitHalf(ctx); err != nil {
		return errors.Join(err, first.Process.Kill(), first.Wait())
	}
	step("kill -9 %d, half-way", first.Process.Pid)
	if err := first.Process.Signal(syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill xfer: %w", err)
	}
	_ = first.Wait() // it was killed: that is its error

	step("the same command again")
	fmt.Println()
	if err := w.command(ctx, xfer, args).Run(); err != nil {
		return fmt.Errorf("run xfer again: %w", err)
	}
	fmt.Println()
	return w.check()
}

func step(format string, args ...any) {
	fmt.Printf("== "+format+"\n", args...)
}
