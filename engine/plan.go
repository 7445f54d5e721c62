package engine

import (
	"context"
	"errors"
	"io"
	"time"
)

// An Opener is what plan needs of a source.
type Opener interface {
	// Stat pins at as it is now, without its bytes.
	Stat(ctx context.Context, at string) (Pin, error)

	// Open begins to read at from its first byte. The reply pins it; the reader
	// gives all Pin.Size bytes, and the caller may close it early.
	Open(ctx context.Context, at string) (Pin, io.ReadCloser, error)
}

// A Beginner is what plan needs of a destination.
type Beginner interface {
	// PartSize is the size in bytes of the parts in which an object of size bytes
	// should arrive, at most want unless want is 0 (no wish); 0 means that the
	// object is to be put whole.
	PartSize(at string, size, want int64) int64

	// Begin makes an upload for pin and returns its ID. A passing error leaves
	// open whether one was made; Sweep finds out.
	Begin(ctx context.Context, at string, pin Pin) (uploadID string, err error)

	// Sweep ends uploads for exactly this place that were begun after since and
	// whose begin was never answered. The caller knows of no upload at this place.
	// A destination whose keys may not list uploads returns ErrDenied.
	Sweep(ctx context.Context, at string, since time.Time) (ended int, err error)
}

// A Backlog is what plan needs of the journal. Writes are durable on return.
type Backlog interface {
	// Pending gives the next page of what is left, rows with an ID above after
	// in order of their IDs; empty at the end. While rows are still being read in
	// (from a pipe) it waits for more. No transaction is open when it returns.
	Pending(ctx context.Context, after uint64) ([]Pending, error)

	// Receipts gives what was recorded of the parts of a begun object.
	Receipts(ctx context.Context, id uint64) ([]Receipt, error)

	// Intend notes that an upload for this version is about to be begun, so that
	// a later run looks for one whose begin was not answered.
	Intend(ctx context.Context, id uint64, pin Pin, partSize int64, at time.Time) error

	// Begun notes the upload's ID. No part is sent before.
	Begun(ctx context.Context, id uint64, uploadID string) error
}

// A Pending is a row that is not settled, and how far an earlier run brought it.
type Pending struct {
	Object
	Last  Pin    // of the version that an earlier pass copied (size and ETag only); zero for a row never copied
	Begun *Begun // nil when no upload was ever intended
}

// A Begun is an upload that an earlier run intended or began.
type Begun struct {
	Pin      Pin
	Upload   Upload    // ID is "" when only the intent is known
	Intended time.Time // by this machine's clock
}

// feed gives every pending row to the planners, page by page, and again for the
// rows whose object must begin again.
func (r *run) feed(out chan<- Pending) error {
	for more := true; more; more = r.rounds.wait(r.intake) {
		for after := uint64(0); ; {
			page, err := r.journal.Pending(r.intake, after)
			if r.intake.Err() != nil {
				return nil
			}
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			for _, row := range page {
				r.rounds.begin()
				select {
				case out <- row:
				case <-r.intake.Done():
					return nil
				}
			}
			after = page[len(page)-1].ID
		}
	}
	return nil
}

// plan is a planner: it opens rows, pins them, begins their uploads and sends
// their parts. fed is closed when there will be no more. It returns an error only
// when the journal fails.
func (r *run) plan(ctx context.Context, i int, rows <-chan Pending, fed <-chan struct{}, out chan<- part) error {
	for r.pace.admit(ctx, i, fed) {
		row, ok := <-rows
		if !ok {
			return nil
		}
		if err := r.planRow(ctx, row, out); err != nil {
			return err
		}
	}
	return nil
}

// planRow brings one row on its way. Trouble with the object travels on with it;
// only the journal's is returned.
func (r *run) planRow(ctx context.Context, row Pending, out chan<- part) error {
	t := &transfer{Object: row.Object, missing: 1}
	if b := row.Begun; b != nil {
		if b.Upload.ID != "" && b.Upload.PartSize > 0 {
			return r.takeUp(ctx, t, b, out)
		}
		if !r.sweep(ctx, t, b.Intended) {
			return nil // stays pending, with its intent
		}
	}
	if same, err := r.unchanged(ctx, t, row.Last); err != nil || same {
		t.skipped = same
		r.pass(t, err, out)
		return nil
	}

	var body io.ReadCloser
	err := r.try(ctx, func() (err error) {
		t.pin, body, err = r.src.Open(ctx, t.Source)
		return err
	})
	if err != nil {
		r.pass(t, err, out)
		return nil
	}
	r.opened(t)
	size := r.dst.PartSize(t.Destination, t.pin.Size, r.opt.PartSize)
	t.upload = Upload{Destination: t.Destination, PartSize: size}
	if size == 0 {
		r.send(t.whole(body), out)
		return nil
	}
	if begun, err := r.begin(ctx, t, out); err != nil || !begun {
		body.Close()
		return err
	}
	r.sendParts(t, body, out)
	return nil
}

