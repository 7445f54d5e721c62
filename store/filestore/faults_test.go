package filestore

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minio/crc64nvme"

	"xfer/engine"
)

// open makes a Destination whose system calls ask fault first.
func open(t *testing.T, dir string, fault func(call string) error) *Destination {
	t.Helper()
	d, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	system := d.calls
	d.calls = calls{
		write: func(f *os.File, p []byte, at int64) (int, error) {
			if err := fault("write"); err != nil {
				n, _ := system.write(f, p[:len(p)/2], at) // a short write, as a full disk gives
				return n, err
			}
			return system.write(f, p, at)
		},
		allocate: func(f *os.File, size int64) error {
			if err := fault("allocate"); err != nil {
				return err
			}
			return system.allocate(f, size)
		},
		syncData: func(f *os.File) error {
			if err := fault("syncData"); err != nil {
				return err
			}
			return system.syncData(f)
		},
		sync: func(f *os.File) error {
			call := "sync file"
			if info, err := f.Stat(); err == nil && info.IsDir() {
				call = "sync folder"
			}
			if err := fault(call); err != nil {
				return err
			}
			return system.sync(f)
		},
		rename: func(in *os.Root, from, to string) error {
			if err := fault("rename"); err != nil {
				return err
			}
			return system.rename(in, from, to)
		},
	}
	return d
}

// nth fails the n-th call with err, once.
func nth(n int64, err error) (fault func(string) error, fired func() string) {
	var calls atomic.Int64
	var hit atomic.Value
	return func(call string) error {
			if calls.Add(1) != n {
				return nil
			}
			hit.Store(call)
			return err
		}, func() string {
			call, _ := hit.Load().(string)
			return call
		}
}

func bodyOf(data []byte) *engine.Body {
	return engine.NewBody(bytes.NewReader(data), int64(len(data)), engine.Checksum{}, nil)
}

// send sends data in parts of a third, and completes.
func send(ctx context.Context, d *Destination, at string, data []byte) error {
	u := engine.Upload{Destination: at, PartSize: int64(len(data)+2) / 3}
	pin := engine.Pin{Size: int64(len(data)), ETag: `"pin"`}
	id, err := d.Begin(ctx, at, pin)
	if err != nil {
		return err
	}
	u.ID = id
	var parts []engine.Receipt
	for start := int64(0); start < pin.Size; start += u.PartSize {
		r := engine.Range{Start: start, End: min(start+u.PartSize, pin.Size)}
		body := bodyOf(data[r.Start:r.End])
		number := int32(len(parts) + 1)
		tag, err := d.PutPart(ctx, u, pin, number, r, body)
		if err != nil {
			return errors.Join(err, d.Abort(ctx, u))
		}
		parts = append(parts, engine.Receipt{Number: number, Size: r.Len(), ETag: tag, CRC: body.CRC()})
	}
	sum := engine.NewCRC64NVME(crc64nvme.Checksum(data))
	if _, err := d.Complete(ctx, u, pin, parts, sum); err != nil {
		return errors.Join(err, d.Abort(ctx, u))
	}
	return nil
}

// Each system call fails once, in turn, until a run has no failure. Whatever
// fails, the target is the old file or the new one, nothing is left beside it, and
// trying again succeeds.
func TestEveryCallMayFail(t *testing.T) {
	data := bytes.Repeat([]byte("reef"), 300_000)
	ways := map[string]func(*Destination, string) error{
		"put": func(d *Destination, at string) error {
			_, err := d.Put(t.Context(), at, engine.Pin{Size: int64(len(data))}, bodyOf(data))
			return err
		},
		"upload": func(d *Destination, at string) error { return send(t.Context(), d, at, data) },
	}
	for way, do := range ways {
		for _, cause := range []error{syscall.ENOSPC, syscall.EIO} {
			seen := make(map[string]bool)
			for n := int64(1); ; n++ {
				dir := t.TempDir()
				at := filepath.Join(dir, "new", "folder", "file")
				fault, fired := nth(n, cause)
				d := open(t, dir, fault)
				err := do(d, at)
				if fired() == "" {
					if err != nil {
						t.Fatalf("%s without a fault: %v", way, err)
					}
					if n < 5 {
						t.Fatalf("%s: only %d calls could fail", way, n-1)
					}
					break
				}
				seen[fired()] = true
				if !errors.Is(err, cause) {
					t.Errorf("%s, %s no. %d: got %v, want %v", way, fired(), n, err, cause)
				}
				if errors.Is(cause, syscall.ENOSPC) && fired() == "write" && !errors.Is(err, engine.ErrNoSpace) {
					t.Errorf("%s, %s no. %d: got %v, want %v", way, fired(), n, err, engine.ErrNoSpace)
				}
				if got, err := os.ReadFile(at); err == nil && !bytes.Equal(got, data) {
					t.Errorf("%s, %s no. %d: a file that is not whole", way, fired(), n)
				}
				noTemps(t, dir)
				if err := do(d, at); err != nil {
					t.Errorf("%s again after %s no. %d: %v", way, fired(), n, err)
				}
				if got, _ := os.ReadFile(at); !bytes.Equal(got, data) {
					t.Errorf("%s again after %s no. %d: not the bytes", way, fired(), n)
				}
				noTemps(t, dir)
			}
			if !seen["write"] || !seen["sync file"] || !seen["sync folder"] || !seen["rename"] {
				t.Errorf("%s: only %v failed", way, seen)
			}
		}
	}
}

