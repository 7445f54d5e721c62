package filestore

import (
	"context"
	"fmt"
	"io"
	"os"

	"xfer/engine"
)

// bufferSize is how many bytes are written at once. Larger gains nothing measurable;
// each call under way holds one buffer.
const bufferSize = 256 << 10

// Put implements engine.Writer. A place that ends in "/" stands for a folder, as
// S3 consoles make them: it is made, and has no bytes.
func (d *Destination) Put(ctx context.Context, at string, pin engine.Pin, body *engine.Body) (engine.Stored, error) {
	t, err := d.target(at)
	if err != nil {
		return engine.Stored{}, fmt.Errorf("put: %w", err)
	}
	var stored engine.Stored
	if t.marker {
		stored, err = d.putFolder(t, pin, body)
	} else {
		err = d.in(t.dir, true, func(in *folder) (err error) {
			stored, err = d.putFile(ctx, in, t, pin, body)
			return err
		})
	}
	if err != nil {
		return engine.Stored{}, fmt.Errorf("put %s: %w", at, d.explain(err))
	}
	return stored, nil
}

func (d *Destination) putFile(ctx context.Context, in *folder, t target, pin engine.Pin, body *engine.Body) (engine.Stored, error) {
	if body.Size() != pin.Size {
		return engine.Stored{}, fmt.Errorf("%w: a body of %d bytes for %d", engine.ErrRefused, body.Size(), pin.Size)
	}
	if err := free(in, t); err != nil {
		return engine.Stored{}, err
	}
	name, f, err := createPut(in, t)
	if err != nil {
		return engine.Stored{}, err
	}
	defer f.Close()
	err = d.write(ctx, f, 0, body)
	if err == nil {
		_, err = d.publish(in, name, f, t, pin.Metadata.Modified)
	}
	if err != nil {
		if owns(in, name, f) == nil {
			_ = in.root.Remove(name) // the next Put would, too
		}
		return engine.Stored{}, err
	}
	return d.settled(in, f, engine.NewCRC64NVME(body.CRC()))
}

// settled syncs the folder of the file f, which has been renamed, and describes it.
func (d *Destination) settled(in *folder, f *os.File, sum engine.Checksum) (engine.Stored, error) {
	if err := in.sync(); err != nil {
		return engine.Stored{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return engine.Stored{}, err
	}
	return engine.Stored{ETag: etag(info), Checksum: sum}, nil
}

func (d *Destination) putFolder(t target, pin engine.Pin, body *engine.Body) (engine.Stored, error) {
	if pin.Size != 0 || body.Size() != 0 {
		return engine.Stored{}, fmt.Errorf("%w: %d bytes cannot be kept in a folder", engine.ErrRefused, pin.Size)
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return engine.Stored{}, err
	}
	var stored engine.Stored
	err := d.in(t.rel, true, func(in *folder) error {
		info, err := in.dir.Stat()
		if err == nil {
			stored = engine.Stored{ETag: etag(info), Checksum: engine.NewCRC64NVME(body.CRC())}
		}
		return err
	})
	return stored, err
}

// write copies body to f from offset on, and reads it to its end.
func (d *Destination) write(ctx context.Context, f *os.File, offset int64, body *engine.Body) error {
	buf := d.buffers.Get().(*[bufferSize]byte)
	defer d.buffers.Put(buf)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, end := fill(body, buf[:])
		if n > 0 {
			if _, err := d.calls.write(f, buf[:n], offset); err != nil {
				return err
			}
			offset += int64(n)
		}
		if end == io.EOF {
			return nil
		}
		if end != nil {
			return end
		}
	}
}

// fill reads until buf is full or body ends, with io.EOF or not.
func fill(body *engine.Body, buf []byte) (n int, end error) {
	for n < len(buf) && end == nil {
		var got int
		got, end = body.Read(buf[n:])
		n += got
	}
	return n, end
}
