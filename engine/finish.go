package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// A Finisher is what finish needs of a destination.
type Finisher interface {
	// Complete makes the object visible from its parts, in the order of their
	// numbers. sum is what all bytes must add up to. ErrAmbiguous: it may have
	// happened; ErrUploadGone: it may have happened before.
	Complete(ctx context.Context, u Upload, pin Pin, parts []Receipt, sum Checksum) (Stored, error)

	// Resolve looks what became of a Complete: Done only if the object there has
	// pin's size and sum (or, where no checksum is kept, the tag that follows from
	// the parts), Open if the upload can still be completed, Gone if neither.
	Resolve(ctx context.Context, u Upload, pin Pin, parts []Receipt, sum Checksum) (Resolution, Stored, error)

	// Abort ends an upload and waits until none of its parts is left. An upload
	// that is not there is no error; keys that may not look are ErrDenied.
	Abort(ctx context.Context, u Upload) error
}

// A Resolution is what became of a Complete whose answer was lost.
type Resolution int

// What Resolve finds.
const (
	Gone Resolution = iota // no upload, and not our object: start again
	Open                   // the upload is still there: complete it
	Done                   // our object is there, whole
)

// A Completer is what finish needs of the journal.
type Completer interface {
	// Completing notes that Complete is about to be sent for this object, whose
	// receipts are all recorded. Durable on return.
	Completing(ctx context.Context, id uint64) error
}

