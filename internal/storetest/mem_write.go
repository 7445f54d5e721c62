package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/minio/crc64nvme"

	"xfer/engine"
)

var _ engine.Destination = (*Mem)(nil)

// Put implements engine.Writer.
func (m *Mem) Put(ctx context.Context, at string, pin engine.Pin, body *engine.Body) (engine.Stored, error) {
	f := m.call(OpPut, at, 0)
	if err := f.early(); err != nil {
		return engine.Stored{}, err
	}
	if body.Size() != pin.Size {
		return engine.Stored{}, fmt.Errorf("put %s: %w: a body of %d bytes for %d", at, engine.ErrRefused, body.Size(), pin.Size)
	}
	data, err := take(ctx, f, body)
	if err != nil {
		return engine.Stored{}, fmt.Errorf("put %s: %w", at, err)
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	sum := engine.NewCRC64NVME(body.CRC())
	put := m.set(at, data, sum, pin.Metadata)
	m.arrivals = append(m.arrivals, Arrival{At: at, Size: put.Size, CRC: body.CRC()})
	if err := f.late(); err != nil {
		return engine.Stored{}, err
	}
	return engine.Stored{ETag: put.ETag, Checksum: sum}, nil
}

// PutPart implements engine.Writer.
func (m *Mem) PutPart(ctx context.Context, u engine.Upload, pin engine.Pin, number int32, r engine.Range, body *engine.Body) (string, error) {
	f := m.call(OpPutPart, u.Destination, number)
	if err := f.early(); err != nil {
		return "", err
	}
	if err := fits(u, pin, number, r, body); err != nil {
		return "", fmt.Errorf("put part %d of %s: %w: %w", number, u.Destination, engine.ErrRefused, err)
	}
	m.mu.Lock()
	_, err := m.open(u)
	m.mu.Unlock()
	if err != nil {
		return "", err
	}
	data, err := take(ctx, f, body)
	if err != nil {
		return "", fmt.Errorf("put part %d of %s: %w", number, u.Destination, err)
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	open, err := m.open(u) // it may have ended while the body came in
	if err != nil {
		return "", err
	}
	tag := m.tag(data)
	open.parts[number] = part{etag: tag, data: data, crc: body.CRC()}
	m.arrivals = append(m.arrivals, Arrival{u.Destination, u.ID, number, int64(len(data)), body.CRC()})
	if err := f.late(); err != nil {
		return "", err
	}
	return tag, nil
}

// take reads a body to its end and compares what arrived with what was sent.
func take(ctx context.Context, f Fault, body *engine.Body) ([]byte, error) {
	var got bytes.Buffer
	if f.Cut != nil && f.Err != nil {
		if _, err := io.CopyN(&got, body, *f.Cut); err != nil && err != io.EOF {
			return nil, err
		}
		return nil, f.Err
	}
	buf := make([]byte, 64<<10)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := body.Read(buf)
		got.Write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	data := got.Bytes()
	if f.Flip && len(data) > 0 {
		data[len(data)/2] ^= 1
	}
	if int64(len(data)) != body.Size() {
		return nil, fmt.Errorf("%w: %d of %d bytes", io.ErrUnexpectedEOF, len(data), body.Size())
	}
	if crc64nvme.Checksum(data) != body.CRC() {
		return nil, engine.ErrCorrupt
	}
	return data, nil
}

// fits checks a part against the cut of its upload.
func fits(u engine.Upload, pin engine.Pin, number int32, r engine.Range, body *engine.Body) error {
	switch start := int64(number-1) * u.PartSize; {
	case number < 1 || number > engine.MaxParts:
		return fmt.Errorf("part number %d", number)
	case u.PartSize <= 0:
		return fmt.Errorf("part size %d", u.PartSize)
	case r.Start != start || r.End != min(start+u.PartSize, pin.Size) || r.Len() <= 0:
		return fmt.Errorf("%s are not part %d of %d bytes cut at %d", r, number, pin.Size, u.PartSize)
	case body.Size() != r.Len():
		return fmt.Errorf("a body of %d bytes for %d", body.Size(), r.Len())
	}
	return nil
}
