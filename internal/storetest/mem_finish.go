package storetest

import (
	"context"
	"fmt"

	"github.com/minio/crc64nvme"

	"xfer/engine"
)

// Complete implements engine.Finisher.
func (m *Mem) Complete(ctx context.Context, u engine.Upload, pin engine.Pin, parts []engine.Receipt, sum engine.Checksum) (engine.Stored, error) {
	if err := ctx.Err(); err != nil {
		return engine.Stored{}, err
	}
	f := m.call(OpComplete, u.Destination, 0)
	if err := f.early(); err != nil {
		return engine.Stored{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	stored, again := m.done[u.ID]
	if !again || !m.Replays {
		open, err := m.open(u)
		if err != nil {
			return engine.Stored{}, err
		}
		data, err := m.join(open, pin, parts, sum)
		if err != nil {
			return engine.Stored{}, fmt.Errorf("complete %s: %w", u.Destination, err)
		}
		crc := engine.NewCRC64NVME(crc64nvme.Checksum(data))
		put := m.set(u.Destination, data, crc, open.pin.Metadata)
		stored = engine.Stored{ETag: put.ETag, Checksum: crc}
		delete(m.uploads, u.ID)
		if m.done == nil {
			m.done = make(map[string]engine.Stored)
		}
		m.done[u.ID] = stored
	}
	if err := f.late(); err != nil {
		return engine.Stored{}, err
	}
	return stored, nil
}

// join puts the listed parts together, as strictly as S3 does; m.mu is held.
func (m *Mem) join(open *upload, pin engine.Pin, parts []engine.Receipt, sum engine.Checksum) ([]byte, error) {
	var data []byte
	last := int32(0)
	for i, receipt := range parts {
		have, ok := open.parts[receipt.Number]
		switch {
		case receipt.Number <= last:
			return nil, fmt.Errorf("%w: part %d after part %d", engine.ErrRefused, receipt.Number, last)
		case !ok, have.etag != receipt.ETag, int64(len(have.data)) != receipt.Size, have.crc != receipt.CRC:
			return nil, fmt.Errorf("%w: part %d is not the one that arrived", engine.ErrUploadGone, receipt.Number)
		case i < len(parts)-1 && receipt.Size < m.smallest():
			return nil, fmt.Errorf("%w: part %d has %d bytes, fewer than %d", engine.ErrRefused, receipt.Number, receipt.Size, m.smallest())
		}
		last = receipt.Number
		data = append(data, have.data...)
	}
	if int64(len(data)) != pin.Size {
		return nil, fmt.Errorf("%w: parts of %d bytes for an object of %d", engine.ErrRefused, len(data), pin.Size)
	}
	if sum.Algorithm == engine.CRC64NVME && sum != engine.NewCRC64NVME(crc64nvme.Checksum(data)) {
		return nil, engine.ErrCorrupt
	}
	return data, nil
}

// Resolve implements engine.Finisher.
func (m *Mem) Resolve(ctx context.Context, u engine.Upload, pin engine.Pin, _ []engine.Receipt, sum engine.Checksum) (engine.Resolution, engine.Stored, error) {
	if err := ctx.Err(); err != nil {
		return engine.Gone, engine.Stored{}, err
	}
	f := m.call(OpResolve, u.Destination, 0)
	if f.Err != nil {
		return engine.Gone, engine.Stored{}, f.Err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.open(u); err == nil {
		return engine.Open, engine.Stored{}, nil // even if equal bytes are there already: nobody else would end it
	}
	if o, ok := m.objects[u.Destination]; ok && o.pin.Size == pin.Size &&
		sum == engine.NewCRC64NVME(crc64nvme.Checksum(o.data)) {
		return engine.Done, engine.Stored{ETag: o.pin.ETag, Checksum: sum}, nil
	}
	return engine.Gone, engine.Stored{}, nil
}
