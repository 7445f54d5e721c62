package engine

import (
	"context"
	"io"
)

// A Reader is what copy needs of a source.
type Reader interface {
	// OpenRange begins to read exactly the bytes r of the version pin. Another
	// version is ErrSourceChanged, never mixed bytes.
	OpenRange(ctx context.Context, at string, pin Pin, r Range) (io.ReadCloser, error)
}

// A Writer is what copy needs of a destination. Both calls read body to its end,
// once, and succeed only if the destination acknowledged all of it: where the
// destination tells a checksum, it has been compared with body's.
type Writer interface {
	// Put stores an object in one go. Nothing is visible at the place before it
	// is whole.
	Put(ctx context.Context, at string, pin Pin, body *Body) (Stored, error)

	// PutPart stores part number, which spans r, of an upload and returns the
	// destination's tag for it. It may be called again for a part that has
	// arrived; the last call wins. On return the part survives a power cut.
	PutPart(ctx context.Context, u Upload, pin Pin, number int32, r Range, body *Body) (etag string, err error)
}

// copy is a worker: it takes parts and gives what became of them. planned is
// closed when there will be no more.
func (r *run) copy(ctx context.Context, i int, in <-chan part, planned <-chan struct{}, out chan<- delivery) error {
	for r.pace.admit(ctx, i, planned) {
		p, ok := <-in
		if !ok {
			return nil
		}
		select {
		case out <- r.deliver(ctx, p):
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// deliver brings one part to the destination.
func (r *run) deliver(ctx context.Context, p part) delivery {
	d := delivery{part: p, err: p.err}
	if p.news || p.t.hopeless.Load() {
		p.drop()
		d.body = nil
		return d
	}
	// What is sent and not yet durable in the journal would be sent again after
	// a crash; r.owed bounds it.
	d.held = min(p.span.Len(), r.owes)
	if err := r.owed.Acquire(ctx, d.held); err != nil {
		d.held, d.err = 0, errStopped
		p.drop()
		return d
	}
	r.count.InFlight.Add(1)
	defer r.count.InFlight.Add(-1)
	d.err = r.try(ctx, func() error { return r.transport(ctx, &d) })
	return d
}

// transport moves the bytes of d's part once, in a stream from source to destination.
func (r *run) transport(ctx context.Context, d *delivery) (err error) {
	from := d.body
	d.body = nil // whatever happens, a second try opens anew
	switch {
	case from != nil:
	case d.span.Len() == 0:
		from = io.NopCloser(eof{})
	default:
		if from, err = r.src.OpenRange(ctx, d.t.Source, d.t.pin, d.span); err != nil {
			return err
		}
	}
	defer from.Close()

	var moved int64
	body := NewBody(from, d.span.Len(), d.expect(), func(n int) {
		moved += int64(n)
		r.count.Moved.Add(int64(n))
		if r.limit != nil {
			_ = r.limit.WaitN(ctx, n) // a cancelled wait ends with the request it paces
		}
	})
	var etag string
	if d.number == 0 {
		d.stored, err = r.dst.Put(ctx, d.t.Destination, d.t.pin, body)
	} else {
		etag, err = r.dst.PutPart(ctx, d.t.upload, d.t.pin, d.number, d.span, body)
	}
	if err == nil && body.read < body.size {
		err = io.ErrUnexpectedEOF // a store that did not take all of it has not stored it
	}
	if err != nil {
		r.count.Resent.Add(moved)
		if body.Err() != nil {
			return body.Err()
		}
		return err
	}
	d.receipt = Receipt{
		ObjectID: d.t.ID, Number: d.number, Size: d.span.Len(),
		ETag: etag, CRC: body.CRC(), Also: body.alsoCRC(),
	}
	return nil
}

// eof is an empty object's body.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