// unchanged reports whether the source is still the version that an earlier pass copied.
func (r *run) unchanged(ctx context.Context, t *transfer, last Pin) (bool, error) {
	if last.ETag == "" {
		return false, nil
	}
	err := r.try(ctx, func() (err error) {
		t.pin, err = r.src.Stat(ctx, t.Source)
		return err
	})
	return err == nil && t.pin.Same(last), err
}

// begin makes t's upload and journals its ID, the intent before it. It gives
// false when t has been sent on with its error instead.
func (r *run) begin(ctx context.Context, t *transfer, out chan<- part) (bool, error) {
	intended := time.Now()
	if err := r.journal.Intend(ctx, t.ID, t.pin, t.upload.PartSize, intended); err != nil {
		return false, r.unlessCut(ctx, err)
	}
	tries := 0
	err := r.try(ctx, func() (err error) {
		if tries++; tries > 1 && !r.sweep(ctx, t, intended) { // the answer to the one before may be all that was lost
			return errStopped
		}
		t.upload.ID, err = r.dst.Begin(ctx, t.Destination, t.pin)
		return err
	})
	if err != nil {
		t.upload.ID = ""
		if !errors.Is(err, errStopped) {
			r.sweep(ctx, t, intended)
		}
		r.pass(t, err, out)
		return false, nil
	}
	if err := r.journal.Begun(ctx, t.ID, t.upload.ID); err != nil {
		return false, r.unlessCut(ctx, err)
	}
	return true, nil
}

// sweep ends uploads that this object may have left behind. A destination that
// does not let us look is a matter for the report. It gives false when the run
// stops first.
func (r *run) sweep(ctx context.Context, t *transfer, since time.Time) bool {
	err := r.try(ctx, func() error {
		_, err := r.dst.Sweep(ctx, t.Destination, since)
		return err
	})
	if errors.Is(err, errStopped) {
		return false
	}
	if err != nil {
		r.notice("could not look for lost uploads; the destination may keep parts that nobody needs", err)
	}
	return true
}

// takeUp goes on with an upload that an earlier run began.
func (r *run) takeUp(ctx context.Context, t *transfer, b *Begun, out chan<- part) error {
	t.pin, t.upload = b.Pin, b.Upload
	t.upload.Destination = t.Destination
	r.opened(t)
	receipts, err := r.journal.Receipts(ctx, t.ID)
	if err != nil {
		return r.unlessCut(ctx, err)
	}
	t.split()
	for _, receipt := range receipts {
		n := receipt.Number
		if n < 1 || int(n) > len(t.receipts) || receipt.Size != partRange(t.pin.Size, t.upload.PartSize, n).Len() {
			continue // of no use: the part is sent again
		}
		if t.receipts[n-1].Number == 0 {
			t.missing--
		}
		t.receipts[n-1] = receipt
		r.count.Resumed.Add(receipt.Size)
		r.count.Recorded.Add(receipt.Size)
	}
	if t.missing == 0 {
		t.missing = 1 // the news itself
		r.pass(t, nil, out)
		return nil
	}
	r.sendParts(t, nil, out)
	return nil
}

// opened counts t as an object whose size is known.
func (r *run) opened(t *transfer) {
	r.count.Opened.Add(1)
	r.count.OpenedBytes.Add(t.pin.Size)
}

// split prepares t for its parts.
func (t *transfer) split() {
	t.missing = partCount(t.pin.Size, t.upload.PartSize)
	t.receipts = make([]Receipt, t.missing)
}

// sendParts sends the parts of t that no receipt is known of. body, if not nil,
// is open at the first byte and becomes part one.
//
// All of them are sent even when t turns hopeless half-way: copy lets them by,
// and record needs them to count t down.
func (r *run) sendParts(t *transfer, body io.ReadCloser, out chan<- part) {
	if t.receipts == nil {
		t.split()
	}
	size, partSize := t.pin.Size, t.upload.PartSize
	var missing []int32
	for i := range t.receipts {
		if t.receipts[i].Number == 0 {
			missing = append(missing, int32(i)+1)
		}
	}
	for _, n := range missing { // from here on receipts are record's
		p := part{t: t, number: n, span: partRange(size, partSize, n)}
		if n == 1 {
			p.body = body
		}
		if !r.send(p, out) {
			return
		}
	}
}

// pass sends t on without work: there is none, or err leaves no hope.
func (r *run) pass(t *transfer, err error, out chan<- part) {
	r.send(part{t: t, news: true, err: err}, out)
}

// send gives p to the workers, or drops it when the run stops. A transfer that
// is cut off here stays pending.
func (r *run) send(p part, out chan<- part) bool {
	select {
	case out <- p:
		return true
	case <-r.intake.Done():
		p.drop()
		return false
	}
}
