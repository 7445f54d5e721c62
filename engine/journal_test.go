package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"xfer/engine"
)

// journal is a journal in memory that a run can be cut off from and that
// outlives it. It checks the order of the protocol: whatever is out of order is
// a fault of the engine's and fails the test.
type journal struct {
	t *testing.T

	mu      sync.Mutex
	rows    map[uint64]*row
	broken  error // what every write answers, as a poisoned journal does
	commits int
	failAt  int // the commit that breaks the journal; 0: none
}

type row struct {
	engine.Object
	last       engine.Pin
	begun      *engine.Begun
	receipts   map[int32]engine.Receipt
	completing bool
	result     *engine.Result
}

func newJournal(t *testing.T) *journal {
	return &journal{t: t, rows: map[uint64]*row{}}
}

func (j *journal) add(source, destination string) {
	id := uint64(len(j.rows) + 1)
	j.rows[id] = &row{Object: engine.Object{ID: id, Source: source, Destination: destination}}
}

// reopen makes the journal whole again after it broke, and failed rows pending.
func (j *journal) reopen() {
	j.broken, j.failAt = nil, 0
	for _, r := range j.rows {
		if r.result != nil && r.result.Status == engine.Failed {
			r.result = nil
		}
	}
}

func (j *journal) wrong(format string, args ...any) {
	j.t.Errorf("journal: "+format, args...)
}

func (j *journal) commit(ctx context.Context, f func()) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if j.broken != nil {
		return j.broken
	}
	if j.commits++; j.commits == j.failAt {
		j.broken = errors.New("commit: input/output error")
		return j.broken
	}
	f()
	return nil
}

func (j *journal) Pending(ctx context.Context, after uint64) ([]engine.Pending, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return nil, j.broken
	}
	var page []engine.Pending
	for id := after + 1; id <= uint64(len(j.rows)) && len(page) < 7; id++ {
		if r := j.rows[id]; r.result == nil {
			page = append(page, engine.Pending{Object: r.Object, Last: r.last, Begun: r.begun})
		}
	}
	return page, ctx.Err()
}

func (j *journal) Receipts(_ context.Context, id uint64) ([]engine.Receipt, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []engine.Receipt
	for _, r := range j.rows[id].receipts {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b engine.Receipt) int { return int(a.Number - b.Number) })
	return all, nil
}

func (j *journal) Intend(ctx context.Context, id uint64, pin engine.Pin, partSize int64, at time.Time) error {
	return j.commit(ctx, func() {
		if r := j.rows[id]; r.begun != nil && r.begun.Upload.ID != "" {
			j.wrong("row %d: a second upload is intended", id)
		}
		j.rows[id].begun = &engine.Begun{Pin: pin, Intended: at, Upload: engine.Upload{Destination: j.rows[id].Destination, PartSize: partSize}}
		j.rows[id].receipts = map[int32]engine.Receipt{}
	})
}

func (j *journal) Begun(ctx context.Context, id uint64, uploadID string) error {
	return j.commit(ctx, func() {
		r := j.rows[id]
		if r.begun == nil || uploadID == "" {
			j.wrong("row %d: begun as %q without intent", id, uploadID)
			return
		}
		begun := *r.begun
		begun.Upload.ID = uploadID
		r.begun = &begun
	})
}

func (j *journal) Record(ctx context.Context, receipts []engine.Receipt) error {
	return j.commit(ctx, func() {
		for _, receipt := range receipts {
			r := j.rows[receipt.ObjectID]
			if r.begun == nil || r.begun.Upload.ID == "" || r.completing {
				j.wrong("row %d: a receipt for part %d without an open upload", receipt.ObjectID, receipt.Number)
				continue
			}
			r.receipts[receipt.Number] = receipt
		}
	})
}

func (j *journal) Completing(ctx context.Context, id uint64) error {
	return j.commit(ctx, func() {
		r := j.rows[id]
		var sum int64
		for _, receipt := range r.receipts {
			sum += receipt.Size
		}
		if r.begun == nil || sum != r.begun.Pin.Size {
			j.wrong("row %d: completing with %d bytes of receipts", id, sum)
		}
		r.completing = true
	})
}

func (j *journal) Settle(ctx context.Context, results []engine.Result) error {
	return j.commit(ctx, func() {
		for _, result := range results {
			r := j.rows[result.ID]
			if r.result != nil {
				j.wrong("row %d: settled twice", result.ID)
			}
			if result.Status == engine.Copied && r.begun != nil && r.begun.Upload.ID != "" && !r.completing {
				j.wrong("row %d: copied, but never completing", result.ID)
			}
			r.completing = false
			if result.Upload.ID == "" {
				r.begun, r.receipts = nil, nil
			}
			if result.Status != engine.Again {
				r.result = &result
			}
		}
	})
}

// count gives how many rows ended as s.
func (j *journal) count(s engine.Status) (n int) {
	for _, r := range j.rows {
		if r.result != nil && r.result.Status == s {
			n++
		}
	}
	return n
}

func (j *journal) String() string {
	return fmt.Sprintf("%d rows: %d copied, %d skipped, %d failed", len(j.rows),
		j.count(engine.Copied), j.count(engine.Skipped), j.count(engine.Failed))
}
