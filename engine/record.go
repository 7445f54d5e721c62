package engine

import (
	"context"
	"errors"
)

// A Recorder is what record needs of the journal.
type Recorder interface {
	// Record makes receipts durable in one commit. An error means that nothing
	// can be recorded any more and the run must end.
	Record(ctx context.Context, receipts []Receipt) error
}

// maxBatch bounds how much one commit takes in.
const maxBatch = 256

// record makes receipts durable, many in one commit, and counts transfers down.
// It is the only owner of what a transfer still misses. A transfer leaves it
// exactly once: whole, or with the error that leaves no hope.
func (r *run) record(ctx context.Context, in <-chan delivery, out chan<- *transfer) error {
	for d := range in {
		batch := drain(in, d)
		if err := r.journalReceipts(ctx, batch); err != nil {
			return r.unlessCut(ctx, err)
		}
		for _, d := range batch {
			if !r.account(d) {
				continue
			}
			select {
			case out <- d.t:
			case <-ctx.Done():
				return nil
			}
		}
	}
	return nil
}

// drain takes what waits in a channel besides first, up to a batch.
func drain[T any](in <-chan T, first T) []T {
	batch := []T{first}
	for len(batch) < maxBatch {
		select {
		case next, ok := <-in:
			if !ok {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// journalReceipts records the parts that arrived. An object put whole needs no
// receipt: it is either settled or sent again.
func (r *run) journalReceipts(ctx context.Context, batch []delivery) error {
	var receipts []Receipt
	for _, d := range batch {
		if d.err == nil && !d.news && d.receipt.Number > 0 {
			receipts = append(receipts, d.receipt)
		}
	}
	if len(receipts) == 0 {
		return nil
	}
	if err := r.journal.Record(ctx, receipts); err != nil {
		return err
	}
	for _, receipt := range receipts {
		r.count.Recorded.Add(receipt.Size)
	}
	return nil
}

// account takes a delivery into its transfer and reports whether that is now
// ready to leave. A transfer that was cut off by the end of the run never is.
func (r *run) account(d delivery) bool {
	t := d.t
	switch {
	case d.err != nil && errors.Is(d.err, errStopped):
		t.left = true
	case d.err != nil:
		if t.err == nil {
			t.err = d.err
		}
		t.hopeless.Store(true)
	case d.news:
	case d.number == 0:
		t.stored, t.crc, t.held = d.stored, d.receipt.CRC, d.held
	case d.receipt.Number > 0:
		t.receipts[d.number-1] = d.receipt
	}
	if t.held == 0 {
		r.owed.Release(d.held)
	}
	if t.missing--; t.missing > 0 {
		return false
	}
	if t.left {
		r.rounds.end(Failed)
		return false
	}
	return true
}