// finish completes transfers, looks what became of answers that were lost, and
// compares what can be compared. An error it returns is the journal's.
func (r *run) finish(ctx context.Context, in <-chan *transfer, out chan<- outcome) error {
	for t := range in {
		result, err := r.end(ctx, t)
		if errors.Is(err, errStopped) {
			r.owed.Release(t.held)
			r.rounds.end(Failed)
			continue // stays pending
		}
		if err != nil {
			return r.unlessCut(ctx, err)
		}
		select {
		case out <- outcome{result, t.held}:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// end brings a transfer to its result.
func (r *run) end(ctx context.Context, t *transfer) (Result, error) {
	result := Result{Object: t.Object, Pin: t.pin}
	switch {
	case t.skipped:
		result.Status = Skipped
		return result, nil
	case t.err != nil:
		return r.endFailed(ctx, t, t.err)
	case t.upload.ID == "":
		result.Sum, result.Stored = NewCRC64NVME(t.crc), t.stored
		result.Proof = prove(result, !t.pin.Checksum.IsZero()) // Body compared it
		return result, nil
	}

	sum, also := t.sums()
	result.Sum = sum
	compared, err := r.compare(ctx, t, sum, also)
	if err != nil {
		return r.endFailed(ctx, t, err)
	}
	if err := r.journal.Completing(ctx, t.ID); err != nil {
		return result, err
	}
	stored, err := r.complete(ctx, t, sum)
	if err != nil {
		return r.endFailed(ctx, t, err)
	}
	result.Stored = stored
	result.Proof = prove(result, compared)
	return result, nil
}

// compare holds what the source keeps of the whole object against what its parts
// add up to, and reports whether there was anything to compare. An MD5, which is
// what many a source keeps as an ETag and nothing else, would cost a second
// reading of every such object and is let be.
func (r *run) compare(ctx context.Context, t *transfer, sum, also Checksum) (bool, error) {
	want := t.pin.Checksum
	switch {
	case want.IsZero() || want.Algorithm == MD5:
		return false, nil
	case !want.Algorithm.combines():
		return true, r.reread(ctx, t, sum)
	case want != also:
		return true, fmt.Errorf("check object: %w: the source keeps %s, its parts give %s", ErrCorrupt, want, also)
	}
	return true, nil
}

// complete makes the object visible and knows afterwards whether it is. The
// upload being gone is the truth only after a look at the object itself: an
// earlier Complete may have taken it.
func (r *run) complete(ctx context.Context, t *transfer, sum Checksum) (Stored, error) {
	for n := 1; ; n++ {
		var stored Stored
		err := r.try(ctx, func() (err error) {
			stored, err = r.dst.Complete(ctx, t.upload, t.pin, t.receipts, sum)
			return err
		})
		if err == nil {
			return stored, checkStored(stored, sum)
		}
		if a := actionFor(err); a != resolve && a != restart && a != again {
			return Stored{}, err
		}
		var what Resolution
		if err := r.try(ctx, func() (err error) {
			what, stored, err = r.dst.Resolve(ctx, t.upload, t.pin, t.receipts, sum)
			return err
		}); err != nil {
			return Stored{}, err
		}
		switch what {
		case Done:
			return stored, checkStored(stored, sum)
		case Gone:
			return Stored{}, fmt.Errorf("complete object: %w", ErrUploadGone)
		}
		if n == maxCompletes {
			return Stored{}, fmt.Errorf("complete object: %w: still open after %d tries: %w", ErrUploadGone, n, err)
		}
		if !r.pause(ctx, n) {
			return Stored{}, errStopped
		}
	}
}

// maxCompletes is how often Complete is sent for an upload that stays open.
const maxCompletes = 5

// checkStored holds what the destination tells against what was sent.
func checkStored(stored Stored, sum Checksum) error {
	if !stored.Checksum.IsZero() && stored.Checksum.Algorithm == sum.Algorithm && stored.Checksum != sum {
		return fmt.Errorf("complete object: %w: sent %s, the destination holds %s", ErrCorrupt, sum, stored.Checksum)
	}
	return nil
}

// reread reads the whole source once more, because what it keeps of the object
// cannot be had from the sums of its parts. Both sums must agree.
func (r *run) reread(ctx context.Context, t *transfer, sum Checksum) error {
	return r.try(ctx, func() error {
		from, err := r.src.OpenRange(ctx, t.Source, t.pin, Range{0, t.pin.Size})
		if err != nil {
			return err
		}
		defer from.Close()
		body := NewBody(from, t.pin.Size, t.pin.Checksum, nil)
		if _, err := io.Copy(io.Discard, body); err != nil {
			return err
		}
		if got := NewCRC64NVME(body.CRC()); got != sum {
			return fmt.Errorf("check object: %w: its parts gave %s, read once more it gives %s", ErrCorrupt, sum, got)
		}
		return nil
	})
}

// endFailed ends a transfer that did not arrive. One whose upload is lost, or
// whose parts do not add up, begins again within bounds. The upload of one that
// only ran out of time is kept, so that the next run goes on from there.
func (r *run) endFailed(ctx context.Context, t *transfer, cause error) (Result, error) {
	if errors.Is(cause, errStopped) {
		return Result{}, errStopped
	}
	result := Result{Object: t.Object, Pin: t.pin, Status: Failed, Err: cause}
	if t.upload.ID == "" {
		return result, nil
	}
	a := actionFor(cause)
	if a == again || a == slower {
		result.Upload = t.upload
		return result, nil
	}
	err := r.try(ctx, func() error { return r.dst.Abort(ctx, t.upload) })
	switch {
	case errors.Is(err, errStopped):
		return Result{}, errStopped
	case err != nil:
		result.Upload = t.upload
		r.notice("could not end an upload; its parts stay at the destination", err)
	}
	if (a == restart || a == resend) && r.rounds.mayRestart(t.ID) {
		r.notice("beginning an object again: "+t.Destination, cause)
		result.Status, result.Upload = Again, Upload{}
	}
	return result, nil
}

// prove tells how far the bytes of a copied object were compared. compared says
// that they agree with a checksum of the source's own.
func prove(result Result, compared bool) Proof {
	switch {
	case result.Stored.Checksum.IsZero() || result.Stored.Checksum != result.Sum:
		return ProofNone
	case compared || result.Pin.Local:
		return ProofEndToEnd
	}
	return ProofDestination
}
