package storetest

import (
	"context"
	"fmt"
	"time"

	"xfer/engine"
)

// An upload is open from Begin to Complete or Abort.
type upload struct {
	at    string
	pin   engine.Pin
	begun time.Time
	parts map[int32]part
}

type part struct {
	etag string
	data []byte
	crc  uint64
}

// smallest is MinPart, or what S3 asks for.
func (m *Mem) smallest() int64 {
	if m.MinPart > 0 {
		return m.MinPart
	}
	return 5 << 20
}

// PartSize implements engine.Beginner: whole up to one part, in parts above.
func (m *Mem) PartSize(_ string, size, want int64) int64 {
	if want > 0 {
		want = max(want, m.smallest())
	}
	if partSize := engine.PartSize(size, want); size > partSize {
		return partSize
	}
	return 0
}

// Begin implements engine.Beginner.
func (m *Mem) Begin(ctx context.Context, at string, pin engine.Pin) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	f := m.call(OpBegin, at, 0)
	if err := f.early(); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.uploads == nil {
		m.uploads = make(map[string]*upload)
	}
	m.serial++
	id := fmt.Sprintf("upload-%d", m.serial)
	m.uploads[id] = &upload{at: at, pin: pin, begun: time.Now(), parts: make(map[int32]part)}
	if err := f.late(); err != nil {
		return "", err
	}
	return id, nil
}

// Sweep implements engine.Beginner.
func (m *Mem) Sweep(ctx context.Context, at string, since time.Time) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	f := m.call(OpSweep, at, 0)
	if err := f.early(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ended := 0
	for id, u := range m.uploads {
		if u.at == at && !u.begun.Before(since) {
			delete(m.uploads, id)
			ended++
		}
	}
	return ended, f.late()
}

// Abort implements engine.Finisher.
func (m *Mem) Abort(ctx context.Context, u engine.Upload) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f := m.call(OpAbort, u.Destination, 0)
	if err := f.early(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if open := m.uploads[u.ID]; open != nil && open.at == u.Destination {
		delete(m.uploads, u.ID)
	}
	return f.late()
}

// open finds an upload; m.mu is held.
func (m *Mem) open(u engine.Upload) (*upload, error) {
	open := m.uploads[u.ID]
	if open == nil || open.at != u.Destination {
		return nil, fmt.Errorf("upload %q to %s: %w", u.ID, u.Destination, engine.ErrUploadGone)
	}
	return open, nil
}
