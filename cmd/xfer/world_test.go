package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"xfer/internal/s3sim"
)

// A world is a source whose keys come from a vendor and live for a short time, a
// destination with lasting keys of its own, and a folder for a list and its job.
type world struct {
	t        *testing.T
	src, dst *s3sim.Server
	vendor   *s3sim.Vendor
	dir      string
	list     string
	env      []string // of its processes, besides our own
}

// Secrets of a world. None of them may turn up anywhere.
const (
	canaryLogin  = "canary-login-7c1f"
	canarySecret = "canary-secret-93ab"
	canaryToken  = "canary-token-55de"
)

func newWorld(t *testing.T, life time.Duration) *world {
	t.Helper()
	return newWorldWith(t, life, s3sim.Config{CheapETags: true, Discard: true}) // sums, not bytes
}

// newWorldWith is newWorld with a destination as asked for.
func newWorldWith(t *testing.T, life time.Duration, dst s3sim.Config) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.list = filepath.Join(w.dir, "list.txt")
	w.src = s3sim.New(s3sim.Config{CheapETags: true})
	w.dst = s3sim.New(dst)
	w.vendor = s3sim.NewVendor(s3sim.VendorConfig{Flavour: s3sim.TEA, Token: canaryLogin, Lifetime: life}, w.src)
	if err := errors.Join(w.src.Start(), w.dst.Start(), w.vendor.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(w.src.Close(), w.dst.Close(), w.vendor.Close()) })
	w.dst.CreateBucket("out")
	w.dst.AddKey(s3sim.Key{ID: "DSTKEY", Secret: canarySecret, Token: canaryToken})
	w.env = []string{
		"EARTHDATA_TOKEN=" + canaryLogin,
		"DST_ACCESS_KEY_ID=DSTKEY", "DST_SECRET_ACCESS_KEY=" + canarySecret, "DST_SESSION_TOKEN=" + canaryToken,
		"XFER_SOURCE_ENDPOINT=" + w.src.URL(), "XFER_SOURCE_CREDS=earthdata:" + w.vendor.Endpoint(),
		"XFER_DEST_ENDPOINT=" + w.dst.URL(), "XFER_DEST_CREDS=env:DST",
	}
	return w
}

// listAll writes a list of all objects in the source bucket "in".
func (w *world) listAll() {
	w.t.Helper()
	var b strings.Builder
	for _, key := range w.src.Keys("in") {
		fmt.Fprintf(&b, "s3://in/%s\n", key)
	}
	if err := os.WriteFile(w.list, []byte(b.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// A process is an xfer of its own, run by this test.
type process struct {
	*exec.Cmd
	stdout, stderr buffer
}

// buffer is a bytes.Buffer that may be read while a process writes to it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start runs xfer with this world's logins in its environment.
func (w *world) start(args ...string) *process {
	w.t.Helper()
	return w.startFor(longest, args...)
}

// startFor is start for a process that may take longer than most.
func (w *world) startFor(longest time.Duration, args ...string) *process {
	w.t.Helper()
	return launchFor(w.t, longest, w.dir, w.env, args...)
}

// longest is how long a process may take.
const longest = 5 * time.Minute

// launch runs xfer in a folder, with more than this test's own environment.
func launch(t *testing.T, dir string, env []string, args ...string) *process {
	t.Helper()
	return launchFor(t, longest, dir, env, args...)
}

func launchFor(t *testing.T, longest time.Duration, dir string, env []string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	t.Cleanup(cancel)
	p := &process{Cmd: exec.CommandContext(ctx, os.Args[0], args...)}
	p.Dir, p.Stdout, p.Cmd.Stderr = dir, &p.stdout, &p.stderr
	p.Env = append(append(os.Environ(), beXfer+"=1"), env...)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// code waits for the end and gives the exit code; -1 for one that was killed.
func (p *process) code() int {
	_ = p.Wait()
	return p.ProcessState.ExitCode()
}

// run runs xfer to its end, which must have the exit code want.
func (w *world) run(want int, args ...string) *process {
	w.t.Helper()
	p := w.start(args...)
	if got := p.code(); got != want {
		w.t.Fatalf("xfer %s: exit %d, want %d\n%s", strings.Join(args, " "), got, want, p.stderr.String())
	}
	return p
}

// copyArgs is the copy of this world's list with what else is asked for.
func (w *world) copyArgs(more ...string) []string {
	return append([]string{"copy", "--manifest", w.list, "--json", "--progress", "none", "s3://out/"}, more...)
}

// summary is the last line of --json.
func (p *process) summary(t *testing.T) summary {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(p.stdout.String()), "\n")
	var s summary
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil || s.Event != "summary" {
		t.Fatalf("no summary at the end of:\n%s\n%s", p.stdout.String(), p.stderr.String())
	}
	return s
}

// arrived holds every object of the source against the destination's own sums.
func (w *world) arrived() {
	w.t.Helper()
	for _, key := range w.src.Keys("in") {
		from, _ := w.src.Object("in", key)
		to, ok := w.dst.Object("out", key)
		if !ok || to.Size != from.Size || to.CRC != from.CRC {
			w.t.Errorf("%s: there %t, %d bytes with sum %x, want %d with %x", key, ok, to.Size, to.CRC, from.Size, from.CRC)
		}
	}
	if got, want := len(w.dst.Keys("out")), len(w.src.Keys("in")); got != want {
		w.t.Errorf("%d objects arrived, want %d", got, want)
	}
	if open := w.dst.OpenUploads("out"); len(open) > 0 {
		w.t.Errorf("uploads left open: %v", open)
	}
}

// until waits for a condition that some process brings about.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	until(w.t, what, ok)
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited two minutes for %s", what)
		}
	}
}

// after waits for d of real time: for schedules of kills, not for conditions.
func after(d time.Duration) { <-time.After(d) }

// interrupt sends SIGINT.
func (p *process) interrupt() { _ = p.Process.Signal(syscall.SIGINT) }
