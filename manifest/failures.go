package manifest

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"xfer/engine"
)

// A Failure is a row that failed in this pass.
type Failure struct {
	engine.Object
	Line   int64     // of the list
	Reason string    // one line, at most 1 KiB, without control characters
	At     time.Time // to the second
}

// Failed gives the next page of rows that failed, those with an ID above after
// in order of their IDs; empty at the end.
func (j *Job) Failed(ctx context.Context, after uint64) ([]Failure, error) {
	var page []Failure
	err := j.view(func(tx *bbolt.Tx) error {
		rows := newRowReader(tx)
		c := tx.Bucket(bucketFailed).Cursor()
		for key, value := c.Seek(numberKey(after + 1)); key != nil && len(page) < pageRows; key, value = c.Next() {
			id := keyNumber(key)
			row, err := rows.row(id)
			if err != nil {
				return err
			}
			var record failedRecord
			if err := unseal(key, value, &record); err != nil {
				return fmt.Errorf("row %d: %w", id, err)
			}
			page = append(page, Failure{
				Object: engine.Object{ID: id, Source: row.source, Destination: row.destination},
				Line:   row.line, Reason: record.Reason, At: time.Unix(record.At, 0),
			})
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read failed rows: %w", err)
	}
	return page, nil
}
