package manifest

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"
)

// Start makes the job ready for a run. If every row has been copied or skipped
// it begins the next pass, in which all rows are pending again and Pending tells
// of each what was copied last. Otherwise the pass goes on, and rows that failed
// in an earlier run are pending again.
//
// A crash in the middle costs nothing: the next Start does the rest.
func (j *Job) Start(ctx context.Context) error {
	if s := j.sums.Load(); s.totals().Finished() && s.Whole && s.Rows > 0 {
		err := j.commit(ctx, func(w *writer) error {
			w.sums.nextPass()
			return nil
		})
		if err != nil {
			return fmt.Errorf("start pass: %w", err)
		}
		return nil
	}
	for {
		ids, err := j.failedPage()
		if err != nil || len(ids) == 0 {
			return err
		}
		err = j.commit(ctx, func(w *writer) error {
			for _, id := range ids {
				if err := w.unsettle(id); err != nil {
					return err
				}
				if err := w.tx.Bucket(bucketFailed).Delete(numberKey(id)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("take up failed rows: %w", err)
		}
	}
}

// failedPage gives the IDs of some failed rows.
func (j *Job) failedPage() (ids []uint64, err error) {
	err = j.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketFailed).Cursor()
		for key, _ := c.First(); key != nil && len(ids) < pageRows; key, _ = c.Next() {
			if len(key) != 8 {
				return fmt.Errorf("%w: key of %d bytes", ErrCorrupt, len(key))
			}
			ids = append(ids, keyNumber(key))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read failed rows: %w", err)
	}
	return ids, nil
}
