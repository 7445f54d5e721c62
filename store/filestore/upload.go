package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"xfer/engine"
)

// Begin implements engine.Beginner: it makes the temporary file, allocates its
// space, and makes its name durable.
func (d *Destination) Begin(ctx context.Context, at string, pin engine.Pin) (uploadID string, err error) {
	t, err := d.target(at)
	if err != nil {
		return "", fmt.Errorf("begin: %w", err)
	}
	if t.marker || pin.Size <= 0 {
		return "", fmt.Errorf("begin %s: %w: an upload of %d bytes", at, engine.ErrRefused, pin.Size)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	err = d.in(t.dir, true, func(in *folder) error {
		if err := free(in, t); err != nil {
			return err
		}
		name, f, err := createUpload(in, t)
		if err != nil {
			return err
		}
		err = d.calls.allocate(f, pin.Size)
		if err == nil {
			err = d.calls.sync(f)
		}
		err = errors.Join(err, f.Close())
		if err == nil {
			err = in.sync()
		}
		if err != nil {
			_ = in.root.Remove(name)
			return err
		}
		uploadID = name
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("begin %s: %w", at, d.explain(err))
	}
	return uploadID, nil
}

// PutPart implements engine.Writer: the bytes go straight to where they belong in
// the temporary file. The tag is made of their CRC64NVME.
func (d *Destination) PutPart(ctx context.Context, u engine.Upload, pin engine.Pin, number int32, r engine.Range, body *engine.Body) (etag string, err error) {
	t, err := d.uploadTarget(u)
	if err != nil {
		return "", fmt.Errorf("put part %d: %w", number, err)
	}
	if r.Start < 0 || r.End > pin.Size || body.Size() != r.Len() {
		return "", fmt.Errorf("put part %d of %s: %w: a body of %d bytes for %s of %d", number, u.Destination, engine.ErrRefused, body.Size(), r, pin.Size)
	}
	err = d.in(t.dir, false, func(in *folder) error {
		f, info, err := openOwn(in, u.ID, os.O_WRONLY)
		if err != nil {
			return err
		}
		defer f.Close()
		if info.Size() != pin.Size {
			return fmt.Errorf("%w: %s has %d bytes, not %d", engine.ErrUploadGone, u.ID, info.Size(), pin.Size)
		}
		if err := d.write(ctx, f, r.Start, body); err != nil {
			return err
		}
		if err := d.calls.syncData(f); err != nil {
			return d.discard(in, u.ID, err)
		}
		return owns(in, u.ID, f) // it may have been aborted in the meantime
	})
	if err != nil {
		return "", fmt.Errorf("put part %d of %s: %w", number, u.Destination, d.lost(err))
	}
	return fmt.Sprintf(`"%016x"`, body.CRC()), nil
}

// Abort implements engine.Finisher.
func (d *Destination) Abort(ctx context.Context, u engine.Upload) error {
	t, err := d.uploadTarget(u)
	if errors.Is(err, engine.ErrUploadGone) {
		return nil // nothing of ours
	}
	if err != nil {
		return fmt.Errorf("abort: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err = d.in(t.dir, false, func(in *folder) error {
		if err := in.root.Remove(u.ID); err != nil {
			return err
		}
		return in.sync()
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("abort %s: %w", u.Destination, d.explain(err))
	}
	return nil
}

// Sweep implements engine.Beginner. It knows its files by their names, which only
// uploads to this very place have. A file that another process is putting is
// left alone.
func (d *Destination) Sweep(ctx context.Context, at string, since time.Time) (ended int, err error) {
	t, err := d.target(at)
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	err = d.in(t.dir, false, func(in *folder) error {
		dir, err := in.root.Open(".")
		if err != nil {
			return err
		}
		defer dir.Close()
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			entries, err := dir.ReadDir(1024)
			for _, entry := range entries {
				if gone, err := sweepOne(in, t, entry, since); err != nil {
					return err
				} else if gone {
					ended++
				}
			}
			if err == io.EOF {
				return in.sync()
			}
			if err != nil {
				return err
			}
		}
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return ended, fmt.Errorf("sweep %s: %w", at, d.explain(err))
	}
	return ended, nil
}

// clockSlack is how much later than the file system's our clock may be.
const clockSlack = 2 * time.Second

// sweepOne removes a file if it is a temporary one of t and was written after since.
func sweepOne(in *folder, t target, entry os.DirEntry, since time.Time) (gone bool, err error) {
	name := entry.Name()
	if !strings.HasPrefix(name, tempStem(t.rel)) || !isTemp(name) {
		return false, nil
	}
	info, err := entry.Info()
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil || info.ModTime().Before(since.Add(-clockSlack)) {
		return false, err
	}
	if name != tempName(t.rel, putPart) {
		err = in.root.Remove(name)
		return err == nil, err
	}
	if removeUnlocked(in, name) != nil {
		return false, nil
	}
	return true, nil
}

// uploadTarget finds the place of an upload, whose ID must be one that Begin gave
// for that place: it comes from a job file and will be used as a file name.
func (d *Destination) uploadTarget(u engine.Upload) (target, error) {
	t, err := d.target(u.Destination)
	if err != nil {
		return target{}, err
	}
	random, ok := strings.CutPrefix(u.ID, tempStem(t.rel))
	random, part := strings.CutSuffix(random, tempSuffix)
	if !ok || !part || len(random) != 8 || strings.Trim(random, "0123456789abcdef") != "" {
		return target{}, fmt.Errorf("%w: %q is no upload to %s", engine.ErrUploadGone, u.ID, u.Destination)
	}
	return t, nil
}

// discard removes a temporary file whose content is in doubt.
func (d *Destination) discard(in *folder, name string, cause error) error {
	_ = in.root.Remove(name)
	return fmt.Errorf("%w: it was discarded: %w", engine.ErrUploadGone, translate(cause))
}

// lost translates an error of a call that needs an upload's temporary file.
func (d *Destination) lost(err error) error {
	if missing(err) && !errors.Is(d.explain(err), engine.ErrNoStore) {
		return fmt.Errorf("%w: %w", engine.ErrUploadGone, err)
	}
	return d.explain(err)
}
