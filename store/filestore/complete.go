package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/minio/crc64nvme"

	"xfer/engine"
)

// Complete implements engine.Finisher.
func (d *Destination) Complete(ctx context.Context, u engine.Upload, pin engine.Pin, parts []engine.Receipt, sum engine.Checksum) (engine.Stored, error) {
	t, err := d.uploadTarget(u)
	if err != nil {
		return engine.Stored{}, fmt.Errorf("complete: %w", err)
	}
	crc, err := add(parts, pin.Size)
	if err == nil && sum.Algorithm == engine.CRC64NVME && sum != crc {
		err = fmt.Errorf("%w: the parts add up to %s, not %s", engine.ErrCorrupt, crc, sum)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return engine.Stored{}, fmt.Errorf("complete %s: %w", u.Destination, err)
	}
	var stored engine.Stored
	err = d.in(t.dir, false, func(in *folder) error {
		if err := free(in, t); err != nil {
			return err
		}
		f, info, err := openOwn(in, u.ID, os.O_WRONLY)
		if err != nil {
			return err
		}
		defer f.Close()
		if info.Size() != pin.Size {
			return fmt.Errorf("%w: %s has %d bytes, not %d", engine.ErrUploadGone, u.ID, info.Size(), pin.Size)
		}
		if doubt, err := d.publish(in, u.ID, f, t, pin.Metadata.Modified); doubt {
			return d.discard(in, u.ID, err)
		} else if err != nil {
			return err
		}
		stored, err = d.settled(in, f, crc)
		if err != nil {
			return fmt.Errorf("%w: renamed, but: %w", engine.ErrAmbiguous, err)
		}
		return nil
	})
	if err != nil {
		return engine.Stored{}, fmt.Errorf("complete %s: %w", u.Destination, d.lost(err))
	}
	return stored, nil
}

// Resolve implements engine.Finisher. While the temporary file is there, the
// rename has not happened. Otherwise the target is read back: that a file of the
// right size and time is there would not prove that it is ours.
func (d *Destination) Resolve(ctx context.Context, u engine.Upload, pin engine.Pin, parts []engine.Receipt, sum engine.Checksum) (engine.Resolution, engine.Stored, error) {
	t, err := d.uploadTarget(u)
	if errors.Is(err, engine.ErrUploadGone) {
		return engine.Gone, engine.Stored{}, nil
	}
	if err != nil {
		return engine.Gone, engine.Stored{}, fmt.Errorf("resolve: %w", err)
	}
	if sum.Algorithm != engine.CRC64NVME {
		if sum, err = add(parts, pin.Size); err != nil {
			return engine.Gone, engine.Stored{}, fmt.Errorf("resolve %s: %w", u.Destination, err)
		}
	}
	var found engine.Resolution
	var stored engine.Stored
	err = d.in(t.dir, false, func(in *folder) error {
		info, err := in.root.Lstat(u.ID)
		if err == nil && info.Mode().IsRegular() && info.Size() == pin.Size {
			found = engine.Open
			return nil
		}
		f, info, err := openOwn(in, t.base, os.O_RDONLY)
		if errors.Is(err, engine.ErrUploadGone) || errors.Is(err, engine.ErrRefused) {
			return nil // replaced just now, or no regular file
		}
		if err != nil {
			return err
		}
		defer f.Close()
		if info.Size() != pin.Size {
			return nil
		}
		got, err := readBack(ctx, f)
		if err != nil || got != sum {
			return err
		}
		if err := d.calls.sync(f); err != nil { // the crash may have come before
			return err
		}
		stored, err = d.settled(in, f, sum)
		if err == nil {
			found = engine.Done
		}
		return err
	})
	if err = d.lost(err); err != nil && !errors.Is(err, engine.ErrUploadGone) {
		return engine.Gone, engine.Stored{}, fmt.Errorf("resolve %s: %w", u.Destination, err)
	}
	return found, stored, nil
}

// add gives the sum of an object from the receipts of its parts, which must tile it.
func add(parts []engine.Receipt, size int64) (engine.Checksum, error) {
	var crc uint64
	var total int64
	for i, part := range parts {
		if part.Number != int32(i+1) || part.Size <= 0 || part.ETag != fmt.Sprintf(`"%016x"`, part.CRC) {
			return engine.Checksum{}, fmt.Errorf("%w: part %d is not as it arrived", engine.ErrUploadGone, part.Number)
		}
		crc = engine.CombineCRC64NVME(crc, part.CRC, part.Size)
		total += part.Size
	}
	if total != size {
		return engine.Checksum{}, fmt.Errorf("%w: parts of %d bytes for an object of %d", engine.ErrUploadGone, total, size)
	}
	return engine.NewCRC64NVME(crc), nil
}

// readBack sums the bytes of a file.
func readBack(ctx context.Context, f *os.File) (engine.Checksum, error) {
	hash := crc64nvme.New()
	_, err := io.CopyBuffer(hash, &interruptible{ctx, f}, make([]byte, bufferSize))
	return engine.NewCRC64NVME(hash.Sum64()), err
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}