// A failed sync of a part takes the whole file with it: other parts may have been
// dropped by the kernel without a word.
func TestFailedSyncDiscardsTheFile(t *testing.T) {
	for _, call := range []string{"syncData", "sync file"} {
		dir := t.TempDir()
		armed := false
		d := open(t, dir, func(c string) error {
			if armed && c == call {
				armed = false
				return syscall.EIO
			}
			return nil
		})
		at, data := filepath.Join(dir, "file"), []byte("0123456789")
		pin := engine.Pin{Size: 10}
		id, err := d.Begin(t.Context(), at, pin)
		if err != nil {
			t.Fatal(err)
		}
		u := engine.Upload{ID: id, Destination: at, PartSize: 10}
		armed = true
		body := bodyOf(data)
		tag, err := d.PutPart(t.Context(), u, pin, 1, engine.Range{End: 10}, body)
		if call == "sync file" && err == nil {
			_, err = d.Complete(t.Context(), u, pin, []engine.Receipt{{Number: 1, Size: 10, ETag: tag, CRC: body.CRC()}}, engine.Checksum{})
		}
		if armed {
			t.Fatalf("%s did not fail", call)
		}
		if !errors.Is(err, engine.ErrUploadGone) {
			t.Errorf("%s: got %v, want %v", call, err, engine.ErrUploadGone)
		}
		noTemps(t, dir)
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: target: %v", call, err)
		}
	}
}

// The process died between the rename and its word of it.
func TestResolveAfterRename(t *testing.T) {
	dir := t.TempDir()
	crash := errors.New("crash")
	renamed := false
	d := open(t, dir, func(call string) error {
		if renamed && call == "sync folder" {
			return crash
		}
		return nil
	})
	rename := d.calls.rename
	d.calls.rename = func(in *os.Root, from, to string) error {
		err := rename(in, from, to)
		renamed = true
		return err
	}
	at, data := filepath.Join(dir, "file"), []byte("0123456789")
	pin := engine.Pin{Size: 10, Metadata: engine.Metadata{Modified: time.Unix(1e9, 0)}}
	id, err := d.Begin(t.Context(), at, pin)
	if err != nil {
		t.Fatal(err)
	}
	u := engine.Upload{ID: id, Destination: at, PartSize: 10}
	body := bodyOf(data)
	tag, err := d.PutPart(t.Context(), u, pin, 1, engine.Range{End: 10}, body)
	if err != nil {
		t.Fatal(err)
	}
	parts := []engine.Receipt{{Number: 1, Size: 10, ETag: tag, CRC: body.CRC()}}
	if _, err := d.Complete(t.Context(), u, pin, parts, engine.NewCRC64NVME(body.CRC())); !errors.Is(err, engine.ErrAmbiguous) || !errors.Is(err, crash) {
		t.Fatalf("got %v, want %v", err, engine.ErrAmbiguous)
	}

	again, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	found, stored, err := again.Resolve(t.Context(), u, pin, parts, engine.NewCRC64NVME(body.CRC()))
	if err != nil || found != engine.Done {
		t.Fatalf("got %v, %v", found, err)
	}
	if now, err := (Source{}).Stat(t.Context(), at); err != nil || now.ETag != stored.ETag || !now.Metadata.Modified.Equal(pin.Metadata.Modified) {
		t.Errorf("stored %+v, there is %+v, %v", stored, now, err)
	}
}

// A process that was killed in a Put leaves its file unlocked, and the next Put to
// the same place replaces it; one that is being written to is left alone.
func TestPutReplacesWhatADeadProcessLeft(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, func(string) error { return nil })
	at, data := filepath.Join(dir, "file"), []byte("whole")
	left := filepath.Join(dir, tempName("file", putPart))
	if err := os.WriteFile(left, []byte("wh"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(left, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if held, err := lock(f); held || err != nil {
		t.Fatal(held, err)
	}
	put := func() error {
		_, err := d.Put(t.Context(), at, engine.Pin{Size: 5}, bodyOf(data))
		return err
	}
	if err := put(); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("put beside a living one: %v", err)
	}
	if ended, err := d.Sweep(t.Context(), at, time.Time{}); ended != 0 || err != nil {
		t.Errorf("swept %d, %v", ended, err)
	}
	f.Close() // it dies
	if err := put(); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(at); !bytes.Equal(got, data) {
		t.Errorf("got %q", got)
	}
	noTemps(t, dir)
}

func noTemps(t *testing.T, dir string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || isTemp(entry.Name()) {
			t.Errorf("left behind: %s, %v", path, err)
		}
		return nil
	})
}
