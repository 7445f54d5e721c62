package manifest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestMain lets the test binary be the other process: it opens the job named in
// its environment, says so, and keeps it until its input ends.
func TestMain(m *testing.M) {
	if path := os.Getenv("XFER_TEST_HOLD"); path != "" {
		if err := hold(path); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Each check of a property here is hundreds of commits. A flag given overrides this.
	if err := flag.Set("rapid.checks", "12"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func hold(path string) error {
	j, err := Open(context.Background(), path, Options{Command: "xfer copy --manifest list.txt"})
	if err != nil {
		return err
	}
	if err := j.Publish([]byte(`{"done":12}`)); err != nil {
		return err
	}
	fmt.Println("holding")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return j.Close()
}

// other starts the other process and returns what ends it: cleanly or by SIGKILL.
func other(t *testing.T, path string) (stop, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "XFER_TEST_HOLD="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "holding\n" {
		t.Fatalf("other process: %q, %v", line, err)
	}
	var once sync.Once
	end := func(how func() error) func() {
		return func() {
			once.Do(func() {
				if err := how(); err != nil {
					t.Error(err)
				}
				_ = cmd.Wait()
			})
		}
	}
	t.Cleanup(end(cmd.Process.Kill))
	return end(in.Close), end(cmd.Process.Kill)
}

func TestAJobHasOneWriter(t *testing.T) {
	dir := t.TempDir()
	writeList(t, filepath.Join(dir, "list.txt"), "a")
	if err := openListed(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "list.txt.xfer")
	stop, _ := other(t, path)

	for name, open := range map[string]func() error{
		"Open": func() error { _, err := Open(t.Context(), path, Options{}); return err },
		"OpenList": func() error {
			_, err := OpenList(t.Context(), path, listOf(filepath.Join(dir, "list.txt")), Options{})
			return err
		},
		"OpenStream": func() error { _, err := OpenStream(t.Context(), path, listOf("-"), Options{}); return err },
		"Inspect":    func() error { _, err := Inspect(t.Context(), path); return err },
	} {
		err := open()
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "by xfer pid ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	h, ok, err := ReadHolder(path)
	if err != nil || !ok || h.Command != "xfer copy --manifest list.txt" || string(h.Progress) != `{"done":12}` {
		t.Errorf("holder = %+v, %v, %v", h, ok, err)
	}
	stop()
	if _, err := os.Stat(path + ".lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("lock file after a clean end: %v", err)
	}
	openListed(t, dir)
}

func TestAKilledProcessHoldsNothing(t *testing.T) {
	dir := t.TempDir()
	writeList(t, filepath.Join(dir, "list.txt"), "a")
	if err := openListed(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "list.txt.xfer")
	_, kill := other(t, path)
	kill()
	if _, err := os.Stat(path + ".lock"); err != nil {
		t.Errorf("a killed process should leave its lock file: %v", err)
	}
	if h, ok, err := ReadHolder(path); ok || err != nil {
		t.Errorf("holder = %+v, %v, %v", h, ok, err)
	}
	openListed(t, dir)
}

// TestLockIsHeldByOneAtATime has many contenders for a lock file that is removed at every release.
func TestLockIsHeldByOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job")
	var inside sync.Mutex
	var wg sync.WaitGroup
	got := make([]int, 8)
	for i := range got {
		wg.Go(func() {
			for got[i] < 50 {
				l, err := acquire(path, "")
				if errors.Is(err, ErrInUse) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if !inside.TryLock() {
					t.Error("two hold the lock")
					return
				}
				got[i]++
				inside.Unlock()
				l.release()
			}
		})
	}
	wg.Wait()
}

func TestProgressIsReadWhole(t *testing.T) {
	dir := t.TempDir()
	writeList(t, filepath.Join(dir, "list.txt"), "a")
	j := openListed(t, dir)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := j.Publish(fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", n*37%3000))); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 300 {
		h, ok, err := ReadHolder(j.path)
		if err != nil || !ok || h.PID != os.Getpid() {
			t.Errorf("holder = %+v, %v, %v", h, ok, err)
		}
		if len(h.Progress) > 0 && !json.Valid(h.Progress) {
			t.Errorf("progress = %s", h.Progress)
		}
	}
	close(stop)
	wg.Wait()
	if err := j.Publish([]byte("{")); err == nil {
		t.Error("half a JSON was published")
	}
}
